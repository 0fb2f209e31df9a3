package acctstack

import (
	"sync/atomic"
	"time"
)

// run is one event's walk under way.
//
// An attempt that takes longer than its Timeout loses the run: the watcher takes it over and the walk goes on on
// another goroutine, while the attempt stays open and reports late. state decides who has the run, so that neither
// needs a lock or a timer of its own.
type run struct {
	stack *Stack
	event *Event
	to    Receiver
	steps Walk

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
	r.steps.Begin(s.rules, ev.Kind)
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
	r.event, r.to = nil, nil
	s.idle.Put(r)
}

// walk asks one module after the other until the walk has ended or somebody has taken the run over.
func (r *run) walk() {
	s, ev := r.stack, r.event
	for {
		i, more := r.steps.Next()
		if !more {
			r.end()
			return
		}
		in := s.instances[i]
		mine := r.arm(in.timeout)
		err := in.store(s.ctx, ev)
		if !r.state.CompareAndSwap(mine, after(mine)) {
			in.late(ev, err)
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
		state := r.state.Load()
		overdue := state & (1<<overdueBits - 1)
		if overdue == 0 || overdue > now || !r.state.CompareAndSwap(state, after(state)) {
			continue
		}
		in := s.instances[r.steps.at]
		in.open.Add(1)
		s.work.Go(func() {
			r.steps.Answer(in.result(r.event, errTimeout), errTimeout)
			r.walk()
		})
	}
}

// after is the state once the attempt has ended: the next number, nothing armed.
func after(state uint64) uint64 { return (state>>overdueBits + 1) << overdueBits }
