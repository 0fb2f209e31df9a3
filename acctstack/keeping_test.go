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

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"tollgate/acctstack"
	"tollgate/acctstack/stacktest"
	"tollgate/cdr"
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

// keep is a Keeping with what it needs, and stacks over it.
type keep struct {
	*acctstack.Keeping
	spool   stacktest.Spool
	log     *observer.ObservedLogs
	watched states
}

func newKeep(options acctstack.Options) *keep {
	k := &keep{}
	k.restart(options)
	return k
}

// restart is a new process over the same spool.
func (k *keep) restart(options acctstack.Options) {
	core, logs := observer.New(zap.InfoLevel)
	k.log = logs
	k.Keeping = acctstack.NewKeeping(&k.spool, nil, &k.watched, options, zap.New(core))
	k.Deliver()
}

func (k *keep) stack(t *testing.T, lines string, modules ...acctstack.Module) *acctstack.Stack {
	t.Helper()
	var factories []acctstack.Factory
	for i, m := range modules {
		factories = append(factories, stacktest.Factory(string(rune('A'+i)), m))
	}
	stack := stacktest.BuildKeeping(t, k.Keeping, lines, factories...)
	if err := stack.Start(); err != nil {
		t.Fatal(err)
	}
	return stack
}

func closed(t *testing.T, stack interface {
	Close(context.Context) error
}) {
	t.Helper()
	if err := stack.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// states notes the changes of state that a Watcher is told.
type states struct {
	mu    sync.Mutex
	lines []string
}

// StateChanged notes the change.
func (s *states) StateChanged(now acctstack.Status, before acctstack.State) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, fmt.Sprintf("%s %s>%s", now.Instance, before, now.State))
}

func (s *states) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.lines, ", ")
}

// expect fails the test unless this is kept for A.
func (k *keep) expect(t *testing.T, want string) {
	t.Helper()
	if got := k.spool.KeptFor("A"); got != want {
		t.Errorf("kept %q, want %q", got, want)
	}
}

// TestKeptAndDelivered: what a module could not take is kept, the later events of the call queue behind it unasked, and all
// is delivered in order once the module is back.
func TestKeptAndDelivered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, a := newKeep(acctstack.Options{}), newSwitchable()
		stack := k.stack(t, "A=optional\ndefault=accept", a)
		a.gone.Store(true)
		for _, kind := range []acctstack.Kind{acctstack.Start, acctstack.Connect, acctstack.Stop} {
			if d := decide(stack, stacktest.Event(kind, 1)); !d.ok || kind != acctstack.Start && !errors.Is(d.errs[0], acctstack.ErrQueued) {
				t.Error(d.text)
			}
		}
		k.expect(t, "start connect stop")
		a.gone.Store(false)
		time.Sleep(3 * time.Second)
		k.expect(t, "")
		if got := fmt.Sprint(a.Kinds()); got != "[start start connect stop]" && got != "[start start start connect stop]" {
			t.Errorf("the module was asked about %s", got)
		}
		closed(t, stack)
	})
}

// TestRefusedCall: the start of a refused call is kept nowhere; its stop only where its start is.
func TestRefusedCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, a, b := newKeep(acctstack.Options{}), newSwitchable(), newSwitchable()
		stack := k.stack(t, "A=required\nB=required", a, b)
		b.gone.Store(true)
		start, stop := stacktest.Event(acctstack.Start, 1), stacktest.Event(acctstack.Stop, 1)
		stop.Trail = start.Trail
		if d := decide(stack, start); d.ok || !start.Trail.Refused || fmt.Sprint(start.Trail.Has) != "[A]" {
			t.Errorf("%+v\n%s", start.Trail, d.text)
		}
		a.gone.Store(true)
		decide(stack, stop)
		k.expect(t, "stop")
		if got := k.spool.KeptFor("B"); got != "" {
			t.Errorf("kept for B: %s", got)
		}
		synctest.Wait() // what follows behind the verdict
		if k.spool.Settled(start) != 1 || k.spool.Settled(stop) != 1 {
			t.Error("not each event was settled once")
		}
		closed(t, stack)
	})
}

