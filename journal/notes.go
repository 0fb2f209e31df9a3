package journal

import (
	"errors"
	"fmt"
	"time"

	"tollgate/acctstack"
	"tollgate/cdr"
	"tollgate/crashpoint"
	"tollgate/journal/seglog"
)

// Notes are the notes of one instance.
func (j *Journal) Notes(instance string) acctstack.Notes { return notes{j: j, instance: instance} }

type notes struct {
	j        *Journal
	instance string
}

// Note keeps text for the event until the stack knows how it ended at this instance, in the place of what was noted before.
// It returns once it is as durable as Sync asks. Where calls are granted without a journal, so are their lines: then a full
// disk is no error, and after a crash a line may stand there twice.
func (n notes) Note(id cdr.UUID, text []byte) error {
	crashpoint.Hit("journal.note.before")
	w := newWaiter()
	err := n.j.note(id, n.instance, text, w.done)
	if err == nil {
		err = w.wait()
	}
	if errors.Is(err, ErrFull) && n.j.o.Settings.WhenFull == KeepCalls {
		return nil
	}
	if err != nil {
		return fmt.Errorf("journal: noting for event %s of %s: %w", id, n.instance, err)
	}
	crashpoint.Hit("journal.note.after")
	return nil
}

func (j *Journal) note(id cdr.UUID, instance string, text []byte, done func(error)) error {
	room := seglog.Cost(1+keySize+10+len(instance)+len(text)) + ofCost(instance)
	if err := j.reserve(room); err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.promised += room
	e := j.x.events[id]
	if e == nil {
		e = &event{id: id}
	}
	j.buf = appendOf(j.buf[:0], kindNote, id, instance, text)
	at, err := j.put(j.buf, e, done)
	if err != nil {
		j.giveBack(room)
		return err
	}
	j.enter(e)
	before := e.owed()
	kept := append([]byte{}, text...) // not nil, which would be no note
	j.x.change(e, func() { j.x.setNote(e, note{instance: instance, text: kept, at: at}) })
	j.giveBack(room - seglog.Cost(len(j.buf)) - (e.owed() - before))
	return nil
}

// Noted is what was noted last for the event by this instance, in this run or a former one; nil if there is nothing.
func (n notes) Noted(id cdr.UUID) []byte {
	if n.j.chains.Load() == 0 {
		return nil
	}
	n.j.mu.Lock()
	defer n.j.mu.Unlock()
	e := n.j.x.events[id]
	if e == nil {
		return nil
	}
	if found := e.note(n.instance); found != nil {
		return found.text
	}
	return nil
}

// note is the instance's note; nil if there is none.
func (e *event) note(instance string) *note {
	for i, n := range e.noted() {
		if n.instance == instance {
			return &e.notes.notes[i]
		}
	}
	return nil
}

// dropStaleNotes drops notes of events that a former run has left and that nobody has come back to: with their call
// they were lost to a damage. Their copies, if there are any, stay.
func (j *Journal) dropStaleNotes(now time.Time) {
	if j.staleDropped || now.Before(j.opened.Add(max(j.o.Settings.LedgerKeep, leastNoteKeep))) {
		return
	}
	j.staleDropped = true
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, e := range j.x.events {
		for _, n := range e.noted() {
			if n.former && e.unkept(n.instance) {
				j.buf = appendOf(j.buf[:0], kindDone, e.id, n.instance, "")
				j.changed(e, &record{kind: kindDone, instance: n.instance}, "of a stale note")
			}
		}
	}
}
