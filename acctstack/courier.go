package acctstack

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.uber.org/zap"

	"tollgate/crashpoint"
)

// courier delivers the backlog of a queue at one instance of a running stack. It has one goroutine while there is
// something to do or to watch, and one for each delivery under way. The queue's courier is that of the newest stack that has
// the instance; one that was superseded ends.
type courier struct {
	q    *queue
	in   *instance
	ctx  context.Context // of its attempts
	work *sync.WaitGroup // its goroutines; none is added once the queue has another courier or none
	wake chan struct{}

	running bool          // under queue.mu, as what follows
	working int           // deliveries under way that are not given up
	probing bool          // one of them is a probe
	flying  []*attempt    // those of them that the module has
	idle    chan struct{} // closed when the queue is empty or another's; nil while nobody waits for it
}

func newCourier(q *queue, in *instance, ctx context.Context, work *sync.WaitGroup) *courier {
	return &courier{q: q, in: in, ctx: ctx, work: work, wake: make(chan struct{}, 1)}
}

// attach makes c the queue's courier.
func (q *queue) attach(c *courier) {
	q.mu.Lock()
	defer q.mu.Unlock()
	before := q.courier
	q.courier = c
	if before != nil {
		before.nudge()
	}
	if q.wait > 0 { // what the instance failed for may have been mended
		q.wait, q.until = firstWait, time.Time{}
	}
	if q.lastErr == nobodyNames {
		q.lastErr = ""
		q.turn(q.rising())
	} else if q.size() > 0 && q.state == Up {
		q.turn(Draining)
	}
	q.look()
	q.kick()
}

// detach ends c's deliveries: none begins any more.
func (q *queue) detach(c *courier) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.courier == c {
		q.courier = nil
	}
	c.nudge()
}

// whenIdle gives a channel that is closed once the queue needs c no more.
func (c *courier) whenIdle() <-chan struct{} {
	c.q.mu.Lock()
	defer c.q.mu.Unlock()
	if c.idle == nil {
		c.idle = make(chan struct{})
	}
	c.nudge()
	return c.idle
}

// nudge has the courier look again. It is called under queue.mu.
func (c *courier) nudge() {
	if c.idle != nil && (c.q.courier != c || c.q.size() == 0) {
		select {
		case <-c.idle:
		default:
			close(c.idle)
		}
	}
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// kick has the queue's courier look again, and starts it if need be. It is called under queue.mu.
func (q *queue) kick() {
	c := q.courier
	switch {
	case c == nil || c.ctx.Err() != nil:
	case c.running:
		c.nudge()
	case q.size() > 0 || q.row > 0 && q.state != Down:
		c.running = true
		c.work.Go(c.run)
	}
}

// run starts deliveries when they are due, until there is nothing left to do.
func (c *courier) run() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		next, more := c.dispatch()
		if !more {
			return
		}
		var due <-chan time.Time
		if !next.IsZero() {
			timer.Reset(time.Until(next))
			due = timer.C
		}
		select {
		case <-c.ctx.Done():
		case <-c.wake:
		case <-due:
		}
	}
}

// dispatch starts what may be sent now and tells when to look again.
func (c *courier) dispatch() (next time.Time, more bool) {
	q := c.q
	for _, a := range c.overdue() {
		c.in.result(a.event, errTimeout)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.courier != c || c.ctx.Err() != nil || q.size() == 0 && (q.row == 0 || q.state == Down) {
		c.running = false
		return next, false
	}
	now := time.Now()
	if opens, open := q.k.gate.state(now); !open {
		next := q.doubt(now)
		if next.IsZero() || !opens.IsZero() && opens.Before(next) {
			next = opens
		}
		return next, true
	}
	for {
		a, ok := q.pick(now, c)
		if !ok {
			return q.next(now, c), true
		}
		c.work.Go(func() { c.carry(a) })
	}
}

// carry makes one delivery after the other while there are any.
func (c *courier) carry(a *attempt) {
	for more := true; more; {
		c.deliver(a)
		a, more = c.nextOne(a)
	}
}

// nextOne ends a delivery and gives the next one to the same goroutine.
func (c *courier) nextOne(last *attempt) (a *attempt, ok bool) {
	q := c.q
	q.mu.Lock()
	defer q.mu.Unlock()
	if last.givenUp {
		q.kick()
		return nil, false
	}
	c.working--
	if q.courier == c && c.ctx.Err() == nil {
		if a, ok = q.pick(time.Now(), c); ok {
			return a, true
		}
	}
	q.kick()
	return nil, false
}

func (c *courier) deliver(a *attempt) {
	ev, err := c.q.k.spool.Load(a.copy.id)
	switch {
	case err != nil:
		c.q.unreadable(a, err, c.in.giveUp)
	case a.reason != "":
		c.setAside(ev, a, a.reason)
	case !c.in.kinds.Has(ev.Kind):
		c.setAside(ev, a, c.q.name+" is not asked about "+ev.Kind.String()+" any more")
	default:
		c.try(ev, a)
	}
}

// try hands the event to the module. An end of the context that comes from outside says nothing of the instance, and leaves
// the copy as it was.
func (c *courier) try(ev *Event, a *attempt) {
	ctx, cancel := c.ctx, context.CancelFunc(func() {})
	if c.in.timeout > 0 {
		ctx, cancel = context.WithTimeout(ctx, c.in.timeout)
	}
	crashpoint.Hit("acctstack.deliver.before")
	c.takeOff(ev, a)
	err := c.in.ask(ctx, ev)
	late := c.land(a)
	crashpoint.Hit("acctstack.deliver.after")
	cancel()
	if err != nil && c.ctx.Err() != nil {
		c.q.putBack(a)
		return
	}
	result := resultOf(err)
	if late {
		c.in.late(ev, err)
	} else {
		c.in.result(ev, err)
	}
	switch {
	case result == OK:
		c.q.k.spool.Done(ev.ID, c.q.name)
		crashpoint.Hit("acctstack.done.after")
		c.q.delivered(a)
	case result == Next || IsPermanent(err):
		c.setAside(ev, a, err.Error())
	default:
		if c.q.undelivered(a, err, c.in.retries) {
			c.setAside(ev, a, neverAnswered(a.copy))
		}
	}
}

// delivered ends the copy: the backend has the event.
func (q *queue) delivered(a *attempt) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.stored = max(q.stored, a.number)
	q.ended(true)
	q.probed(a)
	q.forget(a.copy)
}

