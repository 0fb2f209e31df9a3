package journal

import (
	"go.uber.org/zap"

	"tollgate/journal/seglog"
)

// holder is what has a record in the log: it is told when the record lies elsewhere, as its segment has failed.
type holder interface {
	moved(x *index, from, to seglog.Position)
}

// pending is a record that is not known to be durable, in the order in which they were appended, or the failure of one
// that never was: it is told when those before it have been.
type pending struct {
	at     seglog.Position
	holder holder // nil: nobody will ask for the record
	done   func(error)
	err    error // the record is not in the log, and why
}

// queue holds the pending records. The log tells of each one, in order, so that nothing is looked up.
type queue struct {
	ring   []pending // len is a power of two
	first  int
	n      int
	failed map[seglog.Position]holder // told an error; the log goes on trying, and they may move
}

func (q *queue) push(p pending) {
	if q.n == len(q.ring) {
		grown := make([]pending, max(64, 2*len(q.ring)))
		for i := range q.n {
			grown[i] = q.ring[(q.first+i)&(len(q.ring)-1)]
		}
		q.ring, q.first = grown, 0
	}
	q.ring[(q.first+q.n)&(len(q.ring)-1)] = p
	q.n++
}

func (q *queue) front() *pending { return &q.ring[q.first] }

func (q *queue) pop() pending {
	p := q.ring[q.first]
	q.ring[q.first] = pending{}
	q.first = (q.first + 1) & (len(q.ring) - 1)
	q.n--
	return p
}

// told is called by the log for each record, in order.
func (j *Journal) told(err error) {
	j.telling.Lock()
	defer j.telling.Unlock()
	j.mu.Lock()
	p := j.queue.pop()
	j.settleQueue(p, err)
	j.mu.Unlock()
	if p.done != nil {
		p.done(err)
	}
	j.tellFront()
}

func (j *Journal) settleQueue(p pending, err error) {
	if err == nil {
		clear(j.queue.failed) // the log is durable up to here
		return
	}
	if n := j.counts.commitErrors.Add(1); n&(n-1) == 0 {
		j.o.Log.Error("journal: records wait for the disk", zap.Uint64("so far", n), zap.Error(err))
	}
	if p.holder != nil {
		if j.queue.failed == nil {
			j.queue.failed = map[seglog.Position]holder{}
		}
		j.queue.failed[p.at] = p.holder
	}
}

// tellFailed tells the failures that nothing in the log stands before.
func (j *Journal) tellFailed() {
	j.telling.Lock()
	defer j.telling.Unlock()
	j.tellFront()
}

// tellFront is tellFailed. The caller holds telling.
func (j *Journal) tellFront() {
	for {
		j.mu.Lock()
		if j.queue.n == 0 || j.queue.front().err == nil {
			j.mu.Unlock()
			return
		}
		p := j.queue.pop()
		j.mu.Unlock()
		if p.done != nil {
			p.done(p.err)
		}
	}
}

// moved is called by the log when a record lies elsewhere, before it is told of.
func (j *Journal) moved(from, to seglog.Position) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if h, failed := j.queue.failed[from]; failed {
		delete(j.queue.failed, from)
		j.queue.failed[to] = h
		h.moved(j.x, from, to)
		return
	}
	q := &j.queue
	for i := range q.n {
		p := &q.ring[(q.first+i)&(len(q.ring)-1)]
		if p.err != nil || p.at != from {
			continue
		}
		p.at = to
		if p.holder != nil {
			p.holder.moved(j.x, from, to)
		}
		return
	}
}

func (c *chain) moved(x *index, from, to seglog.Position) {
	if x.calls[c.id] != c {
		return
	}
	for n, at := range c.records {
		if at == from {
			x.setRecord(c, n, to)
			return
		}
	}
}

func (e *event) moved(x *index, from, to seglog.Position) {
	if x.events[e.id] != e {
		return
	}
	x.change(e, func() {
		if e.at == from {
			e.at = to
		}
		for i := range e.noted() {
			if n := &e.notes.notes[i]; n.at == from {
				n.at = to
			}
		}
	})
}

func (h *heartbeat) moved(_ *index, from, to seglog.Position) {
	if h.at == from {
		h.at = to
	}
}
