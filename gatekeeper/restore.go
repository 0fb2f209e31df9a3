package gatekeeper

import (
	"time"

	"go.uber.org/zap"

	"tollgate/acctstack"
	"tollgate/wheel"
)

// respite is what a timer that ends a restored call gives at least, so that what its peers have sent meanwhile comes first.
const respite = 5 * time.Second

// seqSkip leaves room for the numbers of updates, which the journal is not told of.
const seqSkip = 1 << 16

// Restore enters a call of a former run in the table, with the number and the session id that it had. alive is when that
// run was last known to be up. The call is still: Resume lets it go on.
func (s *Shard) Restore(line Line, saved *Saved, alive time.Time) *Call {
	g := s.gk
	c := &Call{Record: saved.Call, id: saved.ID, shard: s, line: line, trail: saved.trail, seq: saved.seq + seqSkip, alive: alive,
		journalled: g.journal != nil, state: saved.state()}
	g.raiseNumbers(c.Number)
	g.calls.Add(1)
	g.restored.Add(1)
	undecided := c.state == pending
	for _, ev := range saved.events {
		ev.Trail = &c.trail
		undecided = undecided || ev.Kind == acctstack.Start
	}
	if undecided { // admitted takes it back
		g.pending.Add(1)
	}
	c.saved = saved.events
	if c.state == ended {
		return c
	}
	c.ticket = g.limits.Force(c.Caller.Address.Addr(), c.User)
	s.link(c)
	g.countCall(time.Now())
	if c.state == connected {
		g.active.Add(1)
	}
	return c
}

// state tells how far the call had come. One whose start was written but not decided, or had no module to decide it, is
// pending.
func (s *Saved) state() state {
	switch {
	case s.Ended():
		return ended
	case s.Answered():
		return connected
	case !s.Call.Alerting.IsZero():
		return alerting
	}
	for _, ev := range s.events {
		if ev.Kind == acctstack.Start {
			return pending
		}
	}
	if s.trail.Refused { // and its end was not written any more
		return pending
	}
	return proceeding
}

// Admitted tells whether the call has passed its admission, so that its INVITE has gone on.
func (c *Call) Admitted() bool { return c.state != pending }

// Resume sets the timers of a restored call and sends what is undecided of it through the stack again. Every module has
// seen such an event already or never; its id tells.
func (c *Call) Resume() {
	c.resumeTimers()
	events := c.saved
	c.saved = nil
	refused := c.state == pending && c.trail.Refused // the trail is the stack's as soon as an event walks
	for _, ev := range events {
		c.send(ev)
	}
	if refused {
		c.admitted(false)
	}
	c.settle()
}

func (c *Call) resumeTimers() {
	settings := c.settings()
	set := func(t *wheel.Timer, left time.Duration, what uint8) {
		c.shard.Wheel.Set(t, max(left, respite), c, what)
	}
	switch c.state {
	case pending, proceeding:
		set(&c.timeout, settings.SignalTimeout-time.Since(c.Setup), timerSignal)
	case alerting:
		set(&c.timeout, settings.AlertingTimeout-time.Since(c.Alerting), timerAlerting)
	case connected:
		next := time.Duration(0)
		if settings.UpdateInterval > 0 {
			next = settings.UpdateInterval - time.Since(c.Setup)%settings.UpdateInterval
		}
		c.runClocks(next)
		if limit := settings.DurationLimit; limit > 0 && time.Since(c.Connected) >= limit {
			set(&c.timeout, 0, timerOverdue)
		}
	}
}

// Abandon is Resume for a call that the front cannot go on with: it closes it.
func (c *Call) Abandon(why error) {
	c.shard.gk.log.Error("a call of the former run cannot go on", zap.String("session", c.SessionID), zap.Error(why))
	c.Resume()
	c.endUnseen(c.alive, CauseTemporaryFailure, nil)
}

// raiseNumbers makes new calls count from behind n.
func (g *Gatekeeper) raiseNumbers(n uint64) {
	for {
		now := g.numbers.Load()
		if now >= n || g.numbers.CompareAndSwap(now, n) {
			return
		}
	}
}