func (q *queue) probed(a *attempt) {
	if a.probe {
		a.probe, a.by.probing = false, false
	}
}

// undelivered puts the copy back for another try, later. It is true if there have been enough: the copy is still taken then.
func (q *queue) undelivered(a *attempt, err error, retries int) (enough bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now, e := time.Now(), a.copy
	ch := e.chain
	e.err, e.tried = err.Error(), true
	e.attempts++
	q.countBurst(e)
	if tellsOfInstance(err) {
		q.inVain(a)
	}
	if q.successes != a.successes || errors.Is(err, errTooManyOpen) { // others succeed: the fault is the event's
		ch.rest(now)
	} else {
		q.missed(a, now)
	}
	q.probed(a)
	if e.bursts >= retries {
		return true
	}
	q.turns++
	ch.turn = q.turns
	q.back(a)
	return false
}

// missed backs off for longer after a probe in vain.
func (q *queue) missed(a *attempt, now time.Time) {
	if a.probe && q.wait > 0 {
		q.backOff(now, min(2*q.wait, longestWait))
	}
}

// rest keeps the chain from being sent for a while, each time for longer.
func (ch *chain) rest(now time.Time) {
	ch.due = now.Add(jitter(min(firstWait<<min(ch.rests, 6), longestWait)))
	ch.rests++
}

// back puts the copy into its chain again.
func (q *queue) back(a *attempt) {
	e := a.copy
	if e.dropped {
		q.forget(e)
		return
	}
	ch := e.chain
	ch.sending, e.state = nil, inLine
	q.putIn(ch, e)
}

// putBack is back for an attempt that was none.
func (q *queue) putBack(a *attempt) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.probed(a)
	q.back(a)
}

// setAside puts the copy into quarantine; those behind it go on.
func (c *courier) setAside(ev *Event, a *attempt, reason string) {
	q := c.q
	crashpoint.Hit("acctstack.quarantine.before")
	err := q.k.spool.Quarantine(ev, q.name, reason)
	crashpoint.Hit("acctstack.quarantine.after")
	q.mu.Lock()
	defer q.mu.Unlock()
	q.probed(a)
	if err != nil {
		q.k.trouble("setting an event aside", ev, err)
		q.later(a, c.in.giveUp)
		return
	}
	q.quarantine(a.copy, reason)
}

// later puts a copy back that the spool has trouble with. It is neither tried nor given up for a while.
func (q *queue) later(a *attempt, giveUp time.Duration) {
	now, e := time.Now(), a.copy
	e.chain.rest(now)
	if giveUp > 0 {
		q.age(e, latest(e.since, e.chain.due.Add(-giveUp)))
	}
	q.back(a)
}

// unreadable sets a copy aside that the spool cannot give back, in memory only: there is nothing to write down. If the error may
// pass it is read again later.
func (q *queue) unreadable(a *attempt, err error, giveUp time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.probed(a)
	if !IsPermanent(err) {
		if n := q.k.refusals.Add(1); worthTelling(n) {
			q.k.log.Error("reading a kept event back", zap.String("module", q.name), zap.Stringer("id", a.copy.id), zap.Uint64("refusals", n), zap.Error(err))
		}
		a.copy.err = err.Error()
		q.later(a, giveUp)
		return
	}
	q.quarantine(a.copy, "reading it back: "+err.Error())
}

// quarantine takes the copy out of the backlog.
func (q *queue) quarantine(e *kept, reason string) {
	if e.dropped {
		q.forget(e)
		q.k.spool.Done(e.id, q.name)
		return
	}
	q.leave(e)
	e.state, e.reason = aside, reason
	q.aside++
	q.totals.Quarantined++
	if n := q.totals.Quarantined; worthTelling(n) {
		q.k.log.Warn("event set aside in quarantine", zap.String("module", q.name), zap.String("event", e.kind.String()),
			zap.Stringer("id", e.id), zap.String("reason", reason), zap.Uint64("so far", n))
	}
	q.settled()
}
