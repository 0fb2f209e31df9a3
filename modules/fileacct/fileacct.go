// Package fileacct is the accounting module FileAcct: one line in a text file for each call that ended, as GnuGk's
// module of that name writes it.
//
// An event may be handed over twice: after a crash in the middle of a write, or when the answer came too late. So before
// a line is written, it is noted in the journal where it will stand at the earliest (file, inode, offset) and what it is
// (length, CRC-32C). An event that has a note was tried before: the file is searched from that offset on, under the name
// that it has now. The whole line is the event's: it is stored. A part of it at the end of the file is cut. Otherwise the
// line is written.
//
// Whoever writes holds an flock(2) on the file from the look at its end until a write that fell short is cut again. Thus
// a cut never takes another's line, neither that of a second appender of this program, as around a reload, nor that of
// another program that locks the file. Against one that does not lock, the length of the file is compared before a cut.
package fileacct

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"

	"go.uber.org/zap"

	"tollgate/acctstack"
	"tollgate/cdr"
	"tollgate/config"
)

// Factory is the module FileAcct.
func Factory() acctstack.Factory {
	return acctstack.Factory{
		Name:     "FileAcct",
		Doc:      "Writes a line to a file for each call that ended.",
		Supports: acctstack.KindsOf(acctstack.Stop),
		Keys:     keys(),
		Foreign:  foreign(),
		New:      newModule,
	}
}

// Module appends CDR lines to one file. It implements Starter, Closer and Warner of acctstack.
type Module struct {
	name     string // the instance in lower case, for errors
	standard bool   // the line of GnuGk's manual, else the template
	times    *cdr.TimeFormat
	escaping cdr.Escaping
	template *cdr.Template
	warnings config.Problems
	out      *appender
	notes    acctstack.Notes // nil: an event is stored as often as it is handed over
	path     string          // of the file, for notes: absolute
	buffers  sync.Pool       // *[]byte
}

func newModule(env acctstack.Env, sec *config.Section) (acctstack.Module, error) {
	m := &Module{name: strings.ToLower(env.Instance), escaping: cdr.Line}
	if !sec.Bool("Escape") {
		m.escaping = cdr.Raw
	}
	var problems config.Problems
	if sec.Text("DetailFile") == "" {
		problems = append(problems, sec.Problem("DetailFile", "DetailFile is empty: name the file for the CDR lines"))
	}
	policy, err := config.ParseSync(sec.Text("Sync"))
	if err != nil {
		problems = append(problems, sec.Problem("Sync", "Sync: %v", err))
	}
	if m.path, err = filepath.Abs(sec.Text("DetailFile")); err != nil {
		problems = append(problems, sec.Problem("DetailFile", "DetailFile: %v", err))
	}
	problems = append(problems, m.format(env, sec)...)
	if err := problems.Err(); err != nil {
		return nil, err
	}
	m.out = newAppender(sec.Text("DetailFile"), policy, env.Log)
	m.notes = env.Notes
	m.buffers.New = func() any { return new([]byte) }
	return m, nil
}

// format reads what a line looks like.
func (m *Module) format(env acctstack.Env, sec *config.Section) config.Problems {
	text := sec.Text("CDRString")
	m.standard = text == ""
	if sec.Has("StandardCDRFormat") {
		m.standard = sec.Bool("StandardCDRFormat")
	}
	if !m.standard && text == "" {
		return config.Problems{sec.Problem("StandardCDRFormat", "StandardCDRFormat=0 needs a CDRString")}
	}
	if m.standard && text != "" {
		m.warnings = append(m.warnings, sec.Warning("CDRString", "CDRString has no effect beside StandardCDRFormat=1"))
	}
	if m.standard {
		env.TimestampFormat = "RFC822" // GnuGk's standard line does not follow the global format
	}
	var problems config.Problems
	if m.times, problems = env.Times(sec); len(problems) > 0 {
		return problems
	}
	if !m.standard {
		t, warnings := acctstack.Compile(sec, "CDRString", "call", cdr.CallScope, cdr.Format{Times: m.times, Escaping: m.escaping})
		m.template, m.warnings = t, append(m.warnings, warnings...)
	}
	return nil
}

// Start opens the file, creating it if it is missing.
func (m *Module) Start() error {
	if m.notes != nil && !m.distinct() {
		m.notes = nil
		m.out.log.Warn("CDRString has neither %s nor %{event-uuid}: a line whose writing was interrupted cannot be told from others and may be written twice",
			zap.String("file", m.path))
	}
	if err := m.out.start(); err != nil {
		return fmt.Errorf("%s: %w", m.name, err)
	}
	if path, err := filepath.EvalSymlinks(m.path); err == nil {
		m.path = path // a rotation renames in the folder of the file, not of the link
	}
	return nil
}

// Close writes to the disk what Sync has left open and closes the file.
func (m *Module) Close() error {
	if err := m.out.close(); err != nil {
		return fmt.Errorf("%s: %w", m.name, err)
	}
	return nil
}

// Warnings are placeholders that the module does not know and keys that cancel each other.
func (m *Module) Warnings() config.Problems { return m.warnings }

// Store appends the line of ev, unless a former attempt has. Once writing has begun it is brought to its end whatever ctx says: the disk's answer is
// the truth about the line, and there is no way to take a write back half-way.
func (m *Module) Store(ctx context.Context, ev *acctstack.Event) error {
	err := ctx.Err()
	if err == nil {
		err = m.append(ctx, ev)
	}
	if err != nil {
		return fmt.Errorf("%s: storing %s of call %s: %w", m.name, ev.Kind, ev.Record.SessionID, err)
	}
	return nil
}

func (m *Module) append(ctx context.Context, ev *acctstack.Event) error {
	buf := m.buffers.Get().(*[]byte)
	defer m.buffers.Put(buf)
	line := append((*buf)[:0], '\n')
	if m.standard {
		line = cdr.AppendLine(line, ev.Source(), m.times, m.escaping)
	} else {
		line = m.template.Append(line, ev.Source())
	}
	*buf = append(line, '\n')
	if m.notes == nil {
		return m.out.append(ctx, *buf, nil)
	}
	return m.once(ctx, ev, *buf)
}
