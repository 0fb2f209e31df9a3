package acctstack

import (
	"errors"
	"math/rand/v2"
	"time"
)

// How late delivery goes about it.
const (
	workers     = 8 // deliveries of one instance at a time
	politely    = 2 // the same while the instance has live events to store
	firstWait   = time.Second
	longestWait = time.Minute
	catchUp     = 50 * time.Millisecond // how far DeliveryRate may fall behind and make up for it
)

// pace says when the next copy may be sent.
//
// After a failure with no success since, the instance waits: 1 s, doubling to 60 s, each within ±20 %. Then one copy is sent as
// a probe, each time another chain's. Any success ends the waiting. A copy that fails while others succeed rests by itself for as
// long.
//
// Live events go first: while any is on its way at the instance, at most two deliveries are, too. So a live attempt meets two
// more at the backend than it would without a backlog, however long that is.
type pace struct {
	live      int // attempts of walks under way, counted while alert is set
	wait      time.Duration
	until     time.Time
	slot      time.Time // of DeliveryRate
	successes uint64
	numbers   uint64 // of attempts, live and late
	stored    uint64 // the highest number of an attempt that stored its event
	outcomes
}

// outcomes count the attempts that have ended and say something of the instance: those that stored their event, and all.
type outcomes struct{ good, all uint64 }

// ended counts one.
func (o *outcomes) ended(good bool) {
	o.all++
	if good {
		o.good++
	}
}

// window is what the instance has done since a copy was tried in vain.
type window struct {
	began  uint64   // number of the attempt; 0: there is no window
	before outcomes // than it ended, the copy's own counted in
}

// attempt is one late delivery.
type attempt struct {
	copy      *kept
	by        *courier
	number    uint64
	successes uint64 // of the instance when it began
	probe     bool
	reason    string // to set the copy aside, without trying it; "" to try it

	event   *Event
	overdue time.Time // when by gives it up; zero is never
	givenUp bool      // it was overdue: its worker does something else
}

// jitter spreads d over ±20 %.
func jitter(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.8 + 0.4*rand.Float64()))
}

func (q *queue) backOff(now time.Time, wait time.Duration) {
	q.wait = wait
	q.until = now.Add(jitter(wait))
}

// pick chooses the copy to be sent now; ok is false if none may be. It is called under mu, as all that follows.
func (q *queue) pick(now time.Time, c *courier) (a *attempt, ok bool) {
	if c.working >= workers {
		return nil, false
	}
	a = &attempt{by: c}
	if a.copy = q.expired(now, c.in.giveUp); a.copy != nil {
		a.reason = "gave up after " + c.in.giveUp.String() + lastly(a.copy.err)
		return q.begin(a), true
	}
	if q.live > 0 && c.working >= politely || q.wait > 0 && (c.probing || now.Before(q.until)) || now.Before(q.slot) {
		return nil, false
	}
	q.wakeRested(now)
	ch, ok := q.ready.first()
	if !ok {
		return nil, false
	}
	a.copy = ch.copies[0]
	q.countBurst(a.copy)
	if a.copy.bursts >= c.in.retries {
		a.reason = neverAnswered(a.copy)
		return q.begin(a), true
	}
	a.probe = q.wait > 0
	c.probing = a.probe
	if rate := q.k.options.DeliveryRate; rate > 0 {
		q.slot = latest(q.slot, now.Add(-catchUp)).Add(time.Second / time.Duration(rate))
	}
	return q.begin(a), true
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// begin takes the copy, which is the first of its chain, out of it.
func (q *queue) begin(a *attempt) *attempt {
	a.by.working++
	q.numbers++
	a.number, a.successes = q.numbers, q.successes
	ch := a.copy.chain
	ch.copies = ch.copies[1:]
	ch.sending, a.copy.state = a.copy, sending
	q.arrange(ch)
	return a
}

// expired is the oldest copy of those that can be had and have been tried, if it is past giveUp.
func (q *queue) expired(now time.Time, giveUp time.Duration) *kept {
	ch, ok := q.expiry.first()
	if !ok || giveUp == 0 || now.Sub(ch.since) < giveUp {
		return nil
	}
	return ch.copies[0]
}

// wakeRested makes the chains ready that have rested long enough.
func (q *queue) wakeRested(now time.Time) {
	for {
		ch, ok := q.resting.first()
		if !ok || now.Before(ch.due) {
			return
		}
		ch.due = time.Time{}
		q.arrange(ch)
	}
}

// enter counts an attempt of a walk and gives its number.
func (q *queue) enter() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.live++
	q.numbers++
	return q.numbers
}

// exit ends it.
func (q *queue) exit(number uint64, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.live--
	if err == nil {
		q.stored = max(q.stored, number)
	}
	if err == nil || tellsOfInstance(err) {
		q.ended(err == nil)
	}
	if q.live == 0 {
		q.kick()
	}
}

// When the instance has done well enough since a copy was tried in vain for the fault to be the copy's: that many other attempts
// have ended, and that share of them well.
const (
	otherAttempts = 3
	wellInTen     = 9
)

// countBurst counts the copy's last attempt against it, if the instance does well otherwise: it has stored another event that was
// tried after it, and hardly anything has failed since. If much has, all that is forgotten.
func (q *queue) countBurst(e *kept) {
	good, all := q.good-e.window.before.good, q.all-e.window.before.all
	switch {
	case e.window.began == 0 || all < otherAttempts || q.stored <= e.window.began:
	case good*10 >= all*wellInTen:
		e.bursts++
		e.window = window{}
	default:
		e.window = window{}
	}
}

// inVain notes an attempt of the copy.
func (q *queue) inVain(a *attempt) {
	q.ended(false)
	if e := a.copy; e.window.began == 0 {
		e.window = window{began: a.number, before: q.outcomes}
	} else {
		e.window.before.all++ // its own
	}
}

// tellsOfInstance tells whether a failure says something of the instance, and not of the event, or of what is open here.
func tellsOfInstance(err error) bool {
	return resultOf(err) == Fail && !IsPermanent(err) && !errors.Is(err, errTooManyOpen)
}

func neverAnswered(e *kept) string { return "never answered" + lastly(e.err) }

func lastly(err string) string {
	if err == "" {
		return ""
	}
	return ": " + err
}

// next is when something may have to be done without being nudged; zero is never.
func (q *queue) next(now time.Time, c *courier) time.Time {
	next := q.doubt(now)
	sooner := func(t time.Time) {
		if next.IsZero() || t.Before(next) {
			next = t
		}
	}
	if at := c.soonestOverdue(now); !at.IsZero() {
		sooner(at)
	}
	if oldest, ok := q.expiry.first(); ok && c.in.giveUp > 0 {
		if at := oldest.since.Add(c.in.giveUp); now.Before(at) {
			sooner(at)
		}
	}
	if q.wait > 0 && c.probing || c.working >= workers {
		return next
	}
	from := latest(q.slot, q.until)
	if _, ok := q.ready.first(); ok && from.After(now) {
		sooner(from)
	}
	if ch, ok := q.resting.first(); ok {
		if at := latest(from, ch.due); at.After(now) { // else it is live events that hold it up, and their end nudges
			sooner(at)
		}
	}
	return next
}
