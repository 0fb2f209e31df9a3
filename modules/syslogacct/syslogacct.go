// Package syslogacct is the accounting module SyslogAcct: a syslog message for each event, as GnuGk's module of that name
// writes it.
package syslogacct

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"go.uber.org/zap"

	"tollgate/acctstack"
	"tollgate/cdr"
	"tollgate/config"
)

// Factory is the module SyslogAcct.
func Factory() acctstack.Factory {
	return acctstack.Factory{
		Name:     "SyslogAcct",
		Doc:      "Sends a syslog message for each event.",
		Supports: supports(),
		Keys:     keys(),
		New: func(env acctstack.Env, sec *config.Section) (acctstack.Module, error) {
			return newModule(env, sec)
		},
	}
}

// Module sends syslog messages. It implements Starter, Closer and Warner of acctstack.
type Module struct {
	name      string // the instance in lower case, for errors
	templates map[acctstack.Kind]*cdr.Template
	header    header
	limit     int // bytes of a message
	socket    *socket
	log       *zap.Logger
	warnings  config.Problems
	buffers   sync.Pool // *[]byte
}

var (
	_ acctstack.Starter = (*Module)(nil)
	_ acctstack.Closer  = (*Module)(nil)
	_ acctstack.Warner  = (*Module)(nil)
)

func newModule(env acctstack.Env, sec *config.Section) (*Module, error) {
	m := &Module{name: strings.ToLower(env.Instance), templates: make(map[acctstack.Kind]*cdr.Template), log: env.Log}
	m.buffers.New = func() any { return new([]byte) }
	var problems config.Problems
	check := func(key string, err error) {
		if err != nil {
			problems = append(problems, sec.Problem(key, "%s: %v", key, err))
		}
	}
	to, err := parseServer(sec.Text("Server"))
	check("Server", err)
	facility, err := parseFacility(sec.Text("SyslogFacility"))
	check("SyslogFacility", err)
	level, err := parseLevel(sec.Text("SyslogLevel"))
	check("SyslogLevel", err)
	check("Ident", checkIdent(sec.Text("Ident")))
	times, ps := env.Times(sec)
	problems = append(problems, ps...)
	if err := problems.Err(); err != nil {
		return nil, err
	}
	m.header = newHeader(facility|level, sec.Text("Ident"), to.network)
	m.limit, m.socket = to.limit(), &socket{to: to, patience: sec.Duration("QueueWait")}
	format := cdr.Format{Times: times, Escaping: cdr.Quoted}
	if !sec.Bool("Escape") {
		format.Escaping = cdr.QuotedRaw
	}
	for _, e := range events {
		m.compile(e, sec, format)
	}
	return m, nil
}

func (m *Module) compile(e event, sec *config.Section, format cdr.Format) {
	if sec.Text(e.key) == "" {
		return
	}
	t, warnings := acctstack.Compile(sec, e.key, e.kind.String(), cdr.CallScope, format)
	m.templates[e.kind], m.warnings = t, append(m.warnings, warnings...)
}

// Start opens the socket. A syslog daemon that is away is no error: each Store looks for it again.
func (m *Module) Start() error {
	if err := m.socket.start(); err != nil {
		m.log.Warn("the syslog daemon is away", zap.Error(err))
	}
	return nil
}

// Close closes the socket. Nothing waits in the module.
func (m *Module) Close() error {
	m.socket.close()
	return nil
}

// Warnings are the placeholders that the module does not know.
func (m *Module) Warnings() config.Problems { return m.warnings }

// Store hands the message of ev to the system. It waits for the syslog daemon as QueueWait allows, and no longer. Nothing is sent, and nothing fails, if the operator emptied the text of that kind.
func (m *Module) Store(ctx context.Context, ev *acctstack.Event) error {
	err := ctx.Err()
	if t := m.templates[ev.Kind]; err == nil && t != nil {
		err = m.send(ctx, t, ev)
	}
	if err != nil {
		return fmt.Errorf("%s: storing %s of call %s: %w", m.name, ev.Kind, ev.Record.SessionID, err)
	}
	return nil
}

func (m *Module) send(ctx context.Context, t *cdr.Template, ev *acctstack.Event) error {
	buf := m.buffers.Get().(*[]byte)
	defer m.buffers.Put(buf)
	message := m.header.append((*buf)[:0], ev.Time)
	message = t.Append(message, ev.Source())
	if len(message) > m.limit {
		m.log.Warn("syslog message cut", zap.String("call", ev.Record.SessionID), zap.Int("bytes", len(message)), zap.Int("limit", m.limit))
		message = cut(message, m.limit)
	}
	*buf = message
	return m.socket.send(ctx, message)
}
