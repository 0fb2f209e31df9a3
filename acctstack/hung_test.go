package acctstack_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"tollgate/acctstack"
	"tollgate/acctstack/stacktest"
)

// TestHungDeliveries: late deliveries that do not return stop neither the rest of the backlog nor that of a new stack, and are not
// repeated; once they return they count.
func TestHungDeliveries(t *testing.T) {
	for _, reload := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			k, free := newKeep(acctstack.Options{}), make(chan struct{})
			var back atomic.Bool
			var late atomic.Int32
			a := &stacktest.Fake{}
			a.Answer = func(context.Context, *acctstack.Event) error {
				if !back.Load() {
					return errAway
				}
				if n := late.Add(1); n > 1 && (n <= 9 || reload) { // the first opens the instance
					<-free
				}
				return nil
			}
			lines := optional + "[A]\nTimeout=5s"
			stack := k.stack(t, lines, a)
			current, b := acctstack.NewCurrent(stack, zap.NewNop()), newSwitchable()
			backlog(t, stack, 0, 50)
			back.Store(true)
			time.Sleep(6 * time.Second)
			if n := late.Load(); n != 9 {
				t.Errorf("%d late deliveries", n)
			}
			if reload {
				current.Swap(k.stack(t, lines, b))
				time.Sleep(time.Minute)
				if len(b.Events()) != 41 {
					t.Errorf("the new module was asked %d times", len(b.Events()))
				}
			} else {
				time.Sleep(time.Hour)
				if c := current.Counters()[0]; c.Open != 8 {
					t.Errorf("%+v", c)
				}
			}
			if n := len(k.Kept()); n != 8 {
				t.Errorf("%d are kept", n)
			}
			close(free)
			synctest.Wait()
			k.expect(t, "")
			if c := current.Counters()[0]; c.Open != 0 {
				t.Errorf("%+v", c)
			}
			closed(t, current)
		})
	}
}

// TestReloadTriesAtOnce: a new stack does not wait for as long as the old one has come to.
func TestReloadTriesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, a, b := newKeep(acctstack.Options{}), newSwitchable(), newSwitchable()
		a.gone.Store(true)
		current := acctstack.NewCurrent(k.stack(t, optional, a), zap.NewNop())
		for n := range 5 {
			current.Submit(stacktest.Event(acctstack.Stop, n), nil)
		}
		time.Sleep(time.Hour)
		current.Swap(k.stack(t, optional, b))
		synctest.Wait()
		k.expect(t, "")
		closed(t, current)
	})
}
