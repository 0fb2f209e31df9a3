package acctstack_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tollgate/acctstack"
	"tollgate/acctstack/stacktest"
	"tollgate/cdr"
)

// optional is the stack of most tests here: one instance that wants its own copy and refuses nothing.
const optional = "A=optional\ndefault=accept\n"

// backlog sends stops of n calls, from call first on, to a module that is away.
func backlog(t *testing.T, stack *acctstack.Stack, first, n int) {
	t.Helper()
	var done waiting
	for i := range n {
		done.Add(1)
		stack.Submit(stacktest.Event(acctstack.Stop, first+i), &done)
	}
	done.Wait()
}

// waiting counts verdicts down.
type waiting struct{ sync.WaitGroup }

// Decided counts one.
func (w *waiting) Decided(*acctstack.Event, acctstack.Verdict) { w.Done() }

// status is that of the first instance.
func status(current *acctstack.Current) acctstack.Status { return current.Statuses()[0] }

// TestDeadInstance: an instance that stays away is probed now and then, each time with another event, whatever the backlog.
func TestDeadInstance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, a := newKeep(acctstack.Options{}), newSwitchable()
		a.gone.Store(true)
		stack := k.stack(t, optional, a)
		backlog(t, stack, 0, 100)
		live := len(a.Events())
		time.Sleep(time.Hour)
		probes := a.Events()[live:]
		if len(probes) < 50 || len(probes) > 90 {
			t.Errorf("%d probes in an hour", len(probes))
		}
		seen := map[*acctstack.Event]bool{}
		for _, ev := range probes {
			seen[ev] = true
		}
		if len(seen) != len(probes) {
			t.Errorf("%d probes with only %d events", len(probes), len(seen))
		}
		for _, c := range k.Kept() {
			if c.Attempts > 1 || c.Attempts == 1 && c.Err != "away" {
				t.Errorf("%+v", c)
			}
		}
		closed(t, stack)
	})
}

// TestRecoveryWakesAtOnce: one event that is stored opens the instance for its backlog.
func TestRecoveryWakesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, a := newKeep(acctstack.Options{}), newSwitchable()
		a.gone.Store(true)
		stack := k.stack(t, optional, a)
		backlog(t, stack, 0, 1000)
		time.Sleep(30 * time.Minute)
		a.gone.Store(false)
		decide(stack, stacktest.Event(acctstack.Stop, 2000))
		synctest.Wait()
		k.expect(t, "")
		if got := k.watched.String(); got != "A up>down, A down>draining, A draining>up" {
			t.Errorf("told %s", got)
		}
		if n := k.log.FilterMessage("the module is down").Len(); n != 1 {
			t.Errorf("logged %d times", n)
		}
		closed(t, stack)
	})
}

// TestPoison: an event that is never answered goes into quarantine when others have been stored behind it often enough; its
// neighbours, and the later events of its own call, go on.
func TestPoison(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKeep(acctstack.Options{})
		poison := stacktest.Event(acctstack.Start, 0)
		var away atomic.Bool
		var tries atomic.Int32
		a := &stacktest.Fake{Answer: func(_ context.Context, ev *acctstack.Event) error {
			if ev == poison {
				tries.Add(1)
				time.Sleep(10 * time.Millisecond)
			}
			if away.Load() || ev == poison {
				return errAway
			}
			return nil
		}}
		current := acctstack.NewCurrent(k.stack(t, optional+"[A]\nRetries=3", a), nil)
		away.Store(true)
		current.Submit(poison, nil)
		synctest.Wait()
		time.Sleep(20 * time.Millisecond)
		later := stacktest.Event(acctstack.Stop, 0)
		current.Submit(later, nil)
		current.Submit(stacktest.Event(acctstack.Stop, 1), nil)
		synctest.Wait()
		away.Store(false)
		time.Sleep(time.Hour) // all by itself it is not given up: nothing says that the fault is its own
		k.expect(t, "start stop")
		for n := range 12 { // three in a row behind each of its attempts
			current.Submit(stacktest.Event(acctstack.Stop, 10+n), nil)
			time.Sleep(2 * time.Minute)
		}
		k.expect(t, "start(never answered: away)")
		s := status(current)
		if s.Quarantined != 1 || s.Backlog != 0 || s.State != acctstack.Up || s.Counters.Quarantined != 1 || s.Kept != 3 {
			t.Errorf("%+v", s)
		}
		before := tries.Load()
		time.Sleep(time.Hour)
		if tries.Load() != before {
			t.Error("tried in quarantine")
		}
		closed(t, current)
	})
}