// TestSpoolFails: what counted as ok because it would be kept counts no more, and the next rule is asked. What can be kept
// nowhere is in the log.
func TestSpoolFails(t *testing.T) {
	for name, test := range map[string]struct {
		lines string
		ok    bool
		asked int
		lost  uint64
		gone  bool // B, too
	}{
		"the next one stores it":     {"A=alternative\nB=sufficient\n[A]\nRealtime=GRANT_AND_STORE", true, 2, 0, false},
		"the next one is away":       {"A=alternative\nB=sufficient\n[A]\nRealtime=GRANT_AND_STORE", false, 2, 1, true},
		"nobody is left":             {"A=required\n[A]\nRealtime=GRANT_AND_STORE", false, 1, 0, false},
		"nothing was counted on":     {"A=optional\ndefault=accept", true, 2, 1, false},
		"a lossy one is lossy still": {"A=required\n[A]\nRealtime=GRANT_AND_LOSE", true, 1, 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k, a, b := newKeep(acctstack.Options{}), newSwitchable(), newSwitchable()
				k.spool.Fail = func(method string, _ cdr.UUID) error { return errors.New("disk full") }
				stack := k.stack(t, test.lines, a, b)
				a.gone.Store(true)
				b.gone.Store(test.gone)
				kind := acctstack.Start
				if test.gone {
					kind = acctstack.Stop
				}
				if d := decide(stack, stacktest.Event(kind, 1)); d.ok != test.ok || d.steps != test.asked {
					t.Errorf("%d rules\n%s", d.steps, d.text)
				}
				if got := k.Losses(); got != test.lost {
					t.Errorf("%d events lost, want %d", got, test.lost)
				}
				lines := k.log.FilterMessage("event lost: it could not be kept").All()
				if len(lines) != int(test.lost) || test.lost > 0 && !strings.HasPrefix(fmt.Sprint(lines[0].ContextMap()["record"]), "CDR|1|") {
					t.Errorf("logged %v", lines)
				}
				closed(t, stack)
			})
		})
	}
}

// TestStopsPromptly: Close does not wait for a delivery, and what was under way stays kept.
func TestStopsPromptly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKeep(acctstack.Options{})
		var n atomic.Int32
		a := &stacktest.Fake{Answer: func(ctx context.Context, _ *acctstack.Event) error {
			if n.Add(1) == 1 {
				return errAway
			}
			<-ctx.Done()
			return ctx.Err()
		}}
		stack := k.stack(t, "A=optional\ndefault=accept", a)
		decide(stack, stacktest.Event(acctstack.Stop, 1))
		time.Sleep(2 * time.Second)
		if int(n.Load()) != 2 {
			t.Errorf("%d attempts", n.Load())
		}
		begun := time.Now()
		closed(t, stack)
		if took := time.Since(begun); took != 0 {
			t.Errorf("Close took %s", took)
		}
		k.expect(t, "stop")
	})
}

// TestRestart: a new process finds what was kept, warns of what nobody is named for, and delivers the rest.
func TestRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, a, b := newKeep(acctstack.Options{}), newSwitchable(), newSwitchable()
		a.gone.Store(true)
		b.gone.Store(true)
		first := k.stack(t, "A=optional\nB=optional\ndefault=accept", a, b)
		for _, kind := range []acctstack.Kind{acctstack.Start, acctstack.Stop} {
			decide(first, stacktest.Event(kind, 1))
		}
		closed(t, first)
		a.gone.Store(false)
		k.restart(acctstack.Options{})
		second := k.stack(t, "A=optional\ndefault=accept", a)
		time.Sleep(time.Second)
		k.expect(t, "")
		if got := k.spool.KeptFor("B"); got != "start stop" {
			t.Errorf("kept for B: %q", got)
		}
		warned := k.log.FilterMessage("events are kept for a module that no rule names; they stay until one does").All()
		if len(warned) != 1 || fmt.Sprint(warned[0].ContextMap()) != "map[events:2 module:B]" {
			t.Errorf("warned %v", warned)
		}
		closed(t, second)
		if got := fmt.Sprint(a.Kinds()); got != "[start start stop]" {
			t.Errorf("the module was asked about %s", got)
		}
	})
}

// TestSentAgainAfterACrash: an event that a restart sends again although it is kept already is kept once.
func TestSentAgainAfterACrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, a := newKeep(acctstack.Options{}), newSwitchable()
		a.gone.Store(true)
		stack := k.stack(t, "A=optional\ndefault=accept", a)
		ev := stacktest.Event(acctstack.Stop, 1)
		decide(stack, ev)
		decide(stack, ev)
		k.expect(t, "stop")
		a.gone.Store(false)
		time.Sleep(3 * time.Second)
		k.expect(t, "")
		closed(t, stack)
	})
}
