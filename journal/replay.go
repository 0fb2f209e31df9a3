package journal

import (
	"errors"
	"fmt"
	"slices"

	"tollgate/cdr"
	"tollgate/journal/seglog"
)

// replay builds an index from the records of the log, oldest first. Every record may come twice, and the second time
// later than what followed the first: a disk that failed had the log write again what was in doubt. So each record only
// says how something is, and what begins a chain has a number that tells a late double from a new beginning.
type replay struct {
	*index
	gone    map[cdr.UUID]uint64 // chains that have ended, with the order of their beginning
	bad     int                 // records that are sound for the log and make no sense
	lastBad error
}

func newReplay() *replay {
	return &replay{index: newIndex(), gone: map[cdr.UUID]uint64{}}
}

// maxGap bounds what a number in a damaged chain can make the index allocate.
const maxGap = 1 << 16

var errOutOfPlace = errors.New("out of place")

// visit takes a record. What makes no sense is counted and passed over: it costs itself only.
func (p *replay) visit(at seglog.Position, b []byte) error {
	rec, err := parse(b)
	if err == nil {
		err = p.apply(at, &rec)
	}
	if err != nil {
		p.bad++
		p.lastBad = fmt.Errorf("segment %d at %d: %w", at.Segment, at.Offset, err)
	}
	return nil
}

func (p *replay) apply(at seglog.Position, rec *record) error {
	switch rec.kind {
	case kindBegin, kindExtend, kindEnd:
		return p.applyCall(at, rec)
	case kindAlive:
		if rec.alive.epoch >= p.alive.epoch {
			p.alive = heartbeat{alive: rec.alive, id: rec.key, at: at}
		}
	case kindKeep:
		p.applyKeep(at, rec)
	case kindNote:
		p.applyNote(at, rec)
	default:
		p.applyChange(rec)
	}
	return nil
}

func (p *replay) applyCall(at seglog.Position, rec *record) error {
	c := p.calls[rec.key]
	ended, isGone := p.gone[rec.key]
	switch {
	case rec.kind == kindEnd:
		if c != nil {
			p.gone[c.id] = c.order
			p.dropCall(c)
		}
		return nil
	case isGone && (rec.kind == kindExtend || rec.head.order == ended):
		return nil
	case c == nil:
		// Without its beginning this is a chain that has ended, of which the older segments have gone already, or one whose
		// beginning was damaged.
		c = &chain{id: rec.key, records: make([]seglog.Position, 0, 4)}
		p.calls[rec.key] = c
	}
	if rec.kind == kindBegin {
		c.order = rec.head.order
		p.order = max(p.order, c.order)
	}
	if rec.number > uint64(len(c.records)+maxGap) {
		if len(c.records) == 0 {
			delete(p.calls, c.id)
		}
		return fmt.Errorf("%w: record %d of call %s", errOutOfPlace, rec.number, c.id)
	}
	p.setRecord(c, int(rec.number), at)
	return nil
}

func (p *replay) applyKeep(at seglog.Position, rec *record) {
	if ended, isGone := p.gone[rec.key]; isGone && ended == rec.head.order {
		return
	}
	e := p.event(rec.key)
	p.change(e, func() {
		e.head, e.at = rec.head, at
		p.setCopies(e, p.sets.of(rec.copies))
	})
	p.order = max(p.order, rec.head.order)
}

func (p *replay) applyNote(at seglog.Position, rec *record) {
	e := p.event(rec.key)
	text := append([]byte{}, rec.payload...)
	p.change(e, func() { p.setNote(e, note{instance: rec.instance, text: text, at: at, former: true}) })
}

// applyChange takes a record that changes a chain that is there. If it is not, it has ended, and older segments with its
// beginning have gone.
func (p *replay) applyChange(rec *record) {
	e := p.events[rec.key]
	if e == nil {
		return
	}
	order := e.order
	p.change(e, func() { p.changeEvent(e, rec) })
	if p.events[rec.key] == nil && order != 0 {
		p.gone[rec.key] = order
	}
}

// changeEvent applies a change to a chain; the journal and the replay both do it here, so that they cannot disagree. The
// caller is inside change.
func (x *index) changeEvent(e *event, rec *record) {
	kept := e.at.Segment != 0 // else there are notes only: the event itself is done with, or was damaged
	switch rec.kind {
	case kindSettled:
		if kept {
			x.setCopies(e, x.sets.of(rec.copies))
		}
		x.dropNotes(e, func(instance string) bool {
			return !slices.ContainsFunc(rec.copies, func(c eventCopy) bool { return c.instance == instance })
		})
	case kindDone:
		x.setCopies(e, x.sets.without(e.copies, rec.instance))
		x.dropNotes(e, func(instance string) bool { return instance == rec.instance })
	case kindQuarantine:
		if kept {
			x.setCopies(e, x.sets.with(e.copies, eventCopy{instance: rec.instance, aside: true, reason: string(rec.payload)}))
		}
	case kindRelease:
		if !e.unkept(rec.instance) {
			x.setCopies(e, x.sets.with(e.copies, eventCopy{instance: rec.instance}))
		}
	}
}
