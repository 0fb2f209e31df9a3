package stacktest

import (
	"fmt"
	"slices"
	"sync"

	"tollgate/acctstack"
	"tollgate/cdr"
)

// Spool is an acctstack.Spool in memory. The zero value is ready. It outlives what stands for a crash in a test: a new Keeping
// over the same Spool finds what was kept.
type Spool struct {
	// Fail is asked before each Settle, Load and Quarantine, with the method's name; an error is the method's result, and
	// nothing is changed, unless acctstack.IsNotDurable is true for it. Nil fails nothing.
	Fail func(method string, id cdr.UUID) error

	mu      sync.Mutex
	events  map[cdr.UUID]*acctstack.Event
	copies  []acctstack.Kept
	settled map[cdr.UUID]int
}

func (s *Spool) fails(method string, id cdr.UUID) error {
	if s.Fail == nil {
		return nil
	}
	return s.Fail(method, id)
}

// Settle keeps the event for the instances.
func (s *Spool) Settle(ev *acctstack.Event, keep []string) error {
	err := s.fails("Settle", ev.ID)
	if err != nil && !acctstack.IsNotDurable(err) {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.settled == nil {
		s.settled = map[cdr.UUID]int{}
	}
	if len(keep) == 0 {
		s.settled[ev.ID]++
	}
	for _, instance := range keep {
		s.keep(ev, instance)
	}
	return err
}

func (s *Spool) keep(ev *acctstack.Event, instance string) int {
	if i := s.find(ev.ID, instance); i >= 0 {
		return i
	}
	if s.events == nil {
		s.events = map[cdr.UUID]*acctstack.Event{}
	}
	s.events[ev.ID] = ev
	s.copies = append(s.copies, acctstack.Kept{ID: ev.ID, Call: ev.Call, Seq: ev.Seq, Kind: ev.Kind, Time: ev.Time, Instance: instance})
	return len(s.copies) - 1
}

func (s *Spool) find(id cdr.UUID, instance string) int {
	return slices.IndexFunc(s.copies, func(c acctstack.Kept) bool { return c.ID == id && c.Instance == instance })
}

// Load gives a kept event.
func (s *Spool) Load(id cdr.UUID) (*acctstack.Event, error) {
	if err := s.fails("Load", id); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if ev := s.events[id]; ev != nil {
		return ev, nil
	}
	return nil, acctstack.Permanent(fmt.Errorf("spool: event %s is not kept", id))
}

// Done takes the copy away.
func (s *Spool) Done(id cdr.UUID, instance string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.find(id, instance)
	if i < 0 {
		return
	}
	s.copies = slices.Delete(s.copies, i, i+1)
	if !slices.ContainsFunc(s.copies, func(c acctstack.Kept) bool { return c.ID == id }) {
		delete(s.events, id)
	}
}

// Quarantine sets the copy aside.
func (s *Spool) Quarantine(ev *acctstack.Event, instance, reason string) error {
	if err := s.fails("Quarantine", ev.ID); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.copies[s.keep(ev, instance)].Reason = reason
	return nil
}

// Release makes the copy an ordinary one.
func (s *Spool) Release(id cdr.UUID, instance string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := s.find(id, instance); i >= 0 {
		s.copies[i].Reason = ""
	}
}

// Kept lists the copies.
func (s *Spool) Kept() []acctstack.Kept {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.copies)
}

// KeptFor tells in words what is kept for the instance: "start stop(reason)", in the order in which it was kept.
func (s *Spool) KeptFor(instance string) string {
	text := ""
	for _, c := range s.Kept() {
		if c.Instance != instance {
			continue
		}
		if text != "" {
			text += " "
		}
		text += c.Kind.String()
		if c.Reason != "" {
			text += "(" + c.Reason + ")"
		}
	}
	return text
}

// Settled is how often the event was settled behind its verdict.
func (s *Spool) Settled(ev *acctstack.Event) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.settled[ev.ID]
}
