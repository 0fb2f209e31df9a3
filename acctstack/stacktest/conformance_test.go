package stacktest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"tollgate/acctstack"
	"tollgate/cdr"
	"tollgate/config"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// shelf is a backend in memory.
type shelf struct {
	mu     sync.Mutex
	away   bool
	opened int
	events map[cdr.UUID]int
}

func (b *shelf) put(ev *acctstack.Event) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.away {
		return errors.New("connection refused")
	}
	b.events[ev.ID]++
	return nil
}

func (b *shelf) count(_ *testing.T, ev *acctstack.Event) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.events[ev.ID]
}

func (b *shelf) gone(away bool) func(*testing.T) {
	return func(*testing.T) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.away = away
	}
}

// good is a module as it should be.
type good struct {
	name  string
	shelf *shelf
}

func (m good) Store(_ context.Context, ev *acctstack.Event) error {
	if err := m.shelf.put(ev); err != nil {
		return fmt.Errorf("%s: storing %s of call %s: %w", strings.ToLower(m.name), ev.Kind, subject(ev), err)
	}
	return nil
}

func subjectOf(store func(good) acctstack.Module) Subject {
	b := &shelf{events: map[cdr.UUID]int{}}
	f := Factory("Shelf", nil)
	f.New = func(env acctstack.Env, _ *config.Section) (acctstack.Module, error) {
		return store(good{env.Instance, b}), nil
	}
	return Subject{Factory: f, Stored: b.count, Break: b.gone(true), Mend: b.gone(false)}
}

func TestGoodModulePasses(t *testing.T) {
	Conformance(t, subjectOf(func(m good) acctstack.Module { return m }))
}

func TestOnceOnlyModulePasses(t *testing.T) {
	var has sync.Map
	s := subjectOf(func(m good) acctstack.Module {
		return bad(func(ctx context.Context, ev *acctstack.Event) error {
			if _, again := has.Load(ev.ID); again {
				return nil
			}
			err := m.Store(ctx, ev)
			if err == nil {
				has.Store(ev.ID, true)
			}
			return err
		})
	})
	s.OnceOnly = true
	Conformance(t, s)
}

// bad is a module that breaks one promise.
type bad func(ctx context.Context, ev *acctstack.Event) error

func (f bad) Store(ctx context.Context, ev *acctstack.Event) error { return f(ctx, ev) }

// TestBadModulesAreCaught: each broken promise is found by the check that is meant for it. Time is the bubble's.
func TestBadModulesAreCaught(t *testing.T) {
	tests := []struct {
		name, check string
		store       func(good) bad
		want        string
	}{
		{"stores twice", "kinds", twice, "2 times, not 1"},
		{"stores nothing", "kinds", func(good) bad { return func(context.Context, *acctstack.Event) error { return nil } }, "0 times, not 1"},
		{"refuses a kind that it supports", "kinds", refuses, "storing alert: no alerts"},
		{"changes the event", "kinds", func(m good) bad {
			return func(ctx context.Context, ev *acctstack.Event) error { ev.Seq++; return m.Store(ctx, ev) }
		}, "Store changed the event start"},
		{"changes the record", "kinds", func(m good) bad {
			return func(ctx context.Context, ev *acctstack.Event) error {
				if ev.Record != nil {
					ev.Record.User += "@"
				}
				return m.Store(ctx, ev)
			}
		}, "Store changed the event stop"},
		{"drops what comes at once", "concurrent", oneAtATime, "busy"},
		{"loses what comes at once", "concurrent", losesTheOdd, "0 times, not 1"},
		{"ignores its context", "cancelled", slow, "Store with an ended context took 3s"},
		{"knows no id", "once only", func(m good) bad { return m.Store }, "3 times, not 1"},
		{"is alone", "side by side", onlyNewest, "another one is open"},
		{"lies", "backend away", lies, "stored without a backend"},
		{"is permanent", "backend away", func(m good) bad {
			return func(ctx context.Context, ev *acctstack.Event) error {
				if err := m.Store(ctx, ev); err != nil {
					return acctstack.Permanent(err)
				}
				return nil
			}
		}, "the error is permanent"},
		{"names no instance", "backend away", worded("shelf: storing %s of call %s", true), `does not begin with "shelf:second: "`},
		{"names nothing", "backend away", worded("shelf:second: it went wrong", false), `does not name "stop"`},
		{"names no call", "backend away", worded("shelf:second: storing stop", false), `does not name "5f5e100100000fa0"`},
		{"never recovers", "backend away", stubborn, "the module does not recover"},
		{"stores behind the back", "backend away", behindTheBack, "2 times, not 1"},
		{"hangs without its backend", "backend away, cancelled", hangsAway, "without a backend, Store took 1m0s"},
		{"lies when cancelled", "backend away, cancelled", lies, "stored without a backend"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for _, c := range checks() {
					if c.name != test.check {
						continue
					}
					err := c.run(subjectOf(func(m good) acctstack.Module { return test.store(m) }), t)
					if err == nil || !strings.Contains(err.Error(), test.want) {
						t.Errorf("got %v, want %q", err, test.want)
					}
					return
				}
				t.Errorf("there is no check %q", test.check)
			})
		})
	}
}

func twice(m good) bad {
	return func(ctx context.Context, ev *acctstack.Event) error {
		return errors.Join(m.Store(ctx, ev), m.Store(ctx, ev))
	}
}

