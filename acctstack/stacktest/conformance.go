package stacktest

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"tollgate/acctstack"
)

// Subject is a module under test with a backend that works.
type Subject struct {
	Factory acctstack.Factory
	Config  string // lines of its section; each supported kind must have something to store
	// Stored tells how often the backend has the event, nil if the backend cannot be asked.
	Stored func(t *testing.T, ev *acctstack.Event) int
	// Break takes the backend away and Mend brings it back. Nil for a module whose backend cannot go.
	Break, Mend func(t *testing.T)
}

// Conformance checks what every module promises: each supported kind is stored once; Store changes no event, is safe
// for concurrent use and returns soon when its context has ended; without its backend it fails with an error that names
// the module, the event and the call, is worth another try, and it recovers by itself.
func Conformance(t *testing.T, s Subject) {
	t.Run("declaration", s.declaration)
	t.Run("kinds", s.kinds)
	t.Run("concurrent", s.concurrent)
	t.Run("cancelled", s.cancelled)
	if s.Break != nil {
		t.Run("backend away", s.away)
	}
}

func (s Subject) declaration(t *testing.T) {
	f := s.Factory
	if f.Name == "" || f.Doc == "" || f.Supports == 0 || f.New == nil {
		t.Errorf("the factory is not complete: %+v", f)
	}
	for _, k := range f.Keys {
		if k.Doc == "" || !strings.HasSuffix(k.Doc, ".") {
			t.Errorf("key %s: the doc %q is no sentence", k.Name, k.Doc)
		}
		for _, common := range acctstack.CommonKeys() {
			if strings.EqualFold(k.Name, common.Name) {
				t.Errorf("key %s is common to all modules and must not be declared again", k.Name)
			}
		}
	}
	Section(t, f, s.Config)
}

func (s Subject) each(do func(kind acctstack.Kind)) {
	for _, name := range acctstack.KindNames() {
		if kind, _ := acctstack.ParseKind(name); s.Factory.Supports.Has(kind) {
			do(kind)
		}
	}
}

func (s Subject) kinds(t *testing.T) {
	module := Open(t, s.Factory, s.Config)
	n := 1000
	s.each(func(kind acctstack.Kind) {
		n++
		ev, before := Event(kind, n), *Event(kind, n)
		before.Stamp = ev.Stamp
		if err := module.Store(t.Context(), ev); err != nil {
			t.Errorf("storing %s: %v", kind, err)
		}
		if !reflect.DeepEqual(*ev, before) {
			t.Errorf("Store changed the event %s", kind)
		}
		s.expect(t, ev, 1)
	})
}

// expect polls, since a backend may take a moment to show what it has.
func (s Subject) expect(t *testing.T, ev *acctstack.Event, want int) {
	t.Helper()
	if s.Stored == nil {
		return
	}
	deadline := time.Now().Add(5 * time.Second)
	for s.Stored(t, ev) != want && time.Now().Before(deadline) {
		time.Sleep(20 * time.Millisecond)
	}
	if got := s.Stored(t, ev); got != want {
		t.Errorf("the backend has the event %s of call %s %d times, not %d", ev.Kind, subject(ev), got, want)
	}
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

func (s Subject) concurrent(t *testing.T) {
	module := Open(t, s.Factory, s.Config)
	const workers, each = 8, 25
	events := make([][]*acctstack.Event, workers)
	errs := make(chan error, workers*each)
	var wg sync.WaitGroup
	for w := range workers {
		for i := range each {
			events[w] = append(events[w], Event(s.firstKind(), 2000+w*each+i))
		}
		wg.Go(func() {
			for _, ev := range events[w] {
				if err := module.Store(t.Context(), ev); err != nil {
					errs <- fmt.Errorf("call %s: %w", subject(ev), err)
				}
			}
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		t.Error(err)
	}
	for _, evs := range events {
		for _, ev := range evs {
			s.expect(t, ev, 1)
		}
	}
}

func (s Subject) cancelled(t *testing.T) {
	module := Open(t, s.Factory, s.Config)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	begun := time.Now()
	// The answer may be an error or, from a module that never waits, nil. What counts is that it comes.
	err := module.Store(ctx, Event(s.firstKind(), 3000))
	if took := time.Since(begun); took > 2*time.Second {
		t.Errorf("Store with an ended context took %s (%v)", took, err)
	}
}

func (s Subject) away(t *testing.T) {
	module := Open(t, s.Factory, s.Config)
	s.Break(t)
	ev := Event(s.firstKind(), 4000)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	err := module.Store(ctx, ev)
	if err == nil {
		t.Fatalf("stored without a backend")
	}
	if acctstack.IsPermanent(err) {
		t.Errorf("the error is permanent: %v", err)
	}
	for _, part := range []string{strings.ToLower(s.Factory.Name), ev.Kind.String(), subject(ev)} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error does not name %q: %v", part, err)
		}
	}
	s.Mend(t)
	ev = Event(s.firstKind(), 4001)
	deadline := time.Now().Add(20 * time.Second)
	for err = module.Store(t.Context(), ev); err != nil && time.Now().Before(deadline); err = module.Store(t.Context(), ev) {
		time.Sleep(50 * time.Millisecond)
	}
	if err != nil {
		t.Fatalf("the module does not recover: %v", err)
	}
	s.expect(t, ev, 1)
}
