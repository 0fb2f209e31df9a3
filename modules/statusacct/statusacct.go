// Package statusacct is the accounting module StatusAcct: a line on the status port for each event, as GnuGk's module of
// that name writes it.
package statusacct

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"tollgate/acctstack"
	"tollgate/cdr"
	"tollgate/config"
)

// outputLevel is the trace level that a status client needs to see the lines (GnuGk's STATUS_TRACE_LEVEL_CDR).
const outputLevel = 1

// Broadcaster takes lines for the clients of the status port. Broadcast never blocks. The line has no line end and is
// valid only during the call; it is shown to clients of that trace level or a higher one.
type Broadcaster interface {
	Broadcast(level int, line []byte)
}

// Factory is the module StatusAcct, writing to b.
func Factory(b Broadcaster) acctstack.Factory {
	return acctstack.Factory{
		Name:     "StatusAcct",
		Doc:      "Sends a line to the clients of the status port for each event.",
		Supports: supports(),
		Keys:     keys(),
		New: func(env acctstack.Env, sec *config.Section) (acctstack.Module, error) {
			return newModule(b, env, sec)
		},
	}
}

// Module sends lines to the status port. It implements Warner of acctstack.
type Module struct {
	name      string // the instance in lower case, for errors
	clients   Broadcaster
	templates map[acctstack.Kind]*cdr.Template // without those whose text is empty
	warnings  config.Problems
	buffers   sync.Pool // *[]byte
}

var _ acctstack.Warner = (*Module)(nil)

func newModule(b Broadcaster, env acctstack.Env, sec *config.Section) (*Module, error) {
	m := &Module{name: strings.ToLower(env.Instance), clients: b, templates: make(map[acctstack.Kind]*cdr.Template)}
	m.buffers.New = func() any { return new([]byte) }
	times, problems := env.Times(sec)
	if len(problems) > 0 {
		return nil, problems
	}
	format := cdr.Format{Times: times, Escaping: cdr.Line, DashedCallID: true}
	if !sec.Bool("Escape") {
		format.Escaping = cdr.Raw
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
	t, warnings := acctstack.Compile(sec, e.key, e.kind.String(), e.scope, format)
	m.templates[e.kind], m.warnings = t, append(m.warnings, warnings...)
}

// Warnings are the placeholders that the module does not know.
func (m *Module) Warnings() config.Problems { return m.warnings }

// Store hands the line of ev to the status port. It succeeds even if no client is connected, and without sending
// anything if the operator emptied the text of that kind.
func (m *Module) Store(ctx context.Context, ev *acctstack.Event) error {
	if err := ctx.Err(); err != nil {
		return m.fail(ev, err)
	}
	t := m.templates[ev.Kind]
	if t == nil {
		return nil
	}
	buf := m.buffers.Get().(*[]byte)
	*buf = t.Append((*buf)[:0], ev.Source())
	m.clients.Broadcast(outputLevel, *buf)
	m.buffers.Put(buf)
	return nil
}

func (m *Module) fail(ev *acctstack.Event, err error) error {
	if ev.Record == nil {
		return fmt.Errorf("%s: storing %s: %w", m.name, ev.Kind, err)
	}
	return fmt.Errorf("%s: storing %s of call %s: %w", m.name, ev.Kind, ev.Record.SessionID, err)
}
