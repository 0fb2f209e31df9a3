package fileacct

import (
	"context"
	"errors"
	"fmt"
	"syscall"

	"go.uber.org/zap"

	"tollgate/acctstack"
	"tollgate/cdr"
	"tollgate/crashpoint"
)

// maxMoves is how often a line looks for a new place before its event fails: more than any rotation asks for.
const maxMoves = 8

// once appends the line of buf for an event that may have been handed over before. What is noted is the place where the
// line cannot stand before; the journal's fsync that makes it durable serves all lines that wait at the time, since the
// file is not locked meanwhile. The write then checks that the place is still right, else another is noted.
func (m *Module) once(ctx context.Context, ev *acctstack.Event, buf []byte) error {
	line := buf[1:]
	if text := m.notes.Noted(ev.ID); text != nil {
		stored, err := m.settle(ctx, ev, text, line)
		if stored || err != nil {
			return err
		}
	}
	for range maxMoves {
		at, ok, err := m.out.place()
		if err != nil {
			return err
		}
		if !ok {
			return m.out.append(ctx, buf, nil)
		}
		n := noteOf(&at, m.path, line)
		if err := m.notes.Note(ev.ID, n.append(make([]byte, 0, noteFixed+len(n.path)))); err != nil {
			return fmt.Errorf("noting where the line will stand: %w", err)
		}
		if err := m.out.append(ctx, buf, &at); err != errMoved {
			return err
		}
	}
	return errMoved
}

// settle finds out how a former attempt at the event ended. A whole line is stored, a part of it at the end of the file is
// cut. What is gone cannot be asked: then the line is written, since a line too many can be told by its event, and one too
// few by nothing.
func (m *Module) settle(ctx context.Context, ev *acctstack.Event, text, line []byte) (stored bool, err error) {
	n, err := parseNote(text)
	if err != nil {
		m.warn("the note of a former attempt cannot be read: its line may stand there twice", ev, m.path, err)
		return false, nil
	}
	f, err := m.out.openNoted(&n)
	if err != nil {
		return false, fmt.Errorf("looking for the line of a former attempt: %w", err)
	}
	if f == nil {
		m.warn("the file of a former attempt is gone: its line may stand there, too", ev, n.path, nil)
		return false, nil
	}
	defer f.Close()
	stored, err = m.look(ctx, newSearch(f, &n, line), f, ev)
	if err == nil && stored && (m.out.policy.Always || m.out.policy.Every > 0) {
		err = f.Sync()
		crashpoint.Hit("fileacct.sync.after")
	}
	if err != nil {
		return false, fmt.Errorf("looking for the line of a former attempt in %s: %w", n.path, err)
	}
	return stored, nil
}

// look searches without the file's lock first, which may take its time, and then with it what came in the meantime.
func (m *Module) look(ctx context.Context, s *search, f file, ev *acctstack.Event) (stored bool, err error) {
	if stored, err = s.run(); stored || err != nil {
		return stored, err
	}
	if err := lock(ctx, f); err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, f.Unlock()) }()
	if stored, err = s.run(); stored || err != nil || s.torn < 0 {
		return stored, err
	}
	err = f.Truncate(s.torn)
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EBADF) || errors.Is(err, syscall.EINVAL) {
		m.warn("a part of its line stays in a file that may not be cut", ev, m.path, err)
		err = nil
	}
	return false, err
}

func (m *Module) warn(text string, ev *acctstack.Event, path string, err error) {
	m.out.log.Warn(text, zap.String("file", path), zap.Stringer("id", ev.ID), zap.String("call", ev.Record.SessionID), zap.Error(err))
}

// distinct tells whether a line names its event, so that two equal lines are the same event's. Of other lines nobody can
// say whose they are: they are written without a look.
func (m *Module) distinct() bool {
	if m.standard {
		return true // by the number, the Call-ID and the times of its call
	}
	one := m.template.Append(nil, cdr.Source{Stamp: &cdr.Stamp{ID: cdr.UUID{1}}, Call: &cdr.Record{SessionID: "1"}})
	two := m.template.Append(nil, cdr.Source{Stamp: &cdr.Stamp{ID: cdr.UUID{2}}, Call: &cdr.Record{SessionID: "2"}})
	return string(one) != string(two)
}
