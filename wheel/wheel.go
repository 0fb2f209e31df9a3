// Package wheel is a timing wheel: very many coarse timers that cost next to nothing to set and to stop. A wheel and its
// timers belong to one owner at a time and have no lock of their own.
package wheel

import "time"

// Tick is the wheel's resolution: a timer fires with the first Advance that is at most a Tick late, never early.
const Tick = 50 * time.Millisecond

// slots make one turn last 51.2 s. A timer that is further away stays in its slot for more turns.
const slots = 1024

// Expirer is what a timer wakes. what is the number that Set was given.
type Expirer interface {
	Expire(what uint8)
}

// Timer is one timer, at rest until Set. It is meant to be embedded in what it wakes; it must not be copied while set.
type Timer struct {
	prev, next *Timer
	owner      Expirer
	at         uint64 // the tick at which it fires
	what       uint8
}

// Pending tells whether the timer is set.
func (t *Timer) Pending() bool { return t.next != nil }

// Stop puts the timer to rest; one that is at rest stays so.
func (t *Timer) Stop() {
	if t.next == nil {
		return
	}
	t.prev.next, t.next.prev = t.next, t.prev
	t.prev, t.next, t.owner = nil, nil, nil
}

// Wheel holds timers. New makes one; the zero value is of no use.
type Wheel struct {
	clock func() time.Time
	start time.Time
	now   uint64
	slot  [slots]Timer // heads of circular lists
	due   Timer        // the same, of those that fire in the present turn
}

// New makes a wheel whose time begins now. clock is time.Now outside of tests.
func New(clock func() time.Time) *Wheel {
	w := &Wheel{clock: clock, start: clock()}
	for i := range w.slot {
		w.slot[i].prev, w.slot[i].next = &w.slot[i], &w.slot[i]
	}
	return w
}

// Set makes the timer wake owner after d; at the next Advance if d is negative. A timer that was set before is moved.
//
// The time counts from the clock and not from the last Advance, which may be late on a busy machine: a timer that was
// set meanwhile would fire as much too early.
func (w *Wheel) Set(t *Timer, d time.Duration, owner Expirer, what uint8) {
	t.Stop()
	due := max(w.clock().Sub(w.start), time.Duration(w.now)*Tick) + max(d, 0)
	t.at, t.owner, t.what = max(uint64((due+Tick-1)/Tick), w.now+1), owner, what
	head := &w.slot[t.at%slots]
	t.prev, t.next = head.prev, head
	head.prev.next, head.prev = t, t
}

// Advance moves the wheel to now and wakes the owners of the timers that are due, in the order of their ticks. They may
// set and stop any timer of the wheel. A now before the last one changes nothing.
func (w *Wheel) Advance(now time.Time) {
	for target := uint64(max(now.Sub(w.start), 0) / Tick); w.now < target; {
		w.now++
		w.turn()
	}
}

// turn fires what is due in the present slot. The due timers are moved to a list of their own first, as their owners
// may change the slot.
func (w *Wheel) turn() {
	head := &w.slot[w.now%slots]
	due := &w.due
	due.prev, due.next = due, due
	for t := head.next; t != head; {
		next := t.next
		if t.at <= w.now {
			t.prev.next, t.next.prev = t.next, t.prev
			t.prev, t.next = due.prev, due
			due.prev.next, due.prev = t, t
		}
		t = next
	}
	for due.next != due {
		t := due.next
		owner, what := t.owner, t.what
		t.Stop()
		owner.Expire(what)
	}
}
