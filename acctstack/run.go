package acctstack

import (
	"sync/atomic"
	"time"
)

// run is one event's walk under way.
//
// An attempt that takes longer than its Timeout loses the run: the watcher takes it over and the walk goes on on
// another goroutine, while the attempt stays open and reports late. state decides who has the run, so that neither
// needs a timer of its own, nor a lock while all is well. Four things make that right:
//
//   - A run that is linked in Stack.runs has an owner that is counted in Stack.work, as only its owner unlinks it. The
//     watcher holds Stack.mu, so the run stays linked while it looks.
//   - The watcher touches the walk only after it has won state, and the owner wrote the walk before it armed state.
//   - The loser touches nothing of the run any more, which may be serving another event by then. It cannot take that
//     event's attempt for its own: its state holds a tick that has passed, and one armed later holds a tick to come.
//   - The loser waits for Stack.mu before it leaves, so the new goroutine is counted in Stack.work before the loser's
//     count goes, and Close cannot see zero in between.
//
// What is kept of an event whose attempt has an unknown end hangs on one thing more: the attempt is noted in its
// instance's queue (queue.open) while the watcher still holds Stack.mu. So the loser, which comes through Stack.mu, finds the note
// when it reports, and whoever of the two comes second draws the consequence, under the queue's lock: the walk, when it
// settles the event or has told its verdict (queue.add, queue.told), or the loser (queue.returned). Neither needs the run for it. Locks are taken in
// the order Stack.mu, queue.mu; nothing waits under either.
type run struct {
	stack *Stack
	event *Event
	to    Receiver
	steps Walk
	early bool     // the gate of late delivery waits for it
	late  []string // instances that have the event although their answer came too late for the walk

	// state is the number of the attempt, above the tick at which it is overdue (0: never). Whoever ends the attempt
	// advances it; the one who comes second finds it changed.
	state      atomic.Uint64
	prev, next *run // in Stack.runs
}

const overdueBits = 40

func (s *Stack) begin(ev *Event, to Receiver) *run {
	r, _ := s.idle.Get().(*run)
	if r == nil {
		r = &run{stack: s}
	}
	r.event, r.to = ev, to
	r.steps.BeginEvent(s.rules, ev)
	r.steps.noSpool = s.keeping == nil
	s.mu.Lock()
	r.prev, r.next = nil, s.runs
	if s.runs != nil {
		s.runs.prev = r
	}
	s.runs = r
	s.mu.Unlock()
	return r
}

func (r *run) end() {
	s := r.stack
	s.mu.Lock()
	if r.prev != nil {
		r.prev.next = r.next
	} else {
		s.runs = r.next
	}
	if r.next != nil {
		r.next.prev = r.prev
	}
	s.mu.Unlock()
	if r.to != nil {
		r.to.Decided(r.event, r.steps.Verdict())
	}
	if s.keeping != nil {
		r.told()
	}
	r.event, r.to, r.early = nil, nil, false
	s.idle.Put(r)
}

// walk asks one module after the other until the walk has ended or somebody has taken the run over.
func (r *run) walk() {
	s, ev := r.stack, r.event
	for {
		i, more := r.steps.Next()
		if !more {
			if s.keeping != nil && !r.settle() {
				continue
			}
			r.end()
			return
		}
		in := s.instances[i]
		alert := in.queue != nil && in.queue.alert.Load()
		if alert && in.queue.holds(ev) {
			r.steps.Answer(Fail, ErrQueued)
			continue
		}
		mine := r.arm(in.timeout)
		err := in.store(s.ctx, ev, alert)
		if !r.state.CompareAndSwap(mine, after(mine)) {
			s.late(in, ev, err)
			return
		}
		r.steps.Answer(in.result(ev, err), err)
	}
}

// arm begins an attempt and gives its state.
func (r *run) arm(timeout time.Duration) uint64 {
	attempt := r.state.Load() >> overdueBits
	state := attempt << overdueBits
	if timeout > 0 {
		state |= uint64(r.stack.clock.Load()) + uint64((timeout+tick-1)/tick) + 1
	}
	r.state.Store(state)
	return state
}

// watchTimeouts takes over the runs whose attempt is overdue.
func (s *Stack) watchTimeouts() {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-ticker.C:
			s.takeOver(uint64(s.clock.Add(1)))
		}
	}
}

func (s *Stack) takeOver(now uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for r := s.runs; r != nil; r = r.next {
		if r.take(now) {
			r.carryOn()
		}
	}
}

// take ends the present attempt if it is overdue, in place of its goroutine. The caller holds Stack.mu until it has
// called carryOn.
func (r *run) take(now uint64) bool {
	state := r.state.Load()
	overdue := state & (1<<overdueBits - 1)
	return overdue != 0 && overdue <= now && r.state.CompareAndSwap(state, after(state))
}

// carryOn goes on with the walk of a run that was taken over, on a new goroutine.
func (r *run) carryOn() {
	in := r.stack.instances[r.steps.at]
	in.open.Add(1)
	if in.queue != nil {
		in.queue.opened(r.event.ID)
	}
	r.stack.work.Go(func() {
		r.steps.Answer(in.result(r.event, errTimeout), errTimeout)
		r.walk()
	})
}

// late takes the answer to an attempt whose run was taken over. takeOver may still be at it, hence the lock.
func (s *Stack) late(in *instance, ev *Event, err error) {
	s.mu.Lock()
	in.open.Add(-1)
	s.mu.Unlock()
	in.late(ev, err)
}

// after is the state once the attempt has ended: the next number, nothing armed.
func after(state uint64) uint64 { return (state>>overdueBits + 1) << overdueBits }
