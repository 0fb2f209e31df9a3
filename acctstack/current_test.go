package acctstack_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"tollgate/acctstack"
	"tollgate/acctstack/stacktest"
)

// tenant is a module of one of many stacks that share a backend. It notes what a stack must never do to a module.
type tenant struct {
	backend *backend
	begun   atomic.Int32 // 1 open, 2 closed
	working atomic.Int32
}

type backend struct {
	stored       sync.Map // event id -> *atomic.Int32
	open, closed atomic.Int32
	faults       atomic.Int32
}

func (b *backend) expect(ok bool) {
	if !ok {
		b.faults.Add(1)
	}
}

func (t *tenant) Start() error {
	t.backend.expect(t.begun.CompareAndSwap(0, 1))
	t.backend.open.Add(1)
	return nil
}

func (t *tenant) Close() error {
	t.backend.expect(t.begun.CompareAndSwap(1, 2) && t.working.Load() == 0)
	t.backend.closed.Add(1)
	return nil
}

func (t *tenant) Store(_ context.Context, ev *acctstack.Event) error {
	t.working.Add(1)
	defer t.working.Add(-1)
	t.backend.expect(t.begun.Load() == 1)
	n, _ := t.backend.stored.LoadOrStore(ev.ID, new(atomic.Int32))
	n.(*atomic.Int32).Add(1)
	if ev.Seq%16 == 0 {
		time.Sleep(time.Millisecond) // so that some walks outlive their stack's reign
	}
	t.backend.expect(t.begun.Load() == 1)
	return nil
}

// TestSwapUnderLoad swaps the stack a hundred times while events come from many goroutines: each is stored once and
// decided once, and each stack is closed behind its last walk.
func TestSwapUnderLoad(t *testing.T) {
	const senders, swaps = 8, 100
	var b backend
	next := func() *acctstack.Stack {
		stack := stacktest.Build(t, "A=required", stacktest.Factory("A", &tenant{backend: &b}))
		if err := stack.Start(); err != nil {
			t.Fatal(err)
		}
		return stack
	}
	current := acctstack.NewCurrent(next(), zap.NewNop())
	var stop atomic.Bool
	var sent, decided atomic.Int32
	count := receiverFunc(func(_ *acctstack.Event, v acctstack.Verdict) {
		b.expect(v.OK)
		decided.Add(1)
	})
	var wg sync.WaitGroup
	for range senders {
		wg.Go(func() {
			for i := uint32(1); !stop.Load(); i++ {
				ev := stacktest.Event(acctstack.Stop, int(i))
				ev.Seq = i
				sent.Add(1)
				current.Submit(ev, count)
				if i%32 == 0 {
					time.Sleep(time.Millisecond) // leave the machine to the walks
				}
			}
		})
	}
	for range swaps {
		for until := sent.Load() + 20; sent.Load() < until; {
			time.Sleep(100 * time.Microsecond)
		}
		current.Swap(next())
		b.expect(current.Wants(acctstack.Stop) && len(current.Counters()) == 1)
	}
	stop.Store(true)
	wg.Wait()
	if err := current.Close(t.Context()); err != nil {
		t.Error(err)
	}
	stored := int32(0)
	b.stored.Range(func(id, n any) bool {
		if times := n.(*atomic.Int32).Load(); times != 1 {
			t.Errorf("event %v is stored %d times", id, times)
		}
		stored++
		return true
	})
	if stored != sent.Load() || decided.Load() != sent.Load() || b.faults.Load() != 0 {
		t.Errorf("sent %d, stored %d, decided %d, faults %d", sent.Load(), stored, decided.Load(), b.faults.Load())
	}
	if b.open.Load() != swaps+1 || b.closed.Load() != swaps+1 {
		t.Errorf("opened %d, closed %d", b.open.Load(), b.closed.Load())
	}
}

type receiverFunc func(*acctstack.Event, acctstack.Verdict)

func (f receiverFunc) Decided(ev *acctstack.Event, v acctstack.Verdict) { f(ev, v) }

// TestOldStackEndsBehindItsWalks: an event that was born before a swap ends on the stack that it began on.
func TestOldStackEndsBehindItsWalks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l ledger
		older := &ward{name: "old", log: l.add, store: func(context.Context, *acctstack.Event) error { time.Sleep(time.Minute); return nil }}
		stacks := [2]*acctstack.Stack{}
		for i, w := range []*ward{older, {name: "new", log: l.add}} {
			stacks[i] = stacktest.Build(t, "A=required\n[A]\nTimeout=0", stacktest.Factory("A", w))
			if err := stacks[i].Start(); err != nil {
				t.Fatal(err)
			}
		}
		current := acctstack.NewCurrent(stacks[0], zap.NewNop())
		verdicts := make(decisions, 2)
		current.Submit(startEvent(), verdicts)
		synctest.Wait()
		current.Swap(stacks[1])
		current.Submit(startEvent(), verdicts)
		synctest.Wait()
		if got := l.String(); got != "open old, open new, stored new" {
			t.Errorf("got %s", got)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := l.String(); got != "open old, open new, stored new, stored old, close old" {
			t.Errorf("got %s", got)
		}
		if err := current.Close(t.Context()); err != nil || len(verdicts) != 2 {
			t.Errorf("%v, %d verdicts", err, len(verdicts))
		}
	})
}

// TestCloseCancelsOldStacks: at the end of the program a stack that was swapped out waits no longer than the present one.
func TestCloseCancelsOldStacks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		core, logs := observer.New(zap.ErrorLevel)
		var l ledger
		hang := func(ctx context.Context, _ *acctstack.Event) error { <-ctx.Done(); return ctx.Err() }
		var current *acctstack.Current
		for i := range 3 {
			w := &ward{name: fmt.Sprint(i), log: l.add, store: hang}
			if i < 2 {
				w.ending = errors.New("disk full")
			}
			stack := stacktest.Build(t, "A=required\n[A]\nTimeout=0", stacktest.Factory("A", w))
			if err := stack.Start(); err != nil {
				t.Fatal(err)
			}
			if current == nil {
				current = acctstack.NewCurrent(stack, zap.New(core))
			} else {
				current.Swap(stack)
			}
			current.Submit(startEvent(), nil)
		}
		begun := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 7*time.Second)
		defer cancel()
		if err := current.Close(ctx); err != nil {
			t.Error(err)
		}
		if took := time.Since(begun); took != 7*time.Second {
			t.Errorf("Close took %s", took)
		}
		if logs.FilterMessage("closing the stack of before the reload").Len() != 2 {
			t.Errorf("logged %v", logs.All())
		}
	})
}
