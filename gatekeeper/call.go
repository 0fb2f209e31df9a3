package gatekeeper

import (
	"fmt"
	"time"

	"go.uber.org/zap"

	"tollgate/acctstack"
	"tollgate/cdr"
	"tollgate/gatekeeper/limits"
	"tollgate/wheel"
)

// Q.850 causes that the gatekeeper itself gives.
const (
	CauseTemporaryFailure = 41 // as GnuGk: refused by accounting, no progress, shutdown
	CauseResources        = 47 // as GnuGk: the duration limit
	CauseNormal           = 16
	CauseTimerExpiry      = 102 // a side has vanished, or has never acknowledged the answer
)

type state uint8

const (
	pending    state = iota // the start is under way
	proceeding              // admitted
	alerting
	connected
	ended
)

// The call's timers, as Expire is told.
const (
	timerSignal uint8 = iota
	timerAlerting
	timerDuration
	timerUpdate
	timerOverdue // of a restored call: it has passed its duration limit
)

// Call is one call from its INVITE to its stop. Its methods and fields are for whoever holds its shard; the front may
// fill in the parties of the record as it learns of them.
type Call struct {
	cdr.Record

	id         cdr.UUID
	shard      *Shard
	line       Line
	state      state
	prev, next *Call // in Shard.calls
	trail      acctstack.Trail
	ticket     limits.Ticket
	alive      time.Time // of a call that was restored: when both sides were last known to be there

	timeout wheel.Timer // signal, alerting, duration
	update  wheel.Timer

	journalled bool
	steps      []step             // that wait for the journal, in its order
	saved      []*acctstack.Event // of a former run, until Resume

	seq       uint32
	undecided int    // events
	waiting   []step // behind the one whose walk is under way
	walking   bool
	settled   bool
	left      bool // an event is left to the next run
}

// Begin writes the call to the journal, and then sends the start through the stack; the verdict comes back as the line's
// Proceed or Drop. Without a module for it the call goes on once it is written. line is the front's part of the entry. An
// error says that there is no call, as if it had not been admitted.
func (c *Call) Begin(line []byte) error {
	g := c.shard.gk
	ev := c.born(acctstack.Start, c.Setup)
	err := c.open(entry{kind: entryBegin, event: ev, call: c, line: line})
	if err != nil && !c.settings().GrantUnjournalled {
		c.discard()
		return fmt.Errorf("%w: %w", ErrUnjournalled, err)
	}
	if err != nil {
		g.unjournalled.Add(1)
	}
	g.total.Add(1)
	g.pending.Add(1)
	st := step{event: ev}
	if ev == nil {
		st.then = func() { c.admitted(true) }
	}
	c.await(st)
	return nil
}

// admitted takes the verdict on the start. A call that has ended meanwhile gets its stop, which waits behind the start,
// and nothing else.
func (c *Call) admitted(ok bool) {
	c.shard.gk.pending.Add(-1)
	switch {
	case c.state != pending:
	case ok:
		c.state = proceeding
		if !c.shard.gk.suspended.Load() {
			c.line.Proceed()
		}
	default:
		c.shard.gk.refused.Add(1)
		c.drop(Release{Cause: CauseTemporaryFailure, Text: "accounting", Refusal: true})
	}
}

// Note writes what has changed at the front to the journal; then, if not nil, is called once it is there.
func (c *Call) Note(line []byte, then func()) {
	if c.settled {
		return
	}
	c.enter(entry{kind: entryLine, call: c, line: line}, step{then: then})
}

// Change is Note for what has changed in the call's record, too.
func (c *Call) Change(line []byte) {
	if c.settled || c.state == ended {
		return
	}
	c.enter(entry{kind: entryState, call: c, line: line}, step{})
}

// Behind calls then once the journal has all that it was told of the call so far; at once if it has.
func (c *Call) Behind(then func()) {
	if len(c.steps) == 0 {
		then()
		return
	}
	last := &c.steps[len(c.steps)-1]
	if before := last.then; before != nil {
		last.then = func() { before(); then() }
	} else {
		last.then = then
	}
}

