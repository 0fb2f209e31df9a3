package journal

import (
	"slices"

	"tollgate/cdr"
	"tollgate/journal/seglog"
)

// index is what the main log holds, in memory: where the records of each live chain lie, and for whom an event is kept.
// It is built by replaying the log and kept up by the journal.
type index struct {
	calls  map[cdr.UUID]*chain
	events map[cdr.UUID]*event
	homes  map[uint64]*home // the live chains by the segment of their oldest record
	sets   copySets
	counts map[string]*Backlog
	notes  int
	live   int64  // bytes that live records take in the log
	order  uint64 // the last that was given
	alive  heartbeat
}

// heartbeat is the newest of them in the log.
type heartbeat struct {
	alive
	id cdr.UUID
	at seglog.Position
}

// home has the chains whose oldest record lies in one segment.
type home struct {
	calls  list[*chain]
	events list[*event]
}

// chain is the chain of a live call.
type chain struct {
	place    links[*chain]
	id       cdr.UUID
	order    uint64            // of beginning
	records  []seglog.Position // by number; the zero Position for one that was damaged
	reserved int64             // bytes that are set aside for what is to come, beside the end
}

func (c *chain) links() *links[*chain] { return &c.place }

// oldest is the segment that holds the chain's oldest record; 0 if it has none.
func (c *chain) oldest() uint64 {
	first := uint64(0)
	for _, at := range c.records {
		if at.Segment != 0 && (first == 0 || at.Segment < first) {
			first = at.Segment
		}
	}
	return first
}

// event is the chain of an event: the event itself while it is kept for somebody, and notes. There may be a million.
type event struct {
	place links[*event]
	id    cdr.UUID
	head
	at     seglog.Position // of the event; zero if it is not kept
	copies *copySet        // nil: it is not kept
	notes  *noteList       // nil: there are none
}

// noteList has one note for each instance.
type noteList struct{ notes []note }

type note struct {
	instance string
	text     []byte
	at       seglog.Position
	former   bool // of a former run
}

func (e *event) links() *links[*event] { return &e.place }

func (e *event) noted() []note {
	if e.notes == nil {
		return nil
	}
	return e.notes.notes
}

func (e *event) oldest() uint64 {
	first := e.at.Segment
	for _, n := range e.noted() {
		if first == 0 || n.at.Segment < first {
			first = n.at.Segment
		}
	}
	return first
}

func newIndex() *index {
	return &index{
		calls: map[cdr.UUID]*chain{}, events: map[cdr.UUID]*event{}, homes: map[uint64]*home{},
		sets: copySets{}, counts: map[string]*Backlog{},
	}
}

func (x *index) home(segment uint64) *home {
	h := x.homes[segment]
	if h == nil {
		h = new(home)
		x.homes[segment] = h
	}
	return h
}

// sweep forgets the home of a segment that has gone.
func (x *index) sweep(segment uint64) { delete(x.homes, segment) }

func weight(at seglog.Position) int64 {
	if at.Segment == 0 {
		return 0
	}
	return seglog.Cost(int(at.Length))
}

// setRecord says that record number n of the call lies at at.
func (x *index) setRecord(c *chain, n int, at seglog.Position) {
	for len(c.records) <= n {
		c.records = append(c.records, seglog.Position{})
	}
	if was := c.records[n]; was.Segment != 0 || n < len(c.records)-1 || n == 0 {
		if first := c.oldest(); first != 0 {
			x.home(first).calls.remove(c)
		}
		x.live -= weight(was)
		c.records[n] = at
		if first := c.oldest(); first != 0 {
			x.home(first).calls.add(c)
		}
	} else if c.oldest() == 0 {
		c.records[n] = at
		x.home(at.Segment).calls.add(c)
	} else {
		c.records[n] = at // newer than all others: the home stays
	}
	x.live += weight(at)
}

// dropCall forgets the chain of a call.
func (x *index) dropCall(c *chain) {
	if first := c.oldest(); first != 0 {
		x.home(first).calls.remove(c)
	}
	for _, at := range c.records {
		x.live -= weight(at)
	}
	delete(x.calls, c.id)
}

// change runs a change to where the event's records lie, and puts the chain into the home that it has then; a chain of
// which nothing is left is forgotten.
func (x *index) change(e *event, how func()) {
	if first := e.oldest(); first != 0 {
		x.home(first).events.remove(e)
	}
	x.live -= e.weight()
	how()
	if e.copies == nil && e.at.Segment != 0 {
		e.at = seglog.Position{}
	}
	x.live += e.weight()
	if first := e.oldest(); first != 0 {
		x.home(first).events.add(e)
	} else {
		delete(x.events, e.id)
	}
}

func (e *event) weight() int64 {
	sum := weight(e.at)
	for _, n := range e.noted() {
		sum += weight(n.at)
	}
	return sum
}

func (x *index) event(id cdr.UUID) *event {
	e := x.events[id]
	if e == nil {
		e = &event{id: id}
		x.events[id] = e
	}
	return e
}

// setCopies changes for whom the event is kept and keeps count. The caller is inside change.
func (x *index) setCopies(e *event, set *copySet) {
	x.count(e.copies, -1)
	x.count(set, 1)
	e.copies = set
}

func (x *index) count(set *copySet, by int) {
	for _, c := range set.list() {
		n := x.counts[c.instance]
		if n == nil {
			n = &Backlog{Instance: c.instance}
			x.counts[c.instance] = n
		}
		if c.aside {
			n.Quarantined += by
		} else {
			n.Kept += by
		}
		if n.Kept == 0 && n.Quarantined == 0 {
			delete(x.counts, c.instance)
		}
	}
}

// setNote puts the note in the place of the instance's former one. The caller is inside change.
func (x *index) setNote(e *event, n note) {
	x.dropNotes(e, func(instance string) bool { return instance == n.instance })
	list := &noteList{notes: append(slices.Clip(e.noted()), n)}
	e.notes = list
	x.notes++
}

// dropNotes forgets the notes of the instances that which tells, and gives how many there were. The caller is inside change.
func (x *index) dropNotes(e *event, which func(instance string) bool) int {
	var left []note
	for _, n := range e.noted() {
		if !which(n.instance) {
			left = append(left, n)
		}
	}
	dropped := len(e.noted()) - len(left)
	x.notes -= dropped
	switch {
	case dropped == 0:
	case left == nil:
		e.notes = nil
	default:
		e.notes = &noteList{notes: left}
	}
	return dropped
}

// unkept tells the instances that have no copy of the event: what they noted is of no use once the walk has ended.
func (e *event) unkept(instance string) bool {
	_, kept := e.copies.find(instance)
	return !kept
}
