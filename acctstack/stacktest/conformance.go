package stacktest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"tollgate/acctstack"
	"tollgate/config"
)

// Subject is a module under test with a backend that works.
type Subject struct {
	Factory acctstack.Factory
	Config  string // lines of its section; each supported kind must have something to store
	// Stored tells how often the backend has the event, nil if the backend cannot be asked.
	Stored func(t *testing.T, ev *acctstack.Event) int
	// Break takes the backend away and Mend brings it back. Nil for a module whose backend cannot go.
	Break, Mend func(t *testing.T)
	// OnceOnly says that the module claims to store an event once, however often it is asked.
	OnceOnly bool
}

// Conformance checks what every module promises: each supported kind is stored once; Store changes no event, is safe
// for concurrent use and returns soon when its context has ended; two of the same section work side by side, as around a
// reload; without its backend it fails with an error that begins with its instance, names the event and the call and is
// worth another try, and it recovers by itself. One that claims to be once-only has an event once, however often it is sent.
func Conformance(t *testing.T, s Subject) {
	for _, c := range checks() {
		if c.breaks && s.Break == nil || c.claim && !s.OnceOnly {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			if err := c.run(s, t); err != nil {
				t.Error(err)
			}
		})
	}
}

// check is one promise. It gives the ways in which it is broken, and ends the test only where it cannot go on.
type check struct {
	name   string
	breaks bool // needs a backend that can go
	claim  bool // only for OnceOnly
	run    func(Subject, *testing.T) error
}

func checks() []check {
	return []check{
		{name: "declaration", run: Subject.declaration},
		{name: "kinds", run: Subject.kinds},
		{name: "concurrent", run: Subject.concurrent},
		{name: "cancelled", run: Subject.cancelled},
		{name: "side by side", run: Subject.sideBySide},
		{name: "once only", run: Subject.onceOnly, claim: true},
		{name: "backend away", run: Subject.away, breaks: true},
		{name: "backend away, cancelled", run: Subject.awayCancelled, breaks: true},
	}
}

func (s Subject) declaration(t *testing.T) error {
	f := s.Factory
	if f.Name == "" || f.Doc == "" || f.Supports == 0 || f.New == nil {
		return fmt.Errorf("the factory is not complete: %+v", f)
	}
	var errs []error
	for _, k := range f.Keys {
		if !strings.HasSuffix(k.Doc, ".") {
			errs = append(errs, fmt.Errorf("key %s: the doc %q is no sentence", k.Name, k.Doc))
		}
		for _, common := range acctstack.CommonKeys() {
			if strings.EqualFold(k.Name, common.Name) {
				errs = append(errs, fmt.Errorf("key %s is common to all modules and must not be declared again", k.Name))
			}
		}
	}
	if len(errs) == 0 {
		errs = append(errs, config.Schema{Declaration(f)}.Verify())
		Section(t, f, s.Config)
	}
	return errors.Join(errs...)
}

func (s Subject) each(do func(kind acctstack.Kind)) {
	for _, name := range acctstack.KindNames() {
		if kind, _ := acctstack.ParseKind(name); s.Factory.Supports.Has(kind) {
			do(kind)
		}
	}
}

func (s Subject) kinds(t *testing.T) error {
	module := Open(t, s.Factory, s.Config)
	var errs []error
	n := 1000
	s.each(func(kind acctstack.Kind) {
		n++
		ev, before := Event(kind, n), *Event(kind, n)
		before.Stamp = ev.Stamp
		if err := module.Store(t.Context(), ev); err != nil {
			errs = append(errs, fmt.Errorf("storing %s: %w", kind, err))
		}
		if !reflect.DeepEqual(*ev, before) {
			errs = append(errs, fmt.Errorf("Store changed the event %s", kind))
		}
		errs = append(errs, s.expect(t, ev, 1))
	})
	return errors.Join(errs...)
}

// expect polls, since a backend may take a moment to show what it has.
func (s Subject) expect(t *testing.T, ev *acctstack.Event, want int) error {
	if s.Stored == nil {
		return nil
	}
	deadline := time.Now().Add(5 * time.Second)
	for s.Stored(t, ev) != want && time.Now().Before(deadline) {
		time.Sleep(20 * time.Millisecond)
	}
	if got := s.Stored(t, ev); got != want {
		return fmt.Errorf("the backend has the event %s of call %s %d times, not %d", ev.Kind, subject(ev), got, want)
	}
	return nil
}

// subject is how a module's error names what an event is about.
func subject(ev *acctstack.Event) string {
	if ev.Record != nil {
		return ev.Record.SessionID
	}
	return ev.Kind.String()
}

func (s Subject) firstKind() acctstack.Kind {
	kind := acctstack.Stop
	if !s.Factory.Supports.Has(kind) {
		s.each(func(k acctstack.Kind) { kind = k })
	}
	return kind
}

