package journal

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"tollgate/acctstack"
	"tollgate/cdr"
	"tollgate/crashpoint"
	"tollgate/journal/seglog"
)

// maxReason bounds the reason of a quarantine, in bytes.
const maxReason = 200

// Settle keeps ev for the instances named, and returns when the copies are as durable as Sync asks; if it returns an error
// they may be all the same. With none named it drops what was noted by those for whom the event is not kept, and does not wait.
// Without anything to keep or to drop it writes nothing and allocates nothing.
func (j *Journal) Settle(ev *acctstack.Event, keep []string) error {
	if len(keep) == 0 && j.chains.Load() == 0 {
		return nil
	}
	crashpoint.Hit("journal.settle.before")
	copies := make([]eventCopy, len(keep))
	for i, instance := range keep {
		copies[i].instance = instance
	}
	err := j.keep(ev, copies)
	if err != nil {
		return fmt.Errorf("journal: keeping %s of call %s, event %s: %w", ev.Kind, ev.Call, ev.ID, err)
	}
	crashpoint.Hit("journal.settle.after")
	return nil
}

// keep adds copies of the event; with none it drops the notes of everybody who has none.
func (j *Journal) keep(ev *acctstack.Event, copies []eventCopy) error {
	asked := len(copies)
	j.mu.Lock()
	e := j.x.events[ev.ID]
	if e == nil && asked == 0 {
		j.mu.Unlock()
		return nil
	}
	if e != nil {
		copies = slices.DeleteFunc(copies, func(c eventCopy) bool { return !e.unkept(c.instance) })
	}
	if len(copies) == 0 {
		if asked == 0 {
			j.dropUnkept(e)
		}
		again := asked > 0 && j.queue.n+len(j.queue.failed) > 0
		j.mu.Unlock()
		if again { // what keeps it may be on its way to the disk still
			return notDurable(j.log.Flush())
		}
		return nil
	}
	w := newWaiter()
	err := j.add(addition{ev: ev, copies: copies, settled: true, done: w.done})
	j.mu.Unlock()
	if err != nil {
		return err
	}
	return notDurable(w.wait())
}

// notDurable marks the failure of a commit: the log goes on trying, and the journal has the record meanwhile.
func notDurable(err error) error {
	if err == nil || errors.Is(err, seglog.ErrClosed) {
		return err
	}
	return acctstack.NotDurable(err)
}

// dropUnkept drops the notes of those who have no copy. The caller holds mu.
func (j *Journal) dropUnkept(e *event) {
	if !slices.ContainsFunc(e.noted(), func(n note) bool { return e.unkept(n.instance) }) {
		return
	}
	j.buf = appendSettled(j.buf[:0], e.id, e.copies.list())
	j.changed(e, &record{kind: kindSettled, copies: e.copies.list()}, "of a settled event")
}

// addition is what a record adds to the chain of an event.
type addition struct {
	ev      *acctstack.Event
	copies  []eventCopy
	settled bool // the walk has ended
	done    func(error)
}

// add writes an event that is to be kept, or if it is there already that it is kept for others too. The caller holds mu.
func (j *Journal) add(a addition) error {
	ev := a.ev
	e := j.x.events[ev.ID]
	if e == nil {
		e = &event{id: ev.ID}
	}
	h := head{order: j.x.order + 1, call: ev.Call, seq: ev.Seq, kind: ev.Kind, time: ev.Time.UnixNano()}
	fresh := e.at.Segment == 0
	if !fresh {
		h = e.head
	}
	whole, set := fresh || a.settled, j.x.sets.adding(e.copies, a.copies)
	j.buf = a.encode(j.buf[:0], whole, &h, set)
	room := seglog.Cost(len(j.buf))
	for _, c := range a.copies {
		room += ofCost(c.instance)
	}
	if err := j.draw(j.x.calls[ev.Call], room); err != nil {
		j.cramped = true
		j.wake()
		return err
	}
	before := e.owed()
	at, err := j.put(j.buf, e, a.done)
	if err != nil {
		j.giveBack(room)
		return err
	}
	j.enter(e)
	j.x.change(e, func() {
		if whole {
			e.head, e.at = h, at
		}
		j.x.setCopies(e, set)
	})
	if fresh {
		j.x.order++
	}
	j.giveBack(room - seglog.Cost(len(j.buf)) - (e.owed() - before))
	return nil
}

// enter makes the event's chain known. The caller holds mu.
func (j *Journal) enter(e *event) {
	if j.x.events[e.id] == nil {
		j.x.events[e.id] = e
		j.chains.Add(1)
	}
}

func (a *addition) encode(dst []byte, whole bool, h *head, set *copySet) []byte {
	if whole {
		return acctstack.AppendEvent(appendKeep(dst, kindKeep, a.ev.ID, h, set.list()), a.ev)
	}
	return appendOf(dst, kindQuarantine, a.ev.ID, a.copies[0].instance, a.copies[0].reason)
}

