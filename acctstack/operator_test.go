package acctstack_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"tollgate/acctstack"
	"tollgate/acctstack/stacktest"
	"tollgate/cdr"
)

// TestOperator: retry and drop, of copies that wait and that are in quarantine.
func TestOperator(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKeep(acctstack.Options{})
		var broken atomic.Bool
		broken.Store(true)
		a := &stacktest.Fake{Answer: func(context.Context, *acctstack.Event) error {
			if broken.Load() {
				return errBroken
			}
			return nil
		}}
		current := acctstack.NewCurrent(k.stack(t, optional, a), zap.NewNop())
		var events []*acctstack.Event
		for n := range 4 {
			events = append(events, stacktest.Event(acctstack.Stop, n))
			current.Submit(events[n], nil)
			synctest.Wait()
		}
		k.expect(t, "stop(no such column) stop(no such column) stop(no such column) stop(no such column)")
		if err := k.Drop(events[0].ID, "A"); err != nil {
			t.Error(err)
		}
		if err := k.Retry(events[1].ID, "a"); err != nil { // still broken
			t.Error(err)
		}
		synctest.Wait()
		k.expect(t, "stop(no such column) stop(no such column) stop(no such column)")
		broken.Store(false)
		if err := k.Retry(events[1].ID, "A"); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		k.expect(t, "stop(no such column) stop(no such column)")
		if n, err := k.RetryAll("A"); n != 2 || err != nil {
			t.Error(n, err)
		}
		synctest.Wait()
		k.expect(t, "")
		if s := status(current); s.Kept != 4 || s.Counters.Quarantined != 5 || s.Dropped != 1 || s.Quarantined != 0 || s.Stored != 3 {
			t.Errorf("%+v", s)
		}
		for want, err := range map[string]error{
			"B: no such module, and nothing is kept for it":                k.Drop(events[0].ID, "B"),
			"event " + events[0].ID.String() + " is not kept for A":        k.Retry(events[0].ID, "A"),
			"event 00000000-0000-0000-0000-000000000000 is not kept for A": k.Drop(cdr.UUID{}, "A"),
		} {
			if err == nil || err.Error() != want {
				t.Errorf("got %v, want %s", err, want)
			}
		}
		closed(t, current)
	})
}

// TestRetryDoesNotWait: the operator knows that the backend is back.
func TestRetryDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, a := newKeep(acctstack.Options{}), newSwitchable()
		a.gone.Store(true)
		stack := k.stack(t, optional, a)
		backlog(t, stack, 0, 10)
		time.Sleep(time.Hour)
		a.gone.Store(false)
		if err := k.Retry(k.Kept()[7].ID, "A"); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		k.expect(t, "")
		closed(t, stack)
	})
}

// TestDropWhileSending: a copy that is dropped while it is sent ends with its attempt, whatever that brings.
func TestDropWhileSending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, n := newKeep(acctstack.Options{}), new(atomic.Int32)
		a := &stacktest.Fake{Answer: func(context.Context, *acctstack.Event) error {
			if n.Add(1) > 1 {
				time.Sleep(10 * time.Second)
			}
			return errAway
		}}
		stack := k.stack(t, optional, a)
		decide(stack, stacktest.Event(acctstack.Stop, 1))
		time.Sleep(2 * time.Second)
		if n, err := k.DropAll("A"); n != 1 || err != nil {
			t.Error(n, err)
		}
		k.expect(t, "")
		time.Sleep(time.Hour)
		if int(n.Load()) != 2 {
			t.Errorf("%d attempts", n.Load())
		}
		closed(t, stack)
	})
}

// TestUnreadable: what the spool cannot give back is set aside, and what is behind it goes on.
func TestUnreadable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, a := newKeep(acctstack.Options{}), newSwitchable()
		bad := stacktest.Event(acctstack.Start, 1)
		k.spool.Fail = func(method string, id cdr.UUID) error {
			if method == "Load" && id == bad.ID {
				return acctstack.Permanent(errors.New("journal: bad checksum"))
			}
			return nil
		}
		a.gone.Store(true)
		stack := k.stack(t, optional, a)
		decide(stack, bad)
		decide(stack, stacktest.Event(acctstack.Stop, 1))
		a.gone.Store(false)
		time.Sleep(time.Minute)
		all := k.Kept()
		if len(all) != 1 || all[0].Reason != "reading it back: journal: bad checksum" {
			t.Errorf("%+v", all)
		}
		closed(t, stack)
	})
}