func (s Subject) concurrent(t *testing.T) error {
	module := Open(t, s.Factory, s.Config)
	const workers, each = 8, 25
	events := make([][]*acctstack.Event, workers)
	faults := make([]error, workers)
	var wg sync.WaitGroup
	for w := range workers {
		for i := range each {
			events[w] = append(events[w], Event(s.firstKind(), 2000+w*each+i))
		}
		wg.Go(func() {
			for _, ev := range events[w] {
				if err := module.Store(t.Context(), ev); err != nil {
					faults[w] = errors.Join(faults[w], fmt.Errorf("call %s: %w", subject(ev), err))
				}
			}
		})
	}
	wg.Wait()
	for _, evs := range events {
		for _, ev := range evs {
			faults = append(faults, s.expect(t, ev, 1))
		}
	}
	return errors.Join(faults...)
}

// patience is how long Store may take once its context has ended.
const patience = 2 * time.Second

// cancelled: the answer may be an error or, from a module that never waits, nil. What counts is that it comes.
func (s Subject) cancelled(t *testing.T) error {
	module := Open(t, s.Factory, s.Config)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	begun := time.Now()
	err := module.Store(ctx, Event(s.firstKind(), 3000))
	if took := time.Since(begun); took > patience {
		return fmt.Errorf("Store with an ended context took %s (%v)", took, err)
	}
	return nil
}

// sideBySide is a reload: the new module is opened, and takes events, before the old one is closed.
func (s Subject) sideBySide(t *testing.T) error {
	old := start(t, s.Factory, s.Factory.Name, s.Config)
	fresh := Open(t, s.Factory, s.Config)
	events := []*acctstack.Event{Event(s.firstKind(), 3100), Event(s.firstKind(), 3101), Event(s.firstKind(), 3102)}
	errs := []error{fresh.Store(t.Context(), events[0]), old.Store(t.Context(), events[1]), end(old), fresh.Store(t.Context(), events[2])}
	for _, ev := range events {
		errs = append(errs, s.expect(t, ev, 1))
	}
	return errors.Join(errs...)
}

// onceOnly is what becomes of an event whose first attempt had an end that nobody saw: it is sent again, maybe to another
// instance of the same section.
func (s Subject) onceOnly(t *testing.T) error {
	module, another := Open(t, s.Factory, s.Config), Open(t, s.Factory, s.Config)
	ev := Event(s.firstKind(), 3200)
	errs := []error{module.Store(t.Context(), ev), module.Store(t.Context(), ev), another.Store(t.Context(), ev)}
	return errors.Join(append(errs, s.expect(t, ev, 1))...)
}

func (s Subject) away(t *testing.T) error {
	instance := s.Factory.Name + ":second"
	module := start(t, s.Factory, instance, s.Config)
	closeAtEnd(t, module, instance)
	s.Break(t)
	ev := Event(s.firstKind(), 4000)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	err := module.Store(ctx, ev)
	s.Mend(t)
	if err == nil {
		return errors.New("stored without a backend")
	}
	errs := []error{wording(err, instance, ev)}
	// The same event again: what failed must not be stored behind the caller's back.
	deadline := time.Now().Add(20 * time.Second)
	for err = module.Store(t.Context(), ev); err != nil && time.Now().Before(deadline); err = module.Store(t.Context(), ev) {
		time.Sleep(50 * time.Millisecond)
	}
	if err != nil {
		return errors.Join(append(errs, fmt.Errorf("the module does not recover: %w", err))...)
	}
	return errors.Join(append(errs, s.expect(t, ev, 1))...)
}

// wording checks the error of a module whose backend is away.
func wording(err error, instance string, ev *acctstack.Event) error {
	var errs []error
	if acctstack.IsPermanent(err) {
		errs = append(errs, fmt.Errorf("the error is permanent: %w", err))
	}
	if prefix := strings.ToLower(instance) + ": "; !strings.HasPrefix(err.Error(), prefix) {
		errs = append(errs, fmt.Errorf("the error does not begin with %q: %w", prefix, err))
	}
	for _, part := range []string{ev.Kind.String(), subject(ev)} {
		if !strings.Contains(err.Error(), part) {
			errs = append(errs, fmt.Errorf("the error does not name %q: %w", part, err))
		}
	}
	return errors.Join(errs...)
}

// awayCancelled: what the module waits for when its backend is away ends with the context.
func (s Subject) awayCancelled(t *testing.T) error {
	module := Open(t, s.Factory, s.Config)
	s.Break(t)
	defer s.Mend(t)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	begun := time.Now()
	err := module.Store(ctx, Event(s.firstKind(), 5000))
	if took := time.Since(begun); took > 100*time.Millisecond+patience {
		return fmt.Errorf("without a backend, Store took %s with a context of 100 ms (%v)", took, err)
	}
	if err == nil {
		return errors.New("stored without a backend")
	}
	return nil
}
