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

// switchable is a module that can be taken away and brought back.
type switchable struct {
	stacktest.Fake
	gone atomic.Bool
}

func newSwitchable() *switchable {
	s := &switchable{}
	s.Answer = func(context.Context, *acctstack.Event) error {
		if s.gone.Load() {
			return errAway
		}
		return nil
	}
	return s
}

// TestKeptAndDelivered: what a required module could not take is kept, the later events of the call queue behind it unasked, and all
// is delivered in order once the module is back.
func TestKeptAndDelivered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var spool stacktest.Spool
		k := acctstack.NewKeeping(&spool, nil, nil, acctstack.Options{}, zap.NewNop())
		a := newSwitchable()
		stack := stacktest.BuildKeeping(t, k, "A=optional\ndefault=accept", stacktest.Factory("A", a))
		if err := stack.Start(); err != nil {
			t.Fatal(err)
		}
		a.gone.Store(true)
		for _, kind := range []acctstack.Kind{acctstack.Start, acctstack.Connect, acctstack.Stop} {
			if d := decide(stack, stacktest.Event(kind, 1)); !d.ok {
				t.Error(d.text)
			}
		}
		if got := spool.KeptFor("A"); got != "start connect stop" || len(a.Events()) != 1 {
			t.Errorf("kept %q after %d attempts", got, len(a.Events()))
		}
		a.gone.Store(false)
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if got := spool.KeptFor("A"); got != "" {
			t.Errorf("still kept: %s", got)
		}
		if err := stack.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
