package acctstack_test

import (
	"context"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tollgate/acctstack"
	"tollgate/acctstack/stacktest"
)

// TestInnocent: a backend that fails often fails at no event in particular; none of them is given up for it.
func TestInnocent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, away := newKeep(acctstack.Options{}), new(atomic.Bool)
		a := &stacktest.Fake{Answer: func(context.Context, *acctstack.Event) error {
			if away.Load() || rand.IntN(2) == 0 {
				return errAway
			}
			return nil
		}}
		away.Store(true)
		stack := k.stack(t, optional, a)
		backlog(t, stack, 0, 1000)
		away.Store(false)
		time.Sleep(24 * time.Hour)
		k.expect(t, "")
		closed(t, stack)
	})
}

// TestGiveUpUntried: what has become too old while nothing ran is tried before it is given up.
func TestGiveUpUntried(t *testing.T) {
	for _, gone := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			k, a := newKeep(acctstack.Options{}), newSwitchable()
			for n := range 3 {
				ev := stacktest.Event(acctstack.Stop, n)
				ev.Time = time.Now().Add(-48 * time.Hour)
				if err := k.spool.Settle(ev, []string{"A"}); err != nil {
					t.Fatal(err)
				}
			}
			k.restart(acctstack.Options{})
			a.gone.Store(gone)
			stack := k.stack(t, optional+"[A]\nGiveUpAfter=24h", a)
			time.Sleep(time.Hour)
			if len(a.Events()) != 3 {
				t.Errorf("tried %d times", len(a.Events()))
			}
			if n := strings.Count(k.spool.KeptFor("A"), "(gave up"); gone && n != 3 || !gone && len(k.Kept()) != 0 {
				t.Errorf("kept: %s", k.spool.KeptFor("A"))
			}
			closed(t, stack)
		})
	}
}

// TestGiveUpPastTheOldest: an old event whose attempt is still open does not hold up the giving up of others.
func TestGiveUpPastTheOldest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, free := newKeep(acctstack.Options{}), make(chan struct{})
		oldest := stacktest.Event(acctstack.Stop, 0)
		oldest.Time = time.Now()
		a := &stacktest.Fake{Answer: func(_ context.Context, ev *acctstack.Event) error {
			if ev == oldest {
				<-free
			}
			return errAway
		}}
		stack := k.stack(t, optional+"[A]\nTimeout=1s\nGiveUpAfter=1h", a)
		decide(stack, oldest)
		for n := range 5 {
			ev := stacktest.Event(acctstack.Stop, 1+n)
			ev.Time = time.Now()
			decide(stack, ev)
		}
		time.Sleep(time.Hour + time.Minute)
		if got := k.spool.KeptFor("A"); strings.Count(got, "stop(gave up after 1h0m0s: away)") != 5 || !strings.HasPrefix(got, "stop stop(") {
			t.Errorf("kept: %s", got)
		}
		close(free)
		synctest.Wait()
		time.Sleep(time.Second)
		if n := strings.Count(k.spool.KeptFor("A"), "(gave up"); n != 6 {
			t.Errorf("%d given up", n)
		}
		closed(t, stack)
	})
}
