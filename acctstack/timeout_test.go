package acctstack_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tollgate/acctstack"
	"tollgate/acctstack/stacktest"
)

// sleeper answers err after d, whatever its context says.
func sleeper(d time.Duration, err error) *stacktest.Fake {
	return &stacktest.Fake{Answer: func(context.Context, *acctstack.Event) error { time.Sleep(d); return err }}
}

// counted fails the test unless the first instance's counters are these.
func counted(t *testing.T, stack *acctstack.Stack, want acctstack.Counters) {
	t.Helper()
	want.Instance = "A"
	if got := stack.Counters()[0]; got != want {
		t.Errorf("after %s: got %+v, want %+v", time.Since(epoch), got, want)
	}
}

// epoch is when the time of a bubble begins.
var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func TestTimeout(t *testing.T) {
	for name, late := range map[string]error{"late ok": nil, "late error": errAway} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				slow, quick := sleeper(10*time.Second, late), sleeper(0, nil)
				stack := stacktest.Stack(t, "A=alternative\nB=required\n[A]\nTimeout=1", stacktest.Factory("A", slow), stacktest.Factory("B", quick))
				verdicts := make(decisions, 2)
				begun := time.Now()
				stack.Submit(startEvent(), verdicts)
				d := <-verdicts
				if took := time.Since(begun); took < time.Second || took > 1200*time.Millisecond {
					t.Errorf("the walk waited %s for the module", took)
				}
				if !d.ok || d.steps != 2 || d.errs[0] == nil || d.errs[0].Error() != "no answer within Timeout" {
					t.Errorf("%v\n%s", d.errs, d.text)
				}
				counted(t, stack, acctstack.Counters{Failed: 1, Open: 1})
				time.Sleep(10 * time.Second)
				want := acctstack.Counters{Failed: 1, Late: 1}
				if late == nil {
					want.Stored = 1
				}
				counted(t, stack, want)
				if len(verdicts) != 0 || len(slow.Events()) != 1 || len(quick.Events()) != 1 {
					t.Errorf("a second verdict, or %d and %d calls", len(slow.Events()), len(quick.Events()))
				}
			})
		})
	}
}

func TestEveryModuleHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, c := sleeper(time.Minute, nil), sleeper(time.Minute, nil), sleeper(time.Minute, nil)
		stack := stacktest.Stack(t, "A=alternative\nB=optional\nC=sufficient\n[A]\nTimeout=1\n[B]\nTimeout=500ms\n[C]\nTimeout=2",
			stacktest.Factory("A", a), stacktest.Factory("B", b), stacktest.Factory("C", c))
		begun := time.Now()
		d := decide(stack, startEvent())
		if took := time.Since(begun); took < 3500*time.Millisecond || took > 4100*time.Millisecond || d.ok || d.steps != 3 {
			t.Errorf("after %s\n%s", took, d.text)
		}
		time.Sleep(time.Minute)
		for _, counters := range stack.Counters() {
			if counters.Open != 0 || counters.Late != 1 || counters.Stored != 1 {
				t.Errorf("got %+v", counters)
			}
		}
	})
}

// TestTimeoutIsNeverEarly begins attempts at odd moments between the ticks.
func TestTimeoutIsNeverEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stack := stacktest.Stack(t, "A=required\n[A]\nTimeout=250ms", stacktest.Factory("A", sleeper(time.Second, nil)))
		for offset := range 40 {
			time.Sleep(time.Duration(offset)*7*time.Millisecond + time.Microsecond)
			begun := time.Now()
			decide(stack, startEvent())
			if took := time.Since(begun); took < 250*time.Millisecond || took > 250*time.Millisecond+200*time.Millisecond {
				t.Errorf("begun at %s, the attempt had %s", begun.Sub(epoch), took)
			}
		}
	})
}

func TestWithinTimeout(t *testing.T) {
	for _, timeout := range []string{"0", "1", "3600"} {
		synctest.Test(t, func(t *testing.T) {
			took := 1 * time.Second
			if timeout == "0" {
				took = time.Hour
			}
			stack := stacktest.Stack(t, "A=required\n[A]\nTimeout="+timeout, stacktest.Factory("A", sleeper(took, nil)))
			if d := decide(stack, startEvent()); !d.ok {
				t.Errorf("Timeout=%s\n%s", timeout, d.text)
			}
			counted(t, stack, acctstack.Counters{Stored: 1})
		})
	}
}

// TestLateAnswerMeetsAnotherWalk: the walk of the first event has ended and its memory serves further events, whose
// attempts are under way when the first attempt answers. They must not take its answer for theirs.
func TestLateAnswerMeetsAnotherWalk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int32
		first := &stacktest.Fake{Answer: func(_ context.Context, ev *acctstack.Event) error {
			if n.Add(1) == 1 {
				time.Sleep(3 * time.Second)
				return errAway
			}
			time.Sleep(900 * time.Millisecond)
			return nil
		}}
		stack := stacktest.Stack(t, "A=required\n[A]\nTimeout=1", stacktest.Factory("A", first))
		if d := decide(stack, startEvent()); d.ok {
			t.Error(d.text)
		}
		for range 10 {
			if d := decide(stack, startEvent()); !d.ok || d.errs[0] != nil {
				t.Error(d.text)
			}
		}
		counted(t, stack, acctstack.Counters{Stored: 10, Failed: 1, Late: 1})
	})
}

// TestCloseWaitsForOpenAttempts: the walk has ended, but the module still works on the event.
func TestCloseWaitsForOpenAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l ledger
		slow := &ward{name: "A", log: l.add, store: func(context.Context, *acctstack.Event) error { time.Sleep(20 * time.Second); return nil }}
		stack := stacktest.Build(t, "A=required\n[A]\nTimeout=1", stacktest.Factory("A", slow))
		if err := stack.Start(); err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		decide(stack, startEvent())
		if err := stack.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if took, got := time.Since(begun), l.String(); took != 20*time.Second || got != "open A, stored A, close A" {
			t.Errorf("after %s: %s", took, got)
		}
		counted(t, stack, acctstack.Counters{Stored: 1, Failed: 1, Late: 1})
	})
}

// TestTimeoutsWorkWhileCloseWaits: a hanging module does not keep the event from the modules below it.
func TestTimeoutsWorkWhileCloseWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hangs := &stacktest.Fake{Answer: func(ctx context.Context, _ *acctstack.Event) error { <-ctx.Done(); return ctx.Err() }}
		var below stacktest.Fake
		stack := stacktest.Build(t, "A=optional\nB=required\n[A]\nTimeout=1", stacktest.Factory("A", hangs), stacktest.Factory("B", &below))
		if err := stack.Start(); err != nil {
			t.Fatal(err)
		}
		verdicts := make(decisions, 1)
		stack.Submit(startEvent(), verdicts)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if err := stack.Close(ctx); err != nil {
			t.Error(err)
		}
		if d := <-verdicts; !d.ok || len(below.Events()) != 1 {
			t.Error(d.text)
		}
		counted(t, stack, acctstack.Counters{Failed: 1, Late: 1})
	})
}