// TestPermanent: no further try could mend it.
func TestPermanent(t *testing.T) {
	for _, late := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			k, n := newKeep(acctstack.Options{}), new(atomic.Int32)
			a := &stacktest.Fake{Answer: func(_ context.Context, ev *acctstack.Event) error {
				if first := n.Add(1) == 1; late && first {
					return errAway
				}
				return fmt.Errorf("a: storing: %w", errBroken)
			}}
			stack := k.stack(t, optional, a)
			decide(stack, stacktest.Event(acctstack.Stop, 1))
			time.Sleep(time.Hour)
			k.expect(t, "stop(a: storing: no such column)")
			if want := map[bool]int{false: 1, true: 2}[late]; int(n.Load()) != want {
				t.Errorf("%d attempts", n.Load())
			}
			closed(t, stack)
		})
	}
}

// TestGiveUp: what is too old is set aside on time, even while the instance is away and hardly probed.
func TestGiveUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, a := newKeep(acctstack.Options{}), newSwitchable()
		a.gone.Store(true)
		stack := k.stack(t, optional+"[A]\nGiveUpAfter=1h", a)
		for n := range 20 {
			ev := stacktest.Event(acctstack.Stop, n)
			ev.Time = time.Now()
			decide(stack, ev)
		}
		time.Sleep(59 * time.Minute)
		if got := k.spool.KeptFor("A"); strings.Contains(got, "(") {
			t.Errorf("given up early: %s", got)
		}
		time.Sleep(2 * time.Minute)
		if got := strings.Count(k.spool.KeptFor("A"), "stop(gave up after 1h0m0s"); got != 20 {
			t.Errorf("%d given up: %s", got, k.spool.KeptFor("A"))
		}
		closed(t, stack)
	})
}

// TestDeliveryRate: the backlog comes at the pace that the operator allows.
func TestDeliveryRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, a := newKeep(acctstack.Options{DeliveryRate: 100}), newSwitchable()
		a.gone.Store(true)
		stack := k.stack(t, optional, a)
		backlog(t, stack, 0, 1000)
		time.Sleep(time.Minute)
		a.gone.Store(false)
		decide(stack, stacktest.Event(acctstack.Stop, 2000))
		before := len(k.spool.Kept())
		time.Sleep(5 * time.Second)
		if n := before - len(k.spool.Kept()); n < 490 || n > 510 {
			t.Errorf("%d were delivered in 5 s", n)
		}
		time.Sleep(6 * time.Second)
		k.expect(t, "")
		closed(t, stack)
	})
}

// TestLiveEventsGoFirst: while live events are on their way no more than two deliveries are, else no more than eight.
func TestLiveEventsGoFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKeep(acctstack.Options{})
		var away atomic.Bool
		var now, most [2]atomic.Int32 // late, live
		a := &stacktest.Fake{Answer: func(_ context.Context, ev *acctstack.Event) error {
			if away.Load() {
				return errAway
			}
			lane := 0
			if ev.Kind == acctstack.Connect {
				lane = 1
			}
			if n := now[lane].Add(1); n > most[lane].Load() {
				most[lane].Store(n)
			}
			time.Sleep(100 * time.Millisecond)
			now[lane].Add(-1)
			return nil
		}}
		stack := k.stack(t, optional, a)
		away.Store(true)
		backlog(t, stack, 0, 400)
		away.Store(false)
		time.Sleep(2 * time.Second)
		if got := most[0].Load(); got != 8 {
			t.Errorf("%d deliveries at a time", got)
		}
		live := func(n int) {
			for i := range n { // the next one begins before the one before has ended
				stack.Submit(stacktest.Event(acctstack.Connect, 1000+i), nil)
				time.Sleep(90 * time.Millisecond)
			}
		}
		live(3)
		most[0].Store(0)
		live(20)
		if got := most[0].Load(); got != 2 {
			t.Errorf("%d deliveries at a time beside live events", got)
		}
		time.Sleep(10 * time.Second)
		k.expect(t, "")
		closed(t, stack)
	})
}