// Alert is the first sign of the called side's ringing.
func (c *Call) Alert() {
	if c.state != proceeding {
		return
	}
	c.state, c.Alerting = alerting, time.Now()
	c.shard.Wheel.Set(&c.timeout, c.settings().AlertingTimeout, c, timerAlerting)
	c.log(acctstack.Alert, c.Alerting, nil, nil)
}

// Connect is the answer. then is called once the journal has it: not before may the answer go on. line is the front's part
// of the entry.
func (c *Call) Connect(line []byte, then func()) {
	if c.state != proceeding && c.state != alerting {
		then()
		return
	}
	c.state, c.Connected = connected, time.Now()
	g := c.shard.gk
	g.connected.Add(1)
	g.active.Add(1)
	c.runClocks(c.settings().UpdateInterval - c.Connected.Sub(c.Setup))
	c.log(acctstack.Connect, c.Connected, line, then)
}

// runClocks sets the timers of a connected call, with that time to the first update.
func (c *Call) runClocks(update time.Duration) {
	wheel, settings := c.shard.Wheel, c.settings()
	c.timeout.Stop()
	if settings.DurationLimit > 0 {
		wheel.Set(&c.timeout, settings.DurationLimit-time.Since(c.Connected), c, timerDuration)
	}
	if settings.UpdateInterval > 0 {
		wheel.Set(&c.update, max(update, 0), c, timerUpdate)
	}
}

// End closes the call: it is over on the wire, or about to be. Only the first End counts. then, if not nil, is called once
// the journal has it: not before may go on what ends the call.
func (c *Call) End(cause int, by cdr.ReleaseSource, then func()) {
	c.end(time.Now(), cause, by, then)
}

// EndUnseen closes a call whose end nobody saw, because a side has vanished. at is when that side was last known to be there:
// the record says that its time is an estimate, and that nobody is known to have hung up. then is End's.
func (c *Call) EndUnseen(at time.Time, then func()) { c.endUnseen(at, CauseTimerExpiry, then) }

func (c *Call) endUnseen(at time.Time, cause int, then func()) {
	if c.state == ended {
		return
	}
	c.EndEstimated = true
	for _, earliest := range [...]time.Time{c.Setup, c.Alerting, c.Connected} {
		if at.Before(earliest) {
			at = earliest
		}
	}
	c.end(at, cause, cdr.ReleasedByUnknown, then)
}

// HangUp ends the call from the front's side, as the gatekeeper does from its own.
func (c *Call) HangUp(why Release) { c.drop(why) }

func (c *Call) end(at time.Time, cause int, by cdr.ReleaseSource, then func()) {
	if c.state == ended {
		if then != nil {
			then()
		}
		return
	}
	g := c.shard.gk
	if c.state == connected {
		g.active.Add(-1)
	}
	c.state, c.Disconnected = ended, at
	c.Cause, c.CauseTranslated, c.Released, c.LastCDR = cause, cause, by, true
	c.timeout.Stop()
	c.update.Stop()
	c.shard.unlink(c)
	c.ticket.Leave()
	g.current.Add(-1)
	c.sendCDRLine()
	c.log(acctstack.Stop, c.Disconnected, nil, then)
	c.settle()
}

// Ended tells whether the call is over.
func (c *Call) Ended() bool { return c.state == ended }

// Alive notes that both sides are known to be in the call now.
func (c *Call) Alive() { c.alive = time.Now() }

// Expire is the end of one of the call's timers.
func (c *Call) Expire(what uint8) {
	switch what {
	case timerSignal:
		c.drop(Release{Cause: CauseTemporaryFailure, Text: "no progress within SignalTimeout"})
	case timerAlerting:
		c.drop(Release{Cause: CauseTemporaryFailure, Text: "no answer within AlertingTimeout"})
	case timerDuration:
		c.drop(Release{Cause: CauseResources, Text: "call duration limit"})
	case timerOverdue:
		c.overdue()
	case timerUpdate:
		if interval := c.settings().UpdateInterval; interval > 0 {
			c.shard.Wheel.Set(&c.update, interval, c, timerUpdate)
		}
		if !c.updateWaits() { // so that a hanging module cannot make the queue grow
			c.log(acctstack.Update, time.Now(), nil, nil)
		}
	}
}