func refuses(m good) bad {
	return func(ctx context.Context, ev *acctstack.Event) error {
		if ev.Kind == acctstack.Alert {
			return errors.New("no alerts")
		}
		return m.Store(ctx, ev)
	}
}

func oneAtATime(m good) bad {
	var busy sync.Mutex
	return func(ctx context.Context, ev *acctstack.Event) error {
		if !busy.TryLock() {
			return errors.New("busy")
		}
		defer busy.Unlock()
		time.Sleep(time.Millisecond)
		return m.Store(ctx, ev)
	}
}

func losesTheOdd(m good) bad {
	return func(ctx context.Context, ev *acctstack.Event) error {
		if ev.Record.Number%2 == 1 {
			return nil
		}
		return m.Store(ctx, ev)
	}
}

func slow(m good) bad {
	return func(ctx context.Context, ev *acctstack.Event) error {
		time.Sleep(3 * time.Second)
		return m.Store(ctx, ev)
	}
}

func onlyNewest(m good) bad {
	m.shelf.opened++
	mine := m.shelf.opened
	return func(ctx context.Context, ev *acctstack.Event) error {
		if mine != m.shelf.opened {
			return errors.New("another one is open")
		}
		return m.Store(ctx, ev)
	}
}

func lies(m good) bad {
	return func(ctx context.Context, ev *acctstack.Event) error {
		_ = m.Store(ctx, ev)
		return nil
	}
}

func worded(text string, fill bool) func(good) bad {
	return func(m good) bad {
		return func(ctx context.Context, ev *acctstack.Event) error {
			if m.Store(ctx, ev) == nil {
				return nil
			}
			if fill {
				return fmt.Errorf(text, ev.Kind, subject(ev))
			}
			return errors.New(text)
		}
	}
}

func stubborn(m good) bad {
	var failed error
	return func(ctx context.Context, ev *acctstack.Event) error {
		if failed == nil {
			failed = m.Store(ctx, ev)
		}
		return failed
	}
}

// behindTheBack fails, keeps the event all the same, and stores it with the next one.
func behindTheBack(m good) bad {
	var kept *acctstack.Event
	return func(ctx context.Context, ev *acctstack.Event) error {
		err := m.Store(ctx, ev)
		if err != nil {
			kept = ev
		} else if kept != nil {
			err = m.Store(ctx, kept)
		}
		return err
	}
}

func hangsAway(m good) bad {
	return func(ctx context.Context, ev *acctstack.Event) error {
		err := m.Store(ctx, ev)
		if err != nil {
			time.Sleep(time.Minute)
		}
		return err
	}
}

// TestDeclarationsAreChecked: what a factory may get wrong.
func TestDeclarationsAreChecked(t *testing.T) {
	tests := []struct {
		name  string
		spoil func(*acctstack.Factory)
		want  string
	}{
		{"no doc", func(f *acctstack.Factory) { f.Doc = "" }, "the factory is not complete"},
		{"supports nothing", func(f *acctstack.Factory) { f.Supports = 0 }, "the factory is not complete"},
		{"no constructor", func(f *acctstack.Factory) { f.New = nil }, "the factory is not complete"},
		{"key without a sentence", func(f *acctstack.Factory) { f.Keys = []config.Key{{Name: "Host", Doc: "host"}} }, `key Host: the doc "host" is no sentence`},
		{"common key", func(f *acctstack.Factory) { f.Keys = []config.Key{{Name: "timeout", Doc: "A limit."}} }, "key timeout is common to all modules"},
		{"key given twice", func(f *acctstack.Factory) {
			f.Keys = []config.Key{{Name: "Host", Doc: "A host."}, {Name: "Host", Doc: "A host."}}
		}, "Host"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := subjectOf(func(m good) acctstack.Module { return m })
			test.spoil(&s.Factory)
			if err := s.declaration(t); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

// TestEvents: the events that tests are made of are what the gatekeeper makes: two never share an id.
func TestEvents(t *testing.T) {
	seen := map[cdr.UUID]bool{}
	for _, name := range acctstack.KindNames() {
		kind, _ := acctstack.ParseKind(name)
		for n := range 3 {
			ev := Event(kind, n)
			if ev.Kind != kind || seen[ev.ID] || ev.Time.IsZero() {
				t.Errorf("%s: %+v", kind, ev)
			}
			seen[ev.ID] = true
			if endpoint := kind == acctstack.Register || kind == acctstack.Unregister; endpoint != (ev.Endpoint != nil) || endpoint && ev.Record != nil {
				t.Errorf("%s: endpoint %v, record %v", kind, ev.Endpoint, ev.Record)
			}
		}
	}
}

func TestLog(t *testing.T) {
	var a, b Fake
	b.Answer = func(_ context.Context, ev *acctstack.Event) error {
		if ev.Kind == acctstack.Stop {
			return errors.New("away")
		}
		return nil
	}
	stack := Stack(t, "A=required\nB=required", Factory("A", &a), Factory("B", &b))
	if !Log(stack, Event(acctstack.Start, 1)) || Log(stack, Event(acctstack.Stop, 1)) {
		t.Error("the verdicts are not those of the fakes")
	}
	if got := fmt.Sprint(a.Kinds(), b.Kinds()); got != "[start stop] [start stop]" {
		t.Errorf("the fakes saw %s", got)
	}
}
