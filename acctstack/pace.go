package acctstack

import (
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
	working   int // deliveries under way
	live      int // attempts of walks under way, counted while alert is set
	wait      time.Duration
	until     time.Time
	probing   bool
	slot      time.Time // of DeliveryRate
	successes uint64
	numbers   uint64 // of attempts, live and late
	stored    uint64 // the highest number of an attempt that stored its event
}

// attempt is one late delivery.
type attempt struct {
	copy      *kept
	number    uint64
	successes uint64 // of the instance when it began
	probe     bool
	reason    string // to set the copy aside, without trying it; "" to try it
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
func (q *queue) pick(now time.Time, c *courier) (a attempt, ok bool) {
	if q.working >= workers {
		return a, false
	}
	if a.copy = q.expired(now, c.in.giveUp); a.copy != nil {
		a.reason = "gave up after " + c.in.giveUp.String() + lastly(a.copy.err)
		return q.begin(a), true
	}
	if q.live > 0 && q.working >= politely || q.wait > 0 && (q.probing || now.Before(q.until)) || now.Before(q.slot) {
		return a, false
	}
	q.wakeRested(now)
	ch, ok := q.ready.first()
	if !ok {
		return a, false
	}
	a.copy = ch.copies[0]
	q.countBurst(a.copy)
	if a.copy.bursts >= c.in.retries {
		a.reason = neverAnswered(a.copy)
		return q.begin(a), true
	}
	a.probe = q.wait > 0
	q.probing = a.probe
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
func (q *queue) begin(a attempt) attempt {
	q.working++
	q.numbers++
	a.number, a.successes = q.numbers, q.successes
	ch := a.copy.chain
	ch.copies = ch.copies[1:]
	ch.sending, a.copy.state = a.copy, sending
	q.arrange(ch)
	return a
}

// expired is the oldest copy if it is past giveUp and can be had.
func (q *queue) expired(now time.Time, giveUp time.Duration) *kept {
	oldest, ok := q.ages.first()
	if !ok || giveUp == 0 || now.Sub(oldest.since) < giveUp || oldest.state != inLine {
		return nil
	}
	if ch := oldest.chain; ch.sending != nil || ch.copies[0] != oldest {
		return nil
	}
	return oldest
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
func (q *queue) exit(number uint64, stored bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.live--
	if stored {
		q.stored = max(q.stored, number)
	}
	if q.live == 0 {
		q.kick()
	}
}

// countBurst counts the copy's last attempt against it, if the instance stored another event that was tried after it.
func (q *queue) countBurst(e *kept) {
	if e.began != 0 && q.stored > e.began {
		e.bursts++
		e.began = 0
	}
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
	if oldest, ok := q.ages.first(); ok && c.in.giveUp > 0 {
		if at := oldest.since.Add(c.in.giveUp); now.Before(at) {
			sooner(at)
		}
	}
	if q.wait > 0 && q.probing || q.working >= workers {
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