// overdue ends a call that was to end while nobody was here to do it: nobody knows how long it lasted.
func (c *Call) overdue() {
	at := c.Connected.Add(c.settings().DurationLimit)
	if c.state != connected || at.After(time.Now()) {
		return
	}
	if c.alive.After(at) && c.alive.Before(c.shard.gk.started) {
		at = c.alive
	}
	c.EndEstimated = true
	c.end(at, CauseResources, cdr.ReleasedByGatekeeper, func() { c.line.Drop(Release{Cause: CauseResources, Text: "call duration limit"}) })
}

// drop ends the call from our side. The BYEs of a connected call wait for the journal.
func (c *Call) drop(why Release) {
	switch c.state {
	case ended:
	case connected:
		c.End(why.Cause, cdr.ReleasedByGatekeeper, func() { c.line.Drop(why) })
	default:
		c.line.Drop(why)
		c.End(why.Cause, cdr.ReleasedByGatekeeper, nil)
	}
}

// discard takes back a call that could not begin.
func (c *Call) discard() {
	g := c.shard.gk
	c.state, c.settled = ended, true
	c.timeout.Stop()
	c.shard.unlink(c)
	c.ticket.Leave()
	g.current.Add(-1)
	g.noRoom.Add(1)
	g.calls.Done()
}

func (c *Call) settings() *Settings { return c.shard.gk.settings.Load() }

// judge draws the consequences of a verdict: a bad start refuses the call, and what Teardown names ends it.
func (c *Call) judge(ev *acctstack.Event, v *acctstack.Verdict) {
	if ev.Kind == acctstack.Start {
		c.admitted(v.OK)
	}
	if ev.Kind == acctstack.Stop && v.Asked() && !v.Stored() && !v.Kept() {
		c.lost(ev)
	}
	if v.OK {
		return
	}
	if log := c.shard.gk.log; log.Core().Enabled(zap.DebugLevel) {
		blamed := v.Blamed()
		log.Debug("event failed", zap.String("event", ev.Kind.String()), zap.Uint64("call", c.Number),
			zap.String("rule", v.Rules[blamed.Rule].Name), zap.Error(blamed.Err))
	}
}

// tearDown ends the call if Teardown names the kind of an event that has failed.
func (c *Call) tearDown(ev *acctstack.Event, v *acctstack.Verdict) {
	if !v.OK && c.settings().Teardown.Has(ev.Kind) {
		c.drop(Release{Cause: CauseTemporaryFailure, Text: "accounting"})
	}
}

// leave tells whether a verdict is left to the next run, where the event walks again: nothing goes out any more that could
// follow from it, or nobody has the end of the call and there may be somebody then.
func (c *Call) leave(ev *acctstack.Event, v *acctstack.Verdict) bool {
	if !c.journalled || !c.shard.gk.suspended.Load() {
		return false
	}
	if ev.Kind == acctstack.Stop {
		return v.Asked() && !v.Stored() && !v.Kept()
	}
	return !v.OK && c.state != ended && (ev.Kind == acctstack.Start || c.settings().Teardown.Has(ev.Kind))
}

// lost writes the record of a call that no module has stored to the log, which is the last place where it can be found.
func (c *Call) lost(ev *acctstack.Event) {
	g := c.shard.gk
	g.lost.Add(1)
	line := cdr.AppendLine(nil, ev.Source(), c.settings().CDRTimes, cdr.Line)
	g.log.Warn("no module stored the end of a call", zap.String("session", ev.Record.SessionID), zap.ByteString("record", line))
}

// sendCDRLine shows the call on the status port, if GenerateNBCDR and GenerateUCCDR allow.
func (c *Call) sendCDRLine() {
	g, settings := c.shard.gk, c.settings()
	if !g.sink.Wanted() || c.Caller.EndpointID == "" && !settings.NeighbourCDR || c.Connected.IsZero() && !settings.UnconnectedCDR {
		return
	}
	stamp := cdr.Stamp{Name: g.identity.Name, Address: g.identity.Address, Time: c.Disconnected}
	g.sink.CDR(cdr.AppendLine(nil, cdr.Source{Stamp: &stamp, Call: &c.Record}, settings.CDRTimes, cdr.Line))
}
