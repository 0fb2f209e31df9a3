package acctstack

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"tollgate/cdr"
)

// queue is what is kept for one instance name. It outlives the stacks, whose instances of that name come and go.
//
// The events themselves are in the spool; here is what it takes to find and order them. The copies of one call's events form
// a chain, of which only the first is delivered at a time.
type queue struct {
	name   string
	k      *Keeping
	ledger Ledger // the Keeping's

	// alert tells that there is something to look at: a backlog, or an instance that is not well. While it is false an event
	// passes without the lock.
	alert atomic.Bool

	mu      sync.Mutex
	copies  map[cdr.UUID]*kept // by event, those in quarantine, too
	chains  map[cdr.UUID]*chain
	ready   pile[*chain] // those whose first copy may be sent, by turn
	resting pile[*chain] // those that wait, by when they are due
	ages    pile[*kept]  // the backlog, the oldest event first
	expiry  pile[*chain] // those whose first copy may be given up, by its age
	open    map[cdr.UUID]*openAttempt
	aside   int    // copies in quarantine
	turns   uint64 // the last turn that was given out
	totals  Counters
	courier *courier // who delivers; nil if no stack has the instance
	health
	pace
}

// kept is the instance's copy of an event.
type kept struct {
	id, call cdr.UUID
	seq      uint32
	kind     Kind
	state    keptState
	dropped  bool // the operator dropped it while it was being sent
	untold   bool // the verdict of its walk is not told yet, so its walk may come again after a crash: nobody delivers it
	tried    bool // in this run, by its walk or late
	time     time.Time
	since    time.Time // from when GiveUpAfter counts: time, or when the operator had it tried again
	chain    *chain
	place    int    // in queue.ages
	reason   string // of the quarantine
	attempts int    // to deliver it
	bursts   int    // of them, those that were in vain while others were stored
	window   window // since the last attempt that is not among bursts yet
	err      string // of the last attempt
}

// keptState is where a copy stands.
type keptState uint8

const (
	inLine   keptState = iota // in its chain
	withWalk                  // in its chain, but the attempt of its walk has not returned
	sending                   // an attempt is under way
	aside                     // in quarantine
)

// chain is the copies of one call's events, or the copy of an event of no call.
type chain struct {
	key     cdr.UUID
	copies  []*kept // by seq
	sending *kept   // not in copies meanwhile
	turn    uint64
	due     time.Time // not before
	rests   int       // in a row
	ready   int       // place in queue.ready
	resting int       // place in queue.resting
	since   time.Time // of the first copy, while it is in queue.expiry
	expiry  int       // place in queue.expiry
}

// openAttempt is an attempt that its walk has given up and that has not returned, or not been looked at since.
type openAttempt struct {
	returned bool // before the walk settled the event
	ok       bool
	settled  bool  // and its verdict told
	copy     *kept // if the event is kept; nil before it is settled, and if it is not kept
}

func newQueue(name string, k *Keeping) *queue {
	q := &queue{name: name, k: k, ledger: k.ledger, copies: map[cdr.UUID]*kept{}, chains: map[cdr.UUID]*chain{}, open: map[cdr.UUID]*openAttempt{}}
	q.ready = pile[*chain]{before: func(a, b *chain) bool { return a.turn < b.turn }, place: func(c *chain) *int { return &c.ready }}
	q.resting = pile[*chain]{before: func(a, b *chain) bool { return a.due.Before(b.due) }, place: func(c *chain) *int { return &c.resting }}
	q.ages = pile[*kept]{before: func(a, b *kept) bool { return a.since.Before(b.since) }, place: func(c *kept) *int { return &c.place }}
	q.expiry = pile[*chain]{before: func(a, b *chain) bool { return a.since.Before(b.since) }, place: func(c *chain) *int { return &c.expiry }}
	q.health.since = time.Now()
	return q
}

// size is the backlog. As all that follows, it is called under mu.
func (q *queue) size() int { return len(q.copies) - q.aside }

// look sets alert anew.
func (q *queue) look() { q.alert.Store(q.size() > 0 || !q.well()) }

