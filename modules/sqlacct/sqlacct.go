// Package sqlacct is the accounting module SQLAcct: one SQL query for each event, as GnuGk's module of that name runs
// it, with the values bound as parameters.
//
// An event may be handed over twice: after a crash between the commit and the answer, or when the answer came too late.
// The transaction of its query therefore carries the event's id into a table of ours as well (see sqldb.Once), and an
// event whose id is there is stored already.
package sqlacct

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"tollgate/acctstack"
	"tollgate/cdr"
	"tollgate/config"
	"tollgate/sqldb"
)

// errNoQuery is the answer to an event whose query may legally be missing (GnuGk fails it, too).
var errNoQuery = acctstack.Permanent(errors.New("no query is configured for it"))

// Factory is the module SQLAcct.
func Factory() acctstack.Factory {
	return acctstack.Factory{
		Name:     "SQLAcct",
		Doc:      "Runs an SQL query for each event.",
		Supports: supports(),
		Keys:     keys(),
		Foreign:  foreign(),
		New: func(env acctstack.Env, sec *config.Section) (acctstack.Module, error) {
			return newModule(env, sec)
		},
	}
}

// Module runs the queries of one section. It implements Starter, Closer and Warner of acctstack.
type Module struct {
	name       string // the instance in lower case, for errors
	database   sqldb.SQLite
	once       sqldb.Once
	statements map[acctstack.Kind]sqldb.Statement
	prepare    map[string]*sqldb.Query // by key, those that enabled events need
	warnings   config.Problems
	db         *sqldb.DB
}

var (
	_ acctstack.Starter = (*Module)(nil)
	_ acctstack.Closer  = (*Module)(nil)
	_ acctstack.Warner  = (*Module)(nil)
)

func newModule(env acctstack.Env, sec *config.Section) (*Module, error) {
	m := &Module{
		name:       strings.ToLower(env.Instance),
		statements: make(map[acctstack.Kind]sqldb.Statement),
		prepare:    make(map[string]*sqldb.Query),
		database: sqldb.SQLite{
			Path: sec.Text("Database"),
			Init: sec.Text("InitQuery"),
			Sync: sec.Text("Sync") == "always",
			Busy: sec.Duration("BusyTimeout"),
		},
	}
	if sec.Bool("OnceOnly") {
		m.once = sqldb.Once{Instance: m.name, Keep: sec.Duration("OnceOnlyKeep")}
	}
	var problems config.Problems
	p := parser{module: m, env: env, section: sec, parsed: make(map[string]*sqldb.Query)}
	if err := checkDriver(sec.Text("Driver")); err != nil {
		p.problems = append(p.problems, sec.Problem("Driver", "Driver: %v", err))
	}
	if keep := m.once.Keep; keep > 0 && keep < time.Hour {
		p.problems = append(p.problems, sec.Problem("OnceOnlyKeep", "OnceOnlyKeep: %s is too short, at least 1h, or 0 for ever", keep))
	}
	if m.database.Path == "" {
		p.problems = append(p.problems, sec.Problem("Database", "Database is empty: name the database file"))
	} else if !filepath.IsAbs(m.database.Path) {
		m.database.Path = filepath.Join(env.StateDir, m.database.Path)
	}
	if p.times, problems = env.Times(sec); len(problems) > 0 {
		p.problems = append(p.problems, problems...)
	} else {
		p.queries()
	}
	if err := p.problems.Err(); err != nil {
		return nil, err
	}
	return m, nil
}

// Start opens the database, creating it if it is missing, runs InitQuery and prepares the queries.
func (m *Module) Start() error {
	db, err := sqldb.Open(m.database, m.once, m.prepare)
	if err != nil {
		return fmt.Errorf("%s: %w", m.name, err)
	}
	m.db = db
	return nil
}

// Close closes the database.
func (m *Module) Close() error {
	if m.db == nil {
		return nil
	}
	if err := m.db.Close(); err != nil {
		return fmt.Errorf("%s: closing the database: %w", m.name, err)
	}
	return nil
}

// Warnings are enabled events without a query, and texts that look like placeholders.
func (m *Module) Warnings() config.Problems { return m.warnings }

// Store runs the query of ev, and its alternative if it fails or affects no row, unless the event is stored already. Nil
// means that the transaction is committed. Errors that the same query would meet again, such as a violated constraint, are permanent.
func (m *Module) Store(ctx context.Context, ev *acctstack.Event) error {
	st, ok := m.statements[ev.Kind]
	err := errNoQuery
	if ok {
		err = m.db.Do(ctx, st, ev.Source())
	}
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: storing %s%s: %w", m.name, ev.Kind, subject(ev), err)
}

// subject is what the event is about, for errors.
func subject(ev *acctstack.Event) string {
	switch {
	case ev.Record != nil:
		return " of call " + ev.Record.SessionID
	case ev.Endpoint != nil:
		return " of endpoint " + ev.Endpoint.ID
	}
	return ""
}

// parser reads the queries of a section.
type parser struct {
	module   *Module
	env      acctstack.Env
	section  *config.Section
	times    *cdr.TimeFormat
	parsed   map[string]*sqldb.Query // by key; nil for an empty one
	problems config.Problems
}

func (p *parser) queries() {
	for _, e := range events {
		p.event(e)
	}
}

// event gives an enabled event its statement.
func (p *parser) event(e event) {
	query, alt := p.query(e.key, e.scope), p.query(e.alt, e.scope)
	switch {
	case !p.env.Enabled.Has(e.kind):
		return
	case query != nil:
		p.module.statements[e.kind] = sqldb.Statement{Query: query, Alt: alt}
		p.module.prepare[e.key] = query
		if alt != nil {
			p.module.prepare[e.alt] = alt
		}
	case p.section.Text(e.key) != "": // it is wrong, which was said
	case e.needed:
		p.problems = append(p.problems, p.section.Problem(e.key,
			"%s is empty, but %s events are enabled: write the query, or list other events in [Gatekeeper::Acct]", e.key, e.kind))
	default:
		p.module.warnings = append(p.module.warnings, p.section.Warning(e.key,
			"%s is empty, so each %s event fails: write the query, or list the other events in [Gatekeeper::Acct]", e.key, e.kind))
	}
}

// query parses the query of a key once; nil if it is empty or wrong.
func (p *parser) query(key string, scope cdr.Scope) *sqldb.Query {
	if key == "" || p.section.Text(key) == "" {
		return nil
	}
	if q, ok := p.parsed[key]; ok {
		return q
	}
	q, err := sqldb.Parse(p.section.Text(key), scope, p.times)
	p.parsed[key] = q
	for _, err := range each(err) {
		p.problems = append(p.problems, p.section.Problem(key, "%s: %v", key, err))
	}
	if err != nil {
		return nil
	}
	for _, text := range q.Warnings {
		p.module.warnings = append(p.module.warnings, p.section.Warning(key, "%s: %s", key, text))
	}
	return q
}

// each is the errors that errors.Join has put together.
func each(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	if err == nil {
		return nil
	}
	return []error{err}
}
