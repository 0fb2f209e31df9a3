package gatekeeper

import (
	"slices"
	"time"

	"go.uber.org/zap"

	"tollgate/acctstack"
	"tollgate/crashpoint"
)

// An event of a call goes three stations: it is born with the state that it tells, the journal writes both, and then it
// walks the stack, behind the events of the call that came before it. What must not happen on the wire before the journal
// has the state waits as a step beside it.

// step is what goes on once an entry is in the journal.
type step struct {
	event  *acctstack.Event // nil: none
	submit func(ev *acctstack.Event, to acctstack.Receiver)
	then   func() // of the front; nil: nothing waits
}

// log makes the event, writes it and sends it. Whether anybody wants it or not, the journal gets the state of the call, but
// for updates.
func (c *Call) log(kind acctstack.Kind, at time.Time, line []byte, then func()) {
	ev := c.born(kind, at)
	if kind == acctstack.Update { // not written, or a long call's chain would have no end: the next one says all that it says
		if ev != nil {
			c.send(ev)
		}
		return
	}
	c.enter(entry{kind: entryState, event: ev, call: c, line: line}, step{event: ev, then: then})
}

// born makes an event of the call as it stands; nil if nobody wants it.
func (c *Call) born(kind acctstack.Kind, at time.Time) *acctstack.Event {
	g := c.shard.gk
	c.Now = at
	if !g.accounting.Wants(kind) {
		return nil
	}
	c.seq++
	record := c.Record
	return &acctstack.Event{Stamp: g.stamp(at), Kind: kind, Call: c.id, Seq: c.seq, Trail: &c.trail, Record: &record}
}

// open begins the call's chain in the journal, if there is one.
func (c *Call) open(e entry) error {
	journal := c.shard.gk.journal
	if journal == nil || c.settings().Unjournalled {
		return nil
	}
	if err := journal.Begin(c.id, c.shard.pack(&e), c.written); err != nil {
		return err
	}
	c.journalled = true
	return nil
}

// enter writes an entry of the call; st goes on once it is durable.
func (c *Call) enter(e entry, st step) {
	if c.journalled {
		c.shard.gk.journal.Append(c.id, c.shard.pack(&e), c.durable(st))
	}
	c.await(st)
}

// pack writes an entry into memory that the next one uses again: the journal keeps nothing of it.
func (s *Shard) pack(e *entry) []byte {
	s.entry, s.scratch = e.append(s.entry[:0], s.scratch)
	return s.entry
}

// send has an event walk that the journal has already, or never gets.
func (c *Call) send(ev *acctstack.Event) {
	c.undecided++
	c.take(step{event: ev, submit: c.shard.gk.accounting.Hold()})
}

// durable is what the journal is to call for a step: nothing if nothing waits.
func (c *Call) durable(st step) func(error) {
	if st.event == nil && st.then == nil {
		return nil
	}
	return c.written
}

// await queues a step for the journal. Without a journal it is taken at once.
func (c *Call) await(st step) {
	if st.event != nil {
		c.undecided++
		st.submit = c.shard.gk.accounting.Hold()
	}
	switch {
	case st.event == nil && st.then == nil:
	case c.journalled:
		c.steps = append(c.steps, st)
	default:
		c.take(st)
	}
}

// written is called by the journal for each entry that a step waits for, in their order.
func (c *Call) written(err error) {
	c.shard.Lock()
	defer c.shard.Unlock()
	st := c.steps[0]
	c.steps[0] = step{} // or its event would stay as long as the call
	if c.steps = c.steps[1:]; len(c.steps) == 0 {
		c.steps = nil
	}
	if err != nil {
		c.unwritten(st, err)
	}
	c.take(st)
	c.settle()
}

// unwritten handles an entry that did not get to the disk; the journal goes on trying. A call that has just begun can
// still be refused; for one that is up it is better to go on and to have its records than to hang it up.
func (c *Call) unwritten(st step, err error) {
	g := c.shard.gk
	if n := g.unjournalled.Add(1); n&(n-1) == 0 {
		g.log.Error("an entry of a call is not in the journal", zap.String("session", c.SessionID), zap.Uint64("so far", n), zap.Error(err))
	}
	if c.state == pending && !c.settings().GrantUnjournalled {
		c.drop(Release{Cause: CauseTemporaryFailure, Text: ErrUnjournalled.Error(), Refusal: true})
	}
}

// take lets a step go on.
func (c *Call) take(st step) {
	if st.then != nil {
		st.then()
	}
	switch {
	case st.event == nil:
	case c.walking:
		c.waiting = append(c.waiting, st)
	default:
		c.walking = true
		crashpoint.Hit("gatekeeper.submit.before")
		st.submit(st.event, c)
	}
}

// updateWaits tells whether an update event would have to wait: behind another one, or behind what the journal is writing.
func (c *Call) updateWaits() bool {
	return len(c.steps) > 0 || slices.ContainsFunc(c.waiting, func(st step) bool { return st.event.Kind == acctstack.Update })
}

// Decided takes a verdict from the stack and sends the next event on its way.
func (c *Call) Decided(ev *acctstack.Event, v acctstack.Verdict) {
	s := c.shard
	s.Lock()
	defer s.Unlock()
	c.undecided--
	if c.leave(ev, &v) {
		c.left = true
	} else {
		c.tearDown(ev, &v) // what follows is in the journal before the verdict is
		c.decided(ev)
		crashpoint.Hit("gatekeeper.decided.after")
		c.judge(ev, &v) // may end the call: its stop then waits behind ev, as walking is still set
	}
	if len(c.waiting) > 0 {
		next := c.waiting[0]
		c.waiting[0] = step{}
		c.waiting = c.waiting[1:]
		next.submit(next.event, c)
		return
	}
	c.walking, c.waiting = false, nil
	c.settle()
}

// decided tells the journal that the event need not walk again.
func (c *Call) decided(ev *acctstack.Event) {
	if !c.journalled || ev.Kind == acctstack.Update || c.over() {
		return
	}
	c.shard.gk.journal.Append(c.id, c.shard.pack(&entry{kind: entryDecided, call: c, seq: ev.Seq}), nil)
}

// over tells whether nothing of the call is left to do.
func (c *Call) over() bool { return c.state == ended && c.undecided == 0 && len(c.steps) == 0 }

// settle drops a call that is over from the journal.
func (c *Call) settle() {
	if !c.over() || c.settled || c.walking {
		return
	}
	c.settled = true
	if c.journalled && !c.left {
		c.shard.gk.journal.End(c.id)
	}
	c.shard.gk.calls.Done()
}
