package sqldb

import (
	"errors"
	"fmt"
	"strings"

	"tollgate/cdr"
)

// Query is one SQL statement whose placeholders have become bound parameters.
type Query struct {
	SQL      string // with a ? for each of Params
	Params   []Param
	Warnings []string // what looks like a placeholder inside a literal and is none
	rows     bool     // the statement returns rows
}

// Parse rewrites the operator's query. A literal in single quotes that holds placeholders becomes one parameter with the
// composed text; a bare placeholder becomes a parameter of its own. The error names everything that is wrong:
// placeholders of another scope or that don't exist, placeholders where SQL allows no value, more than one statement.
func Parse(text string, scope cdr.Scope, times *cdr.TimeFormat) (*Query, error) {
	all, err := tokens(text)
	if err != nil {
		return nil, err
	}
	r := &rewriter{all: all, scope: scope, format: cdr.Format{Times: times, Escaping: cdr.Raw}, query: new(Query)}
	for r.at = range all {
		r.token()
	}
	switch r.first {
	case "":
		r.fail("no statement")
	case "BEGIN", "COMMIT", "END", "ROLLBACK", "SAVEPOINT", "RELEASE", "ATTACH", "DETACH":
		r.fail("%s: transactions and connections are not the query's business", r.first)
	}
	if len(r.errs) > 0 {
		return nil, errors.Join(r.errs...)
	}
	r.query.SQL = strings.TrimSpace(r.sql.String())
	r.query.rows = r.returnsRows()
	return r.query, nil
}

// rewriter goes over the tokens of a query once.
type rewriter struct {
	all    []token
	at     int // the present token
	scope  cdr.Scope
	format cdr.Format

	query *Query
	sql   strings.Builder
	errs  []error

	first   string // the first word, in upper case
	last    string // the last word before the present token if only blanks follow it, in upper case
	ended   bool   // a semicolon was seen
	extra   bool   // and something after it
	returns bool   // RETURNING was seen
	writes  bool   // INTO, UPDATE or DELETE was seen
}

func (r *rewriter) fail(format string, args ...any) {
	r.errs = append(r.errs, fmt.Errorf(format, args...))
}

// token copies or replaces the present token.
func (r *rewriter) token() {
	t := r.all[r.at]
	if t.kind == blank {
		r.sql.WriteByte(' ')
		return
	}
	if t.kind == semicolon {
		r.ended = true
		return
	}
	if r.ended {
		if !r.extra {
			r.fail("a second statement after the semicolon: a query is one statement")
		}
		r.extra = true
		return
	}
	switch t.kind {
	case literal:
		r.literal(t)
	case quotedName:
		r.name(t)
	case word:
		r.word(t)
	case placeholder:
		r.placeholder(t)
	case percent:
		r.sql.WriteByte('%')
	default:
		r.symbol(t)
	}
	if t.kind != word {
		r.last = ""
	}
}

func (r *rewriter) word(t token) {
	upper := strings.ToUpper(t.text)
	if r.first == "" {
		r.first = upper
	}
	switch upper {
	case "RETURNING":
		r.returns = true
	case "INTO", "UPDATE", "DELETE":
		r.writes = true
	}
	r.last = upper
	r.sql.WriteString(t.text)
}

// symbol copies an operator or bracket. Parameters that the operator numbers or names himself would mix with ours.
func (r *rewriter) symbol(t token) {
	switch t.text {
	case "?":
		r.fail("a ? of your own: values come in by placeholders only")
	case ":", "@", "$":
		cast := r.at > 0 && r.all[r.at-1].text == ":" // PostgreSQL's value::type
		if r.neighbour(1) == word && !cast {
			r.fail("a parameter of your own, %s%s: values come in by placeholders only", t.text, r.all[r.at+1].text)
		}
	}
	r.sql.WriteString(t.text)
}

// neighbour is the kind of the token at that distance; blank at the ends.
func (r *rewriter) neighbour(distance int) tokenKind {
	i := r.at + distance
	if i < 0 || i >= len(r.all) {
		return blank
	}
	return r.all[i].kind
}

// name copies a quoted identifier, which cannot be a parameter.
func (r *rewriter) name(t token) {
	s := scan(t.text, r.scope)
	if s.known+len(s.unknown) > 0 {
		r.fail("%s: a placeholder inside the name of a table or column; values are written in single quotes or bare", t.text)
	}
	r.sql.WriteString(s.plain)
}

// literal copies a quoted text, or makes it a parameter if it holds placeholders.
func (r *rewriter) literal(t token) {
	text := t.text[1 : len(t.text)-1]
	s := scan(text, r.scope)
	for _, name := range s.unknown {
		r.fail("%s", unknown(name, r.scope))
	}
	for _, name := range s.odd {
		r.query.Warnings = append(r.query.Warnings,
			fmt.Sprintf("%s in %s is no placeholder and stays as it is; write %%%s to be clear", name, t.text, name))
	}
	if s.known == 0 {
		r.sql.WriteString("'" + s.plain + "'")
		return
	}
	if k := r.neighbour(-1); k == word || k == literal || k == quotedName {
		r.fail("%s: a literal with placeholders directly after %s", t.text, r.all[r.at-1].text)
	}
	if k := r.neighbour(1); k == word || k == literal || k == quotedName {
		r.fail("%s: a literal with placeholders directly before %s", t.text, r.all[r.at+1].text)
	}
	r.refuseTable(t)
	r.bind(Param{literal: cdr.Compile(strings.ReplaceAll(text, "''", "'"), r.scope, r.format)})
}

// placeholder makes a bare placeholder a parameter of its type.
func (r *rewriter) placeholder(t token) {
	field, ok := cdr.Lookup(inner(t.text), r.scope)
	if !ok {
		r.fail("%s", unknown(t.text, r.scope))
		return
	}
	for _, side := range []int{-1, 1} {
		switch r.neighbour(side) {
		case word, literal, quotedName, placeholder:
			r.fail("%s is attached to %s: put the whole in one pair of single quotes; a placeholder cannot be a part of a name",
				t.text, r.all[r.at+side].text)
			return
		case symbol:
			if r.all[r.at+side].text == "." {
				r.fail("%s beside a dot: a placeholder cannot be the name of a table or column", t.text)
				return
			}
		}
	}
	r.refuseTable(t)
	r.bind(Param{field: field, format: r.format})
}

// refuseTable refuses a parameter in the place of a table's name.
func (r *rewriter) refuseTable(t token) {
	switch r.last {
	case "FROM", "INTO", "UPDATE", "TABLE", "JOIN":
		r.fail("%s after %s: a placeholder cannot be the name of a table", t.text, r.last)
	}
}

func (r *rewriter) bind(p Param) {
	r.query.Params = append(r.query.Params, p)
	r.sql.WriteByte('?')
}

// returnsRows tells a statement that is judged by the rows that it returns from one judged by those that it changes.
func (r *rewriter) returnsRows() bool {
	switch r.first {
	case "SELECT", "VALUES", "PRAGMA", "EXPLAIN":
		return true
	case "WITH":
		return r.returns || !r.writes
	}
	return r.returns
}
