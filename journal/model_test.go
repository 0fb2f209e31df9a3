package journal

import (
	"fmt"
	"slices"
	"sync"

	"tollgate/cdr"
)

// model knows what was done to a journal, and from what its waiters were told, what must and what may be found after a
// crash. Every operation has a number; one that is told nil makes all before it durable, as the log keeps their order.
type model struct {
	mu      sync.Mutex
	seq     int
	durable int // everything up to this operation is
	calls   map[cdr.UUID]*modelCall
	states  map[owner][]state // what was said about an instance's copy or note, the last is what holds
}

type modelCall struct {
	records []modelRecord
	ended   int // the operation; 0: it lives
}

type modelRecord struct {
	text string
	seq  int
	op   *operation
}

// operation is how one went: what was told an error may be durable one day, or never.
type operation struct{ failed bool }

// owner is an instance's copy of an event, or its note.
type owner struct {
	event    cdr.UUID
	instance string
	note     bool
}

// state is what holds from an operation on. "" is nothing: no copy, no note.
type state struct {
	seq    int
	what   string
	failed bool
}

func newModel() *model { return &model{calls: map[cdr.UUID]*modelCall{}, states: map[owner][]state{}} }

// next numbers an operation, and gives what is to be called when it is told.
func (m *model) next() (seq int, told func(error), op *operation) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.seq++
	seq, op = m.seq, &operation{}
	return seq, func(err error) {
		m.mu.Lock()
		defer m.mu.Unlock()
		if err == nil {
			m.durable = max(m.durable, seq)
		}
		op.failed = err != nil
	}, op
}

func (m *model) say(o owner, seq int, what string, failed bool) {
	if m.now(o) != what || failed {
		m.states[o] = append(m.states[o], state{seq, what, failed})
	}
}

func (m *model) now(o owner) string {
	if s := m.states[o]; len(s) > 0 {
		return s[len(s)-1].what
	}
	return ""
}

// seen is what a journal shows.
type seen struct {
	calls  map[cdr.UUID][]string
	states map[owner]string
}

func look(j *Journal) seen {
	s := seen{calls: map[cdr.UUID][]string{}, states: map[owner]string{}}
	for _, k := range j.Kept() {
		s.states[owner{k.ID, k.Instance, false}] = "kept " + k.Reason
	}
	var calls []*chain
	j.mu.Lock()
	for _, c := range j.x.calls { // also those that this run has begun
		calls = append(calls, c)
	}
	for _, e := range j.x.events {
		for _, n := range e.noted() {
			s.states[owner{e.id, n.instance, true}] = string(n.text)
		}
	}
	j.mu.Unlock()
	var reader chainReader
	for _, c := range calls {
		for _, r := range reader.read(j, c) {
			s.calls[c.id] = append(s.calls[c.id], string(r))
		}
	}
	return s
}

// check compares what is found after a crash with what must and may be there.
func (m *model) check(s seen) error {
	for call, records := range s.calls {
		if m.calls[call] == nil {
			return fmt.Errorf("call %s was invented: %q", call, records)
		}
	}
	for call, c := range m.calls {
		if err := c.check(s.calls[call], m.durable); err != nil {
			return fmt.Errorf("call %s: %w", call, err)
		}
	}
	for o, what := range s.states {
		if m.states[o] == nil {
			return fmt.Errorf("%v was invented: %q", o, what)
		}
	}
	for o, states := range m.states {
		if may := m.possible(states); !slices.Contains(may, s.states[o]) {
			return fmt.Errorf("%v is %q, and may be %q", o, s.states[o], may)
		}
	}
	return nil
}

// possible is the last that is durable, and everything that came later.
func (m *model) possible(states []state) []string {
	may := []string{""}
	for _, s := range states {
		if s.seq <= m.durable && !s.failed {
			may = may[:0]
		}
		may = append(may, s.what)
	}
	return may
}

func (c *modelCall) check(found []string, durable int) error {
	if c.ended != 0 && c.ended <= durable {
		if len(found) > 0 {
			return fmt.Errorf("has ended and is back: %q", found)
		}
		return nil
	}
	if len(found) == 0 && c.ended != 0 {
		return nil
	}
	at := 0
	for _, r := range c.records {
		if at < len(found) && found[at] == r.text {
			at++
		} else if r.seq <= durable && !r.op.failed {
			return fmt.Errorf("%q is missing, found %q", r.text, found)
		}
	}
	if at < len(found) {
		return fmt.Errorf("found %q, which is out of place or too much of %+v", found, c.records)
	}
	return nil
}

// reopened takes what was found for what is.
func (m *model) reopened(s seen) {
	m.durable = m.seq
	clear(m.calls)
	clear(m.states)
	for call, records := range s.calls {
		c := &modelCall{}
		for _, text := range records {
			c.records = append(c.records, modelRecord{text, m.seq, &operation{}})
		}
		m.calls[call] = c
	}
	for o, what := range s.states {
		m.states[o] = []state{{seq: m.seq, what: what}}
	}
}
