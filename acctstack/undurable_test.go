package acctstack_test

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"tollgate/acctstack"
	"tollgate/acctstack/stacktest"
	"tollgate/cdr"
)

var errDisk = acctstack.NotDurable(errors.New("fsync: input/output error"))

// TestNotDurable: an event that the spool has taken, and of which it cannot say that a crash would not lose it, is kept, but grants
// nothing. It is never both lost and kept, nor neither.
func TestNotDurable(t *testing.T) {
	const store = "\n[A]\nRealtime=GRANT_AND_STORE"
	for _, test := range []struct {
		name, lines string
		kind        acctstack.Kind
		settles     []error // the results, one after the other, then nil
		ok          bool
		kept        string // for A, B and C
		lost        int
	}{
		{"kept", "A=optional\ndefault=accept", acctstack.Stop, []error{errDisk}, true, "stop||", 0},
		{"nobody grants a start", "A=required" + store, acctstack.Start, []error{errDisk}, false, "||", 0},
		{"the next one is asked", "A=alternative\nC=sufficient" + store, acctstack.Stop, []error{errDisk}, true, "stop||", 0},
		{"the next one does not answer", "A=alternative\nB=required" + store, acctstack.Stop, []error{errDisk, errDisk}, false, "stop|stop|", 0},
		{"the next one is not kept", "A=alternative\nB=required" + store, acctstack.Stop, []error{errDisk, errAway}, false, "stop||", 1},
		{"no copy", "A=optional\ndefault=accept", acctstack.Stop, []error{errAway}, true, "||", 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k, a, b, c := newKeep(acctstack.Options{}), newSwitchable(), newSwitchable(), newSwitchable()
				k.spool.Fail = func(method string, _ cdr.UUID) (err error) {
					if method == "Settle" && len(test.settles) > 0 {
						err, test.settles = test.settles[0], test.settles[1:]
					}
					return err
				}
				stack := k.stack(t, test.lines, a, b, c)
				a.gone.Store(true)
				b.gone.Store(true)
				if d := decide(stack, stacktest.Event(test.kind, 1)); d.ok != test.ok {
					t.Error(d.text)
				}
				synctest.Wait() // what follows behind the verdict
				if got := strings.Join([]string{k.spool.KeptFor("A"), k.spool.KeptFor("B"), k.spool.KeptFor("C")}, "|"); got != test.kept {
					t.Errorf("kept %s, want %s", got, test.kept)
				}
				if k.Losses() != uint64(test.lost) {
					t.Errorf("%d events lost", k.Losses())
				}
				for _, copy := range k.Kept() {
					if err := k.Retry(copy.ID, copy.Instance); err != nil {
						t.Error(err)
					}
				}
				a.gone.Store(false)
				b.gone.Store(false)
				time.Sleep(5 * time.Second)
				if left := k.Kept(); len(left) != 0 {
					t.Errorf("not delivered: %+v", left)
				}
				closed(t, stack)
			})
		})
	}
}

// TestReadingBackFails: a record that cannot be read at the moment stays in the backlog.
func TestReadingBackFails(t *testing.T) {
	for _, giveUp := range []string{"0", "1s"} {
		synctest.Test(t, func(t *testing.T) {
			k, a := newKeep(acctstack.Options{}), newSwitchable()
			loads, until := new(atomic.Int32), time.Now().Add(30*time.Minute)
			k.spool.Fail = func(method string, _ cdr.UUID) error {
				if method != "Load" || time.Now().After(until) {
					return nil
				}
				loads.Add(1)
				return fmt.Errorf("journal: opening segment 3: %w", syscall.EMFILE)
			}
			stack := k.stack(t, optional+"[A]\nGiveUpAfter="+giveUp, a)
			a.gone.Store(true)
			ev := stacktest.Event(acctstack.Stop, 1)
			ev.Time = time.Now()
			decide(stack, ev)
			a.gone.Store(false)
			time.Sleep(29 * time.Minute)
			k.expect(t, "stop")
			if n := loads.Load(); n < 20 || n > 50 {
				t.Errorf("GiveUpAfter=%s: read %d times in half an hour", giveUp, n)
			}
			if all := k.Kept(); all[0].Reason != "" || !strings.Contains(all[0].Err, "too many open files") {
				t.Errorf("%+v", all)
			}
			time.Sleep(5 * time.Minute)
			if got := k.spool.KeptFor("A"); giveUp == "0" && got != "" || giveUp != "0" && !strings.HasPrefix(got, "stop(gave up after 1s") {
				t.Errorf("GiveUpAfter=%s: kept %s", giveUp, got)
			}
			closed(t, stack)
		})
	}
}
