package stacktest

import (
	"context"
	"sync"

	"tollgate/acctstack"
	"tollgate/config"
)

// Fake is a module whose answers are scripted. It keeps the events that it was asked to store.
type Fake struct {
	// Answer is asked for each event; nil stores everything.
	Answer func(ctx context.Context, ev *acctstack.Event) error

	mu     sync.Mutex
	events []*acctstack.Event
}

// Store notes the event and gives the scripted answer.
func (f *Fake) Store(ctx context.Context, ev *acctstack.Event) error {
	f.mu.Lock()
	f.events = append(f.events, ev)
	f.mu.Unlock()
	if f.Answer == nil {
		return nil
	}
	return f.Answer(ctx, ev)
}

// Events are those that Store was called with, in order.
func (f *Fake) Events() []*acctstack.Event {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]*acctstack.Event(nil), f.events...)
}

// Kinds are the kinds of Events.
func (f *Fake) Kinds() []acctstack.Kind {
	var kinds []acctstack.Kind
	for _, ev := range f.Events() {
		kinds = append(kinds, ev.Kind)
	}
	return kinds
}

// Factory makes module the instance of a module of that name that supports every kind.
func Factory(name string, module acctstack.Module) acctstack.Factory {
	return acctstack.Factory{
		Name: name, Doc: "A module for tests.", Supports: 1<<32 - 1,
		New: func(acctstack.Env, *config.Section) (acctstack.Module, error) { return module, nil },
	}
}
