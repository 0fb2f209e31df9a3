package acctstack

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"

	"tollgate/cdr"
)

// shelf is a spool in memory: which instances each event is kept for.
type shelf struct {
	mu     sync.Mutex
	events map[cdr.UUID]*Event
	copies map[cdr.UUID]map[string]bool
}

func newShelf() *shelf {
	return &shelf{events: map[cdr.UUID]*Event{}, copies: map[cdr.UUID]map[string]bool{}}
}

func (s *shelf) Settle(ev *Event, keep []string) error {
	if len(keep) == 0 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events[ev.ID] = ev
	s.copies[ev.ID] = map[string]bool{}
	for _, name := range keep {
		s.copies[ev.ID][name] = true
	}
	return nil
}

func (s *shelf) Load(id cdr.UUID) (*Event, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ev := s.events[id]; ev != nil {
		return ev, nil
	}
	return nil, errors.New("gone")
}

func (s *shelf) Done(id cdr.UUID, instance string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.copies[id], instance)
}

func (s *shelf) Quarantine(*Event, string, string) error { return errors.New("not here") }
func (s *shelf) Release(cdr.UUID, string)                {}
func (s *shelf) Kept() []Kept                            { return nil }

func (s *shelf) left() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, names := range s.copies {
		n += len(names)
	}
	return n
}

// keeping gives the stack's instances queues over the spool, and starts it.
func keeping(t testing.TB, s *Stack, spool Spool) *Keeping {
	t.Helper()
	s.keeping = NewKeeping(spool, nil, nil, Options{}, zap.NewNop())
	s.keeping.Deliver()
	for _, in := range s.instances {
		in.queue, in.kinds, in.retries = s.keeping.queue(in.name), allKinds, 1000
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	return s.keeping
}

// shaky is a module that dawdles and fails, and that knows whether it is asked about an event while it still works on it.
type shaky struct {
	busy, has []atomic.Int32
	faults    atomic.Int32
	good      atomic.Bool
}

func (m *shaky) Store(_ context.Context, ev *Event) error {
	if m.busy[ev.Seq].Add(1) != 1 || m.has[ev.Seq].Load() != 0 {
		m.faults.Add(1)
	}
	for range rand.IntN(4) {
		runtime.Gosched()
	}
	fails := rand.IntN(3) == 0 && !m.good.Load()
	if !fails {
		m.has[ev.Seq].Add(1)
	}
	m.busy[ev.Seq].Add(-1)
	if fails {
		return errTimeoutOfOurs
	}
	return nil
}

var errTimeoutOfOurs = errors.New("away")

// TestHandOverKeeps lets Timeouts pass all the time while events run through a stack that keeps what fails: in the end each
// module has each event exactly once, nothing is kept any more, and no attempt is remembered.
func TestHandOverKeeps(t *testing.T) {
	const rounds, events = 15, 200
	late := uint64(0)
	for range rounds {
		modules := [2]*shaky{}
		for i := range modules {
			modules[i] = &shaky{busy: make([]atomic.Int32, events), has: make([]atomic.Int32, events)}
		}
		s, spool := stackOf(Optional, modules[0], modules[1]), newShelf()
		k := keeping(t, s, spool)
		stop := make(chan struct{})
		var watcher sync.WaitGroup
		watcher.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					s.takeOver(doomsday)
					runtime.Gosched()
				}
			}
		})
		var told waiting
		told.Add(events)
		for i := range events {
			s.Submit(&Event{Stamp: cdr.Stamp{ID: cdr.UUID{1, byte(i), byte(i >> 8)}}, Call: cdr.UUID{2, byte(i % 50)}, Kind: Stop, Seq: uint32(i)}, &told)
		}
		told.Wait()
		for _, m := range modules {
			m.good.Store(true)
		}
		for deadline := time.Now().Add(10 * time.Second); spool.left() > 0 && time.Now().Before(deadline); {
			for _, name := range []string{"M0", "M1"} {
				_, _ = k.RetryAll(name)
			}
			time.Sleep(time.Millisecond)
		}
		close(stop)
		watcher.Wait()
		if err := s.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		late += checkKept(t, s, spool, modules[:])
	}
	if late == 0 {
		t.Error("no run was taken over, so nothing was tried")
	}
}

func checkKept(t *testing.T, s *Stack, spool *shelf, modules []*shaky) (late uint64) {
	t.Helper()
	if n := spool.left(); n != 0 {
		t.Fatalf("%d copies are left", n)
	}
	for i, m := range modules {
		for e := range m.has {
			if n := m.has[e].Load(); n != 1 {
				t.Errorf("module %d has event %d %d times", i, e, n)
			}
		}
		q, in := s.instances[i].queue, s.couriers[i]
		if m.faults.Load() != 0 || len(q.open) != 0 || len(q.copies) != 0 || len(q.chains) != 0 || len(q.ages.entries)+len(q.expiry.entries) != 0 || in.working != 0 || q.live != 0 {
			t.Errorf("module %d: %d faults; open %d, copies %d, chains %d, ages %d, working %d, live %d", i, m.faults.Load(),
				len(q.open), len(q.copies), len(q.chains), len(q.ages.entries), in.working, q.live)
		}
		late += s.Counters()[i].Late
	}
	return late
}
