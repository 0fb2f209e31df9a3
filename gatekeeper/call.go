package gatekeeper

import (
	"time"

	"go.uber.org/zap"

	"tollgate/acctstack"
	"tollgate/cdr"
	"tollgate/wheel"
)

// Q.850 causes that the gatekeeper itself gives.
const (
	CauseTemporaryFailure = 41 // as GnuGk: refused by accounting, no progress, shutdown
	CauseResources        = 47 // as GnuGk: the duration limit
	CauseNormal           = 16
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
)

// Call is one call from its INVITE to its stop. Its methods and fields are for whoever holds its shard; the front may
// fill in the parties of the record as it learns of them.
type Call struct {
	cdr.Record

	shard      *Shard
	line       Line
	state      state
	prev, next *Call // in Shard.calls

	timeout wheel.Timer // signal, alerting, duration
	update  wheel.Timer

	seq     uint32
	waiting []waiting // behind the one that is under way
	walking bool
}

// waiting is an event and the way to the stack that was current when it was born.
type waiting struct {
	event  *acctstack.Event
	submit func(ev *acctstack.Event, to acctstack.Receiver)
}

// Begin sends the start through the stack; the verdict comes back as the line's Proceed or Drop. Without a module for it
// the call goes on at once.
func (c *Call) Begin() {
	if c.log(acctstack.Start, c.Setup) {
		c.shard.gk.pending.Add(1)
		return
	}
	c.state = proceeding
	c.line.Proceed()
}

// admitted takes the verdict on the start. A call that has ended meanwhile gets its stop, which waits behind the start,
// and nothing else.
func (c *Call) admitted(ok bool) {
	c.shard.gk.pending.Add(-1)
	switch {
	case c.state != pending:
	case ok:
		c.state = proceeding
		c.line.Proceed()
	default:
		c.drop(Release{Cause: CauseTemporaryFailure, Text: "accounting", Refusal: true})
	}
}

// Alert is the first sign of the called side's ringing.
func (c *Call) Alert() {
	if c.state != proceeding {
		return
	}
	c.state, c.Alerting = alerting, time.Now()
	c.shard.Wheel.Set(&c.timeout, c.settings().AlertingTimeout, c, timerAlerting)
	c.log(acctstack.Alert, c.Alerting)
}

// Connect is the answer.
func (c *Call) Connect() {
	if c.state != proceeding && c.state != alerting {
		return
	}
	c.state, c.Connected = connected, time.Now()
	g, wheel, settings := c.shard.gk, c.shard.Wheel, c.settings()
	g.connected.Add(1)
	g.active.Add(1)
	c.timeout.Stop()
	if settings.DurationLimit > 0 {
		wheel.Set(&c.timeout, settings.DurationLimit, c, timerDuration)
	}
	if settings.UpdateInterval > 0 {
		wheel.Set(&c.update, max(settings.UpdateInterval-c.Connected.Sub(c.Setup), 0), c, timerUpdate)
	}
	c.log(acctstack.Connect, c.Connected)
}

// End closes the call: it is over on the wire. Only the first End counts.
func (c *Call) End(cause int, by cdr.ReleaseSource) {
	if c.state == ended {
		return
	}
	g := c.shard.gk
	if c.state == connected {
		g.active.Add(-1)
	}
	c.state, c.Disconnected = ended, time.Now()
	c.Cause, c.CauseTranslated, c.Released, c.LastCDR = cause, cause, by, true
	c.timeout.Stop()
	c.update.Stop()
	c.shard.unlink(c)
	g.current.Add(-1)
	c.sendCDRLine()
	c.log(acctstack.Stop, c.Disconnected)
	if !c.walking {
		g.calls.Done()
	}
}

// Ended tells whether the call is over.
func (c *Call) Ended() bool { return c.state == ended }

// Expire is the end of one of the call's timers.
func (c *Call) Expire(what uint8) {
	switch what {
	case timerSignal:
		c.drop(Release{Cause: CauseTemporaryFailure, Text: "no progress within SignalTimeout"})
	case timerAlerting:
		c.drop(Release{Cause: CauseTemporaryFailure, Text: "no answer within AlertingTimeout"})
	case timerDuration:
		c.drop(Release{Cause: CauseResources, Text: "call duration limit"})
	case timerUpdate:
		if interval := c.settings().UpdateInterval; interval > 0 {
			c.shard.Wheel.Set(&c.update, interval, c, timerUpdate)
		}
		c.log(acctstack.Update, time.Now())
	}
}

// drop ends the call from our side.
func (c *Call) drop(why Release) {
	if c.state == ended {
		return
	}
	c.line.Drop(why)
	c.End(why.Cause, cdr.ReleasedByGatekeeper)
}

func (c *Call) settings() *Settings { return c.shard.gk.settings.Load() }

// log makes the event and sends it, behind those of the call that are still under way. It tells whether anybody wants it.
func (c *Call) log(kind acctstack.Kind, at time.Time) bool {
	g := c.shard.gk
	if !g.accounting.Wants(kind) {
		return false
	}
	c.seq++
	record := c.Record
	record.Now = at
	ev := &acctstack.Event{Stamp: g.stamp(at), Kind: kind, Seq: c.seq, Record: &record}
	if c.walking {
		c.wait(ev)
		return true
	}
	c.walking = true
	g.accounting.Submit(ev, c)
	return true
}

// wait queues the event. One update may wait at a time, so that a hanging module cannot make the queue grow.
func (c *Call) wait(ev *acctstack.Event) {
	if n := len(c.waiting); ev.Kind == acctstack.Update && n > 0 && c.waiting[n-1].event.Kind == acctstack.Update {
		c.waiting[n-1].event = ev
		return
	}
	c.waiting = append(c.waiting, waiting{ev, c.shard.gk.accounting.Hold()})
}

// Decided takes a verdict from the stack and sends the next event on its way.
func (c *Call) Decided(ev *acctstack.Event, v acctstack.Verdict) {
	s := c.shard
	s.Lock()
	defer s.Unlock()
	c.judge(ev, &v) // may end the call: its stop then waits behind ev, as walking is still set
	if len(c.waiting) > 0 {
		next := c.waiting[0]
		c.waiting = c.waiting[1:]
		next.submit(next.event, c)
		return
	}
	c.walking, c.waiting = false, nil
	if c.state == ended {
		s.gk.calls.Done()
	}
}

// judge draws the consequences of a verdict: a bad start refuses the call, and what Teardown names ends it.
func (c *Call) judge(ev *acctstack.Event, v *acctstack.Verdict) {
	if ev.Kind == acctstack.Start {
		c.admitted(v.OK)
	}
	if ev.Kind == acctstack.Stop && v.Asked() && !v.Stored() {
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
	if c.settings().Teardown.Has(ev.Kind) {
		c.drop(Release{Cause: CauseTemporaryFailure, Text: "accounting"})
	}
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
