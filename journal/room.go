package journal

import (
	"go.uber.org/zap"

	"tollgate/cdr"
	"tollgate/journal/seglog"
)

// callRoom is what is set aside for a call when it begins, beside its beginning: what it writes until its end, and what is
// kept of its events. A call that rings, is answered and ends writes about 3.2 KiB behind its beginning: four states with
// their event of about 600 bytes, four verdicts of 40, and the caller's dialog; a kept event is 700 bytes with its copies.
const callRoom = 6 << 10

// floorRoom is how much of it is filled up again, while the disk has room, when a long call has used its own.
const floorRoom = 3 << 10

// endCost is what the end of a call takes.
func endCost() int64 { return seglog.Cost(1 + keySize) }

// ofCost is what a record takes that ends an instance's copy or note.
func ofCost(instance string) int64 { return seglog.Cost(1 + keySize + 5 + len(instance)) }

// owed is what is promised to the event: the ends of its copies and notes can be written.
func (e *event) owed() int64 {
	sum := int64(0)
	for _, c := range e.copies.list() {
		sum += ofCost(c.instance)
	}
	for _, n := range e.noted() {
		sum += ofCost(n.instance)
	}
	return sum
}

// promiseAll takes over what a former run has promised. It is set aside by fill, in the background, so that nobody waits
// while files are made for a hundred thousand calls.
func (j *Journal) promiseAll() {
	for _, c := range j.x.calls {
		used := int64(0)
		for _, at := range c.records[min(1, len(c.records)):] {
			used += weight(at)
		}
		c.reserved = max(callRoom-used, floorRoom)
		j.promised += c.reserved + endCost()
	}
	for _, e := range j.x.events {
		j.promised += e.owed()
	}
	j.compactor = j.o.Settings.SegmentSize
	j.promised += j.compactor
	j.short = j.promised
	j.fill(j.compactor)
}

// fill sets aside up to most bytes of what is promised and not yet set aside, and tells whether more is to be done and can be.
func (j *Journal) fill(most int64) bool {
	j.mu.Lock()
	n := min(most, j.short)
	j.mu.Unlock()
	if n <= 0 || j.reserve(n) != nil {
		return false
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	used := min(n, j.short) // some of it may have been given back meanwhile
	j.short -= used
	if n > used {
		j.log.Unreserve(n - used)
	}
	return j.short > 0
}

// reserve sets n bytes aside. It may wait while a file is being made, so mu had better not be held.
func (j *Journal) reserve(n int64) error { return j.log.Reserve(n) }

// giveBack makes n bytes free that were promised. The caller holds mu.
func (j *Journal) giveBack(n int64) {
	j.promised -= n
	unfilled := min(n, j.short)
	j.short -= unfilled
	if n > unfilled {
		j.log.Unreserve(n - unfilled)
	}
}

// draw takes n bytes for a record or promise of the call from what is set aside for it, and from the free space what that
// lacks. The caller holds mu.
func (j *Journal) draw(c *chain, n int64) error {
	own := int64(0)
	if c != nil {
		own = min(c.reserved, n)
	}
	if own < n {
		if err := j.reserve(n - own); err != nil {
			return err
		}
		j.promised += n - own
	}
	if own > 0 {
		c.reserved -= own
	}
	return nil
}

// refill gives a long call room again, as long as the disk has some to spare. The caller holds mu.
func (j *Journal) refill(c *chain) {
	lack := floorRoom - c.reserved
	if lack <= 0 || j.cramped {
		return
	}
	if j.reserve(lack) != nil {
		j.cramped = true // the next look is the maintainer's
		return
	}
	c.reserved += lack
	j.promised += lack
}

// put appends a record whose cost is among what is promised. The caller holds mu, and what must be set aside is.
func (j *Journal) put(rec []byte, h holder, done func(error)) (seglog.Position, error) {
	cost := seglog.Cost(len(rec))
	at, err := j.log.AppendReserved(rec, j.tell)
	if err != nil {
		return at, err
	}
	if cost > j.promised-j.short { // the log has taken free space for it
		j.short = max(0, j.short-cost)
	}
	j.promised -= cost
	j.busy = true
	j.queue.push(pending{at: at, holder: h, done: done})
	return at, nil
}

// lose counts a record that could not be written and tells its waiter, behind those before it. The caller holds mu.
func (j *Journal) lose(what string, id cdr.UUID, err error, done func(error)) {
	if n := j.counts.lost.Add(1); n&(n-1) == 0 {
		j.o.Log.Error("journal: a record could not be written", zap.String("record", what), zap.Stringer("id", id),
			zap.Uint64("lost", n), zap.Error(err))
	}
	if done != nil {
		j.queue.push(pending{done: done, err: err})
	}
	j.wake()
}

// wake has the journal look after itself now.
func (j *Journal) wake() {
	select {
	case j.kick <- struct{}{}:
	default:
	}
}