// TestLateAnswers: an attempt past its Timeout has an unknown end. Its copy is not sent before it has returned; an ok takes the copy
// away, a failure frees it.
func TestLateAnswers(t *testing.T) {
	for name, late := range map[string]error{"ok": nil, "failure": errAway} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k, n := newKeep(acctstack.Options{}), new(atomic.Int32)
				a := &stacktest.Fake{Answer: func(context.Context, *acctstack.Event) error {
					if n.Add(1) > 1 {
						return nil
					}
					time.Sleep(time.Hour)
					return late
				}}
				stack := k.stack(t, optional+"[A]\nTimeout=1", a)
				decide(stack, stacktest.Event(acctstack.Start, 1))
				if d := decide(stack, stacktest.Event(acctstack.Stop, 1)); !errors.Is(d.errs[0], acctstack.ErrQueued) {
					t.Error(d.text)
				}
				decide(stack, stacktest.Event(acctstack.Stop, 2)) // another call is not held up
				time.Sleep(50 * time.Minute)
				k.expect(t, "start stop")
				if int(n.Load()) != 2 {
					t.Errorf("%d attempts while the first is open", n.Load())
				}
				time.Sleep(20 * time.Minute)
				k.expect(t, "")
				if want := map[error]string{nil: "[start stop stop]", errAway: "[start stop start stop]"}[late]; fmt.Sprint(a.Kinds()) != want {
					t.Errorf("asked about %v", a.Kinds())
				}
				closed(t, stack)
			})
		})
	}
}

// TestLateAnswerMeetsTheSettling: the late answer comes while another module is asked, or while the spool writes.
func TestLateAnswerMeetsTheSettling(t *testing.T) {
	for name, test := range map[string]struct {
		b, spool time.Duration // how long they take; A answers after 3 s
		late     error
		asked    int
		kept     bool // at any time
	}{
		"before, ok":      {5 * time.Second, 0, nil, 1, false},
		"before, failure": {5 * time.Second, 0, errAway, 2, true},
		"during, ok":      {0, 5 * time.Second, nil, 1, true},
		"during, failure": {0, 5 * time.Second, errAway, 2, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k, n := newKeep(acctstack.Options{}), new(atomic.Int32)
				a := &stacktest.Fake{Answer: func(context.Context, *acctstack.Event) error {
					if n.Add(1) > 1 {
						return nil
					}
					time.Sleep(3 * time.Second)
					return test.late
				}}
				k.spool.Fail = func(method string, _ cdr.UUID) error {
					if method == "Settle" {
						time.Sleep(test.spool)
					}
					return nil
				}
				stack := k.stack(t, "A=optional\nB=required\n[A]\nTimeout=1", a, sleeper(test.b, nil))
				ev := stacktest.Event(acctstack.Stop, 1)
				decide(stack, ev)
				time.Sleep(time.Minute)
				k.expect(t, "")
				if int(n.Load()) != test.asked || k.spool.Settled(ev) != 1 {
					t.Errorf("asked %d times, settled %d times", n.Load(), k.spool.Settled(ev))
				}
				if kept := stack.Counters()[0].Kept > 0; kept != (test.kept && test.late != nil) {
					t.Errorf("kept: %v", kept)
				}
				closed(t, stack)
			})
		})
	}
}

// TestQueuedAndElsewhere: an alternative that was not asked about an event, as something of the call is kept for it, gets that
// event too, though another one stores it: what has the beginning of a call gets its end.
func TestQueuedAndElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, a, b := newKeep(acctstack.Options{}), newSwitchable(), newSwitchable()
		stack := k.stack(t, "A=alternative\nB=sufficient", a, b)
		a.gone.Store(true)
		b.gone.Store(true)
		decide(stack, stacktest.Event(acctstack.Update, 1))
		b.gone.Store(false)
		d := decide(stack, stacktest.Event(acctstack.Stop, 1))
		if !d.ok || !errors.Is(d.errs[0], acctstack.ErrQueued) || !strings.Contains(d.text, "kept for it") {
			t.Error(d.text)
		}
		k.expect(t, "update stop")
		a.gone.Store(false)
		time.Sleep(3 * time.Second)
		k.expect(t, "")
		closed(t, stack)
	})
}