// holds tells whether something of the event's call is kept, so that the event has to queue behind it.
func (q *queue) holds(ev *Event) bool {
	if ev.Call == (cdr.UUID{}) {
		return false
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.chains[ev.Call] != nil
}

// load takes over a copy that a former run has left.
func (q *queue) load(c Kept) {
	e := &kept{id: c.ID, call: c.Call, seq: c.Seq, kind: c.Kind, time: c.Time, since: c.Time, reason: c.Reason}
	q.copies[e.id] = e
	if c.Reason != "" {
		e.state = aside
		q.aside++
		return
	}
	q.insert(e)
}

// insert puts a copy that is in copies into its chain and the backlog.
func (q *queue) insert(e *kept) {
	key := e.call
	if key == (cdr.UUID{}) {
		key = e.id
	}
	ch := q.chains[key]
	if ch == nil {
		q.turns++
		ch = &chain{key: key, turn: q.turns}
		q.chains[key] = ch
	}
	e.chain = ch
	q.putIn(ch, e)
	q.ages.add(e)
}

// putIn puts a copy into the chain at the place of its seq.
func (q *queue) putIn(ch *chain, e *kept) {
	at := len(ch.copies)
	for at > 0 && ch.copies[at-1].seq > e.seq {
		at--
	}
	ch.copies = slices.Insert(ch.copies, at, e)
	q.arrange(ch)
}

// arrange puts the chain where it belongs: among the ready, the resting, neither, or nowhere because it is empty.
func (q *queue) arrange(ch *chain) {
	q.ready.remove(ch)
	q.resting.remove(ch)
	q.expiry.remove(ch)
	switch {
	case ch.sending != nil:
		return
	case len(ch.copies) == 0:
		delete(q.chains, ch.key)
		return
	}
	first := ch.copies[0]
	if first.state == withWalk || first.untold {
		return
	}
	if first.tried {
		ch.since = first.since
		q.expiry.add(ch)
	}
	if ch.due.IsZero() {
		q.ready.add(ch)
	} else {
		q.resting.add(ch)
	}
}

// age sets from when GiveUpAfter counts.
func (q *queue) age(e *kept, since time.Time) {
	q.ages.remove(e)
	e.since = since
	q.ages.add(e)
}

// leave takes the copy out of its chain and the backlog.
func (q *queue) leave(e *kept) {
	ch := e.chain
	if ch == nil {
		return
	}
	if ch.sending == e {
		ch.sending = nil
	} else if i := slices.Index(ch.copies, e); i >= 0 {
		ch.copies = slices.Delete(ch.copies, i, i+1)
	}
	e.chain = nil
	q.ages.remove(e)
	q.arrange(ch)
}

// forget ends a copy: the backend has the event, or the operator dropped it.
func (q *queue) forget(e *kept) {
	q.leave(e)
	if e.state == aside {
		q.aside--
	}
	delete(q.copies, e.id)
	q.settled()
}

// settled draws the consequences of a backlog that has become smaller.
func (q *queue) settled() {
	if q.size() == 0 {
		q.drained()
	}
	q.look()
}

// add takes over a copy that the spool keeps now; it is not delivered before told. tried says that the walk has asked the module.
// It is true if the event needs no copy any more, because the attempt of its walk has ended well meanwhile.
func (q *queue) add(ev *Event, tried bool) (has bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	o := q.open[ev.ID]
	if o != nil && o.returned {
		delete(q.open, ev.ID)
		if o.ok {
			return true
		}
		o = nil
	}
	if e := q.copies[ev.ID]; e != nil { // a restart has sent the event again
		if e.state == inLine {
			e.tried = e.tried || tried
			q.hold(e, o)
			q.arrange(e.chain)
		}
		return false
	}
	e := &kept{id: ev.ID, call: ev.Call, seq: ev.Seq, kind: ev.Kind, time: ev.Time, since: ev.Time, tried: tried}
	q.hold(e, o)
	q.copies[e.id] = e
	q.totals.Kept++
	q.insert(e)
	q.look()
	q.kick()
	return false
}

// hold keeps the copy until its verdict is told, and until the attempt of its walk has returned if it is open still.
func (q *queue) hold(e *kept, o *openAttempt) {
	e.untold = true
	if o != nil {
		o.copy, e.state = e, withWalk
	}
}

// opened notes that the walk has given the attempt up.
func (q *queue) opened(id cdr.UUID) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.open[id] = &openAttempt{}
}

// answered tells whether the attempt that the walk has given up is still open, and whether it has ended well.
func (q *queue) answered(id cdr.UUID) (open, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	o := q.open[id]
	return o != nil && !o.returned, o != nil && o.ok
}

// told takes the news that the verdict on the event has been told: the copy may be delivered, and the end of an attempt that is
// open has its consequences at once. It is true if the attempt has ended well since the event was settled, so that the copy
// is not needed.
func (q *queue) told(id cdr.UUID) (has bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	e, o := q.copies[id], q.open[id]
	if o != nil && !o.returned {
		o.settled = true
	} else if o != nil {
		delete(q.open, id)
	}
	if e == nil || !e.untold {
		return false
	}
	e.untold = false
	if o != nil && o.returned && o.copy == e && e.state == withWalk {
		if o.ok {
			q.forget(e)
			return true
		}
		e.state = inLine
	}
	if e.chain != nil {
		q.arrange(e.chain)
		q.kick()
	}
	return false
}

// returned takes the end of an attempt that its walk had given up. An ok takes the kept copy away, a failure frees it. The
// answer may come before the verdict is told; then add or told finds it.
func (q *queue) returned(id cdr.UUID, ok bool) {
	if q.endOpen(id, ok) {
		q.k.spool.Done(id, q.name)
	}
}

// endOpen tells whether the spool is to forget what it has of the event here.
func (q *queue) endOpen(id cdr.UUID, ok bool) (done bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	o := q.open[id]
	if o == nil {
		return false
	}
	if !o.settled {
		o.returned, o.ok = true, ok
		return false
	}
	delete(q.open, id)
	e := o.copy
	switch {
	case e == nil || q.copies[id] != e || e.state != withWalk: // not kept, or not any more
		return q.copies[id] == nil
	case ok:
		q.forget(e)
		return true
	}
	e.state = inLine
	q.arrange(e.chain)
	q.kick()
	return false
}