// TestQuarantineFails: what cannot be set aside stays an ordinary copy.
func TestQuarantineFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, a := newKeep(acctstack.Options{}), &stacktest.Fake{Answer: func(context.Context, *acctstack.Event) error { return errBroken }}
		var full atomic.Bool
		full.Store(true)
		k.spool.Fail = func(method string, _ cdr.UUID) error {
			if method == "Quarantine" && full.Load() {
				return errAway
			}
			return nil
		}
		stack := k.stack(t, optional, a)
		decide(stack, stacktest.Event(acctstack.Stop, 1))
		k.expect(t, "stop")
		time.Sleep(10 * time.Minute)
		if n := len(a.Events()); n < 5 || n > 20 {
			t.Errorf("%d attempts", n)
		}
		full.Store(false)
		time.Sleep(2 * time.Minute)
		k.expect(t, "stop(no such column)")
		closed(t, stack)
	})
}

// TestStates: what turns an instance down, and what does not.
func TestStates(t *testing.T) {
	for name, test := range map[string]struct {
		answers string // of one event each: s stores, f fails, p permanent, n next, . a second without any
		spool   string
		want    string
	}{
		"one failure among successes":   {"sfs.........", "none", ""},
		"two failures among successes":  {"sffs.........", "none", ""},
		"three in a row":                {"sfff", "none", "A up>down"},
		"one, and nothing better":       {"sf......", "none", "A up>down"},
		"one, and better in time":       {"sf....s......", "none", ""},
		"down and up":                   {"fffs", "none", "A up>down, A down>up"},
		"told once":                     {"ffffffffff", "none", "A up>down"},
		"a backlog on its way":          {"fffs.", "", "A up>down, A down>draining, A draining>up"},
		"permanent errors are answers":  {"pppppp......", "none", ""},
		"so is next":                    {"nnnnnn......", "none", ""},
		"failures, a permanent between": {"fpff", "none", "A up>down"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k := newKeep(acctstack.Options{})
				var answer atomic.Value
				answer.Store('s')
				a := &stacktest.Fake{Answer: func(context.Context, *acctstack.Event) error {
					return map[rune]error{'f': errAway, 'p': errBroken, 'n': acctstack.ErrNext}[answer.Load().(rune)]
				}}
				stack := k.stack(t, optional+"[A]\nSpool="+test.spool, a)
				for n, c := range test.answers {
					if c == '.' {
						time.Sleep(time.Second)
						continue
					}
					answer.Store(c)
					decide(stack, stacktest.Event(acctstack.Stop, n))
				}
				if got := k.watched.String(); got != test.want {
					t.Errorf("told %q, want %q", got, test.want)
				}
				closed(t, stack)
			})
		})
	}
}

// answers is a Ledger that writes down what it is told.
type answers struct{ ledger }

// Answered notes the answer.
func (a *answers) Answered(ev *acctstack.Event, instance string, result acctstack.Result, err error) {
	a.add(fmt.Sprint(instance, " ", ev.Kind, " ", result, " ", err))
}

// TestLedger: each answer is told, of walks, late ones and deliveries; what was not asked is not.
func TestLedger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var spool stacktest.Spool
		var told answers
		k := acctstack.NewKeeping(&spool, &told, nil, acctstack.Options{}, zap.NewNop())
		k.Deliver()
		var n atomic.Int32
		a := &stacktest.Fake{Answer: func(context.Context, *acctstack.Event) error {
			if n.Add(1) == 1 {
				time.Sleep(3 * time.Second)
				return errAway
			}
			return nil
		}}
		stack := stacktest.BuildKeeping(t, k, optional+"[A]\nTimeout=1", stacktest.Factory("A", a))
		if err := stack.Start(); err != nil {
			t.Fatal(err)
		}
		decide(stack, stacktest.Event(acctstack.Start, 1))
		decide(stack, stacktest.Event(acctstack.Stop, 1))
		time.Sleep(time.Minute)
		want := "A start fail no answer within Timeout, A start fail away, A start ok <nil>, A stop ok <nil>"
		if got := told.String(); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		closed(t, stack)
	})
}
