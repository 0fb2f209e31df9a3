package acctstack_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"tollgate/acctstack"
	"tollgate/acctstack/stacktest"
)

// door is a switchable module that knows whether it is open.
type door struct {
	*switchable
	closed atomic.Bool
	late   atomic.Bool // asked while it was closed
}

func newDoor() *door { return &door{switchable: newSwitchable()} }

func (d *door) Close() error { d.closed.Store(true); return nil }

func (d *door) Store(ctx context.Context, ev *acctstack.Event) error {
	if d.closed.Load() {
		d.late.Store(true)
	}
	return d.switchable.Store(ctx, ev)
}

// TestReloadPassesTheBacklogOn: the new instance of the name delivers what the old one could not, and the old stack closes.
func TestReloadPassesTheBacklogOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, before, after := newKeep(acctstack.Options{}), newDoor(), newDoor()
		before.gone.Store(true)
		current := acctstack.NewCurrent(k.stack(t, optional, before), zap.NewNop())
		for _, kind := range []acctstack.Kind{acctstack.Start, acctstack.Stop} {
			current.Submit(stacktest.Event(kind, 1), nil)
			synctest.Wait()
		}
		current.Swap(k.stack(t, optional, after))
		time.Sleep(2 * time.Minute)
		k.expect(t, "")
		if !before.closed.Load() || before.late.Load() || fmt.Sprint(after.Kinds()) != "[start stop]" {
			t.Errorf("closed %v, used when closed %v, the new one got %v", before.closed.Load(), before.late.Load(), after.Kinds())
		}
		closed(t, current)
	})
}

// TestReloadDrains: an instance that the new stack does not have stays until its backlog is delivered; one that comes back takes
// it over.
func TestReloadDrains(t *testing.T) {
	for _, returns := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			k, a, other := newKeep(acctstack.Options{}), newDoor(), newDoor()
			a.gone.Store(true)
			current := acctstack.NewCurrent(k.stack(t, optional+"B=optional", a, other), zap.NewNop())
			current.Submit(stacktest.Event(acctstack.Stop, 1), nil)
			synctest.Wait()
			current.Swap(k.stack(t, "B=optional", nil, newDoor()))
			current.Swap(k.stack(t, "B=optional", nil, newDoor()))
			time.Sleep(time.Hour)
			if all := current.Statuses(); len(all) != 2 || all[1].Instance != "A" || all[1].Backlog != 1 || all[1].State != acctstack.Down {
				t.Errorf("%+v", all)
			}
			if a.closed.Load() || other.closed.Load() {
				t.Error("the old stack has not waited")
			}
			if returns {
				again := newDoor()
				current.Swap(k.stack(t, optional, again))
				time.Sleep(time.Second)
				if !a.closed.Load() {
					t.Error("the old stack is not needed any more and waits")
				}
				time.Sleep(2 * time.Minute)
				if len(again.Events()) != 1 {
					t.Errorf("the instance that came back got %v", again.Kinds())
				}
			} else {
				a.gone.Store(false)
				time.Sleep(2 * time.Minute)
				if !a.closed.Load() || a.late.Load() || len(current.Statuses()) != 1 {
					t.Errorf("closed %v, used when closed %v", a.closed.Load(), a.late.Load())
				}
			}
			k.expect(t, "")
			closed(t, current)
		})
	}
}

// TestEndDoesNotDrain: the end of the program does not wait for a backlog.
func TestEndDoesNotDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, a := newKeep(acctstack.Options{}), newDoor()
		a.gone.Store(true)
		current := acctstack.NewCurrent(k.stack(t, optional, a), zap.NewNop())
		current.Submit(stacktest.Event(acctstack.Stop, 1), nil)
		synctest.Wait()
		current.Swap(k.stack(t, "B=optional", nil, newDoor()))
		time.Sleep(time.Minute)
		begun := time.Now()
		closed(t, current)
		if took := time.Since(begun); took != 0 || !a.closed.Load() {
			t.Errorf("Close took %s", took)
		}
		k.expect(t, "stop")
	})
}

// TestKindNoLongerListed: a module is asked about no kind that the new rules do not give it.
func TestKindNoLongerListed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, a, b := newKeep(acctstack.Options{}), newDoor(), newDoor()
		a.gone.Store(true)
		current := acctstack.NewCurrent(k.stack(t, optional, a), zap.NewNop())
		for _, kind := range []acctstack.Kind{acctstack.Update, acctstack.Stop} {
			current.Submit(stacktest.Event(kind, 1), nil)
			synctest.Wait()
		}
		current.Swap(k.stack(t, "A=optional;stop\ndefault=accept", b))
		time.Sleep(2 * time.Minute)
		k.expect(t, "update(A is not asked about update any more)")
		if fmt.Sprint(b.Kinds()) != "[stop]" {
			t.Errorf("asked about %v", b.Kinds())
		}
		closed(t, current)
	})
}
