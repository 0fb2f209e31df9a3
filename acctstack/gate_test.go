package acctstack_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"tollgate/acctstack"
	"tollgate/acctstack/stacktest"
)

// gated holds the verdict back until it is told to go on.
type gated chan struct{}

// Decided waits.
func (g gated) Decided(*acctstack.Event, acctstack.Verdict) { <-g }

// TestNoDeliveryBeforeTheVerdict: while it is not known that the verdict is written down, the copy stays: a crash would have the
// event walk again.
func TestNoDeliveryBeforeTheVerdict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, a := newKeep(acctstack.Options{}), newSwitchable()
		stack := k.stack(t, optional, a)
		told := make(gated)
		a.gone.Store(true)
		stack.Submit(stacktest.Event(acctstack.Stop, 1), told)
		synctest.Wait()
		a.gone.Store(false)
		decide(stack, stacktest.Event(acctstack.Stop, 2)) // opens the instance
		if err := k.Retry(k.Kept()[0].ID, "A"); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Hour)
		k.expect(t, "stop")
		if len(a.Events()) != 2 {
			t.Errorf("asked %d times", len(a.Events()))
		}
		close(told)
		synctest.Wait()
		k.expect(t, "")
		closed(t, stack)
	})
}

// TestNoAnswerBeforeTheVerdict: neither does an attempt that ends past its Timeout take the copy away before.
func TestNoAnswerBeforeTheVerdict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKeep(acctstack.Options{})
		a := &stacktest.Fake{Answer: func(context.Context, *acctstack.Event) error {
			time.Sleep(10 * time.Second)
			return nil
		}}
		stack := k.stack(t, optional+"[A]\nTimeout=1s", a)
		told := make(gated)
		stack.Submit(stacktest.Event(acctstack.Stop, 1), told)
		time.Sleep(time.Minute)
		k.expect(t, "stop")
		close(told)
		synctest.Wait()
		k.expect(t, "")
		if len(a.Events()) != 1 {
			t.Errorf("asked %d times", len(a.Events()))
		}
		closed(t, stack)
	})
}

// TestDeliverWaits: after a restart nothing is delivered before Deliver, nor before the verdicts on what was submitted, or held,
// until then; but a walk that does not end does not hold it up for ever.
func TestDeliverWaits(t *testing.T) {
	for _, ends := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			var spool stacktest.Spool
			again := stacktest.Event(acctstack.Stop, 1)
			for _, ev := range []*acctstack.Event{again, stacktest.Event(acctstack.Stop, 2)} {
				if err := spool.Settle(ev, []string{"A"}); err != nil {
					t.Fatal(err)
				}
			}
			k, a := acctstack.NewKeeping(&spool, nil, nil, acctstack.Options{}, zap.NewNop()), newSwitchable()
			stack := stacktest.BuildKeeping(t, k, optional, stacktest.Factory("A", a))
			if err := stack.Start(); err != nil {
				t.Fatal(err)
			}
			current, told := acctstack.NewCurrent(stack, zap.NewNop()), make(gated)
			submit := current.Hold()
			expect := func(kept string, asked int) {
				t.Helper()
				if got := spool.KeptFor("A"); got != kept || len(a.Events()) != asked {
					t.Errorf("kept %q, asked %d times", got, len(a.Events()))
				}
			}
			time.Sleep(time.Hour)
			expect("stop stop", 0)
			k.Deliver()
			time.Sleep(time.Second)
			submit(again, told)
			time.Sleep(time.Second)
			expect("stop stop", 0)
			if ends {
				close(told)
				synctest.Wait()
				expect("", 2)
			} else {
				time.Sleep(time.Minute)
				expect("stop", 1)
				close(told)
				synctest.Wait()
				expect("", 2)
			}
			closed(t, current)
		})
	}
}