// changed writes j.buf, which says what rec does, and does it. What the change releases pays for the record, and the rest
// is given back. A record that cannot be written is counted: the change is made again after a crash. The caller holds mu.
func (j *Journal) changed(e *event, rec *record, what string) {
	before := e.owed()
	j.x.change(e, func() { j.x.changeEvent(e, rec) })
	if j.x.events[e.id] == nil {
		j.chains.Add(-1)
	}
	left := before - e.owed() // of what was promised to it
	cost := seglog.Cost(len(j.buf))
	err := error(nil)
	if left < cost {
		if err = j.reserve(cost - left); err == nil {
			j.promised += cost - left
			left = cost
		}
	}
	if err == nil {
		if _, err = j.put(j.buf, nil, nil); err == nil {
			left -= cost
		}
	}
	if err != nil {
		j.lose(what, e.id, err, nil)
	}
	j.giveBack(left)
}

// Load reads a kept event back. It is ErrNotKept if nobody is owed it. An error that no further try can mend is Permanent.
func (j *Journal) Load(id cdr.UUID) (*acctstack.Event, error) {
	for {
		at := j.eventAt(id)
		if at.Segment == 0 {
			return nil, fmt.Errorf("journal: loading event %s: %w", id, acctstack.Permanent(ErrNotKept))
		}
		ev, err := j.load(at)
		if err == nil {
			return ev, nil
		}
		if j.eventAt(id) == at { // and compaction has not written it elsewhere meanwhile
			return nil, fmt.Errorf("journal: loading event %s: %w", id, err)
		}
	}
}

func (j *Journal) load(at seglog.Position) (*acctstack.Event, error) {
	b, err := j.log.Read(at, nil)
	if errors.Is(err, seglog.ErrNotSound) {
		err = acctstack.Permanent(err)
	}
	if err != nil {
		return nil, err
	}
	rec, err := parse(b)
	if err != nil {
		return nil, acctstack.Permanent(err)
	}
	ev, err := acctstack.DecodeEvent(rec.payload)
	if err != nil {
		return nil, acctstack.Permanent(err)
	}
	return ev, nil
}

func (j *Journal) eventAt(id cdr.UUID) seglog.Position {
	j.mu.Lock()
	defer j.mu.Unlock()
	if e := j.x.events[id]; e != nil {
		return e.at
	}
	return seglog.Position{}
}

// Done takes the instance's copy and note away. It does not wait for the disk.
func (j *Journal) Done(id cdr.UUID, instance string) {
	if j.chains.Load() == 0 {
		return
	}
	crashpoint.Hit("journal.done.before")
	j.mu.Lock()
	defer j.mu.Unlock()
	e := j.x.events[id]
	if e == nil || e.unkept(instance) && e.note(instance) == nil {
		return
	}
	j.buf = appendOf(j.buf[:0], kindDone, id, instance, "")
	j.changed(e, &record{kind: kindDone, instance: instance}, "of a delivered event")
	crashpoint.Hit("journal.done.after")
}

// Quarantine sets the instance's copy aside, and keeps it first if it was not. It returns when that is as durable as Sync
// asks. Of a long reason the begin is kept.
func (j *Journal) Quarantine(ev *acctstack.Event, instance, reason string) error {
	reason = reason[:min(len(reason), maxReason)]
	crashpoint.Hit("journal.quarantine.before")
	w := newWaiter()
	j.mu.Lock()
	err := j.add(addition{ev: ev, copies: []eventCopy{{instance: instance, aside: true, reason: reason}}, done: w.done})
	j.mu.Unlock()
	if err == nil {
		err = w.wait()
	}
	if err != nil {
		return fmt.Errorf("journal: setting aside %s of call %s, event %s, for %s: %w", ev.Kind, ev.Call, ev.ID, instance, err)
	}
	crashpoint.Hit("journal.quarantine.after")
	return nil
}

// Release makes a quarantined copy an ordinary one again. It does not wait for the disk.
func (j *Journal) Release(id cdr.UUID, instance string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	e := j.x.events[id]
	if e == nil {
		return
	}
	if c, kept := e.copies.find(instance); !kept || !c.aside {
		return
	}
	j.buf = appendOf(j.buf[:0], kindRelease, id, instance, "")
	j.changed(e, &record{kind: kindRelease, instance: instance}, "of a released event")
}

// Kept lists all copies, in the order in which the events were kept.
func (j *Journal) Kept() []acctstack.Kept {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.x.kept()
}

func (x *index) kept() []acctstack.Kept {
	kept := make([]*event, 0, len(x.events))
	copies := 0
	for _, e := range x.events {
		if n := len(e.copies.list()); n > 0 {
			kept = append(kept, e)
			copies += n
		}
	}
	slices.SortFunc(kept, func(a, b *event) int { return cmp.Compare(a.order, b.order) })
	all := make([]acctstack.Kept, 0, copies)
	for _, e := range kept {
		for _, c := range e.copies.list() {
			all = append(all, acctstack.Kept{ID: e.id, Call: e.call, Seq: e.seq, Kind: e.kind, Time: time.Unix(0, e.time),
				Instance: c.instance, Reason: c.why()})
		}
	}
	return all
}

// why is the reason of the quarantine, never "" for a copy that is in it.
func (c eventCopy) why() string {
	if c.aside && c.reason == "" {
		return "no reason given"
	}
	return c.reason
}

// waiter waits for one commit.
type waiter struct {
	told chan error
	done func(error)
}

func newWaiter() *waiter {
	w := &waiter{told: make(chan error, 1)}
	w.done = func(err error) { w.told <- err }
	return w
}

func (w *waiter) wait() error { return <-w.told }
