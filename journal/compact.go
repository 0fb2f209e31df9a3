package journal

import (
	"errors"
	"fmt"

	"go.uber.org/zap"

	"tollgate/crashpoint"
	"tollgate/journal/seglog"
)

// Compaction removes the oldest segment, always the oldest, once what still lives of it was written again at the tail.
//
// That order is what makes the records that end something safe. An end stands behind everything that it ends, and copies
// that compaction makes of a chain stand before it, as a chain that has ended is not copied any more. So when the segment
// of an end is the oldest, all records of its chain have gone before it: no record can be replayed without the end that
// follows it, and no end ever needs to be copied. A crash between the copying and the removal leaves both: the replay
// takes the later place of the same record.
//
// Only the records in the oldest segment are copied, not the whole chain, so what is copied is less than a segment, and
// that much is set aside for it from the start. A call's records carry their number in the chain, so that a copy finds
// its place; an event is copied with the copies that it has now.

// batch is how many chains are copied between two looks at the lock.
const batch = 64

// slack is what the log may take beyond twice of what lives in it, in segments.
const slack = 2

var errDamaged = errors.New("the record cannot be read any more")

// compact removes the oldest segments until the log is small enough.
func (j *Journal) compact() {
	for {
		select {
		case <-j.stop:
			return
		default:
		}
		number, due := j.compactable()
		if !due {
			return
		}
		if err := j.compactOldest(number); err != nil {
			j.compactFailures++
			if n := j.compactFailures; n&(n-1) == 0 {
				j.o.Log.Warn("journal: compacting", zap.Uint64("segment", number), zap.Uint64("failures", n), zap.Error(err))
			}
			return
		}
		j.compactFailures = 0
		j.counts.compactions.Add(1)
	}
}

// compactable names the oldest segment, if it is time to remove it: when the files are more than twice what lives in
// them, or, on a full disk, when that gains a segment.
func (j *Journal) compactable() (number uint64, due bool) {
	segments := j.log.Segments()
	size := j.o.Settings.SegmentSize
	j.mu.Lock()
	defer j.mu.Unlock()
	onDisk, most := int64(len(segments))*size, 2*j.x.live+slack*size
	if j.cramped {
		most = j.x.live + j.x.live/8 + slack*size
	}
	if len(segments) == 0 || segments[0].Active || onDisk <= most {
		j.cramped = false
		return 0, false
	}
	return segments[0].Number, true
}

func (j *Journal) compactOldest(number uint64) error {
	crashpoint.Hit("journal.compact.before")
	if err := j.copyAll(number, j.callItems, j.copyRecord); err != nil {
		return err
	}
	if err := j.copyAll(number, j.eventItems, j.copyEvent); err != nil {
		return err
	}
	j.mu.Lock()
	if j.x.alive.at.Segment <= number {
		j.beat()
	}
	j.mu.Unlock()
	if err := j.log.Force(); err != nil { // the originals may have been on the disk for days
		return fmt.Errorf("waiting for the copies: %w", err)
	}
	crashpoint.Hit("journal.compact.copied")
	j.mu.Lock()
	h := j.x.homes[number]
	empty := h == nil || h.calls.first == nil && h.events.first == nil
	j.mu.Unlock()
	if !empty {
		return errors.New("there is something left in the segment")
	}
	if err := j.log.RemoveOldest(number); err != nil {
		return err
	}
	crashpoint.Hit("journal.compact.after")
	j.mu.Lock()
	defer j.mu.Unlock()
	j.x.sweep(number)
	if lack := j.o.Settings.SegmentSize - j.compactor; lack > 0 && j.reserve(lack) == nil {
		j.compactor += lack
		j.promised += lack
	}
	return nil
}

// copied appends a copy, out of what is set aside for compaction. The caller holds mu.
func (j *Journal) copied(rec []byte, h holder) (seglog.Position, error) {
	cost := seglog.Cost(len(rec))
	if j.compactor < cost {
		if err := j.reserve(cost); err != nil {
			return seglog.Position{}, fmt.Errorf("copying a record: %w", err)
		}
		j.promised += cost
		j.compactor += cost
	}
	at, err := j.put(rec, h, nil)
	if err == nil {
		j.compactor -= cost
	}
	return at, err
}

// item is a record that is to be copied.
type item struct {
	call  *chain
	n     int // its number in the call's chain
	event *event
	note  string // the instance, of a note
	at    seglog.Position
	rec   []byte
	err   error
}

// copyAll copies, batch after batch, what list finds in the segment.
func (j *Journal) copyAll(number uint64, list func(uint64) []item, one func(*item) error) error {
	for {
		items := list(number)
		if len(items) == 0 {
			return nil
		}
		j.readItems(items)
		if err := j.copyItems(items, one); err != nil {
			return err
		}
	}
}

// callItems are records of calls that lie in the segment.
func (j *Journal) callItems(number uint64) []item {
	j.mu.Lock()
	defer j.mu.Unlock()
	h := j.x.homes[number]
	if h == nil {
		return nil
	}
	var items []item
	for c := h.calls.first; c != nil && len(items) < batch; c = c.place.next {
		for n, at := range c.records {
			if at.Segment == number {
				items = append(items, item{call: c, n: n, at: at})
			}
		}
	}
	return items
}

// eventItems are events and notes that lie in the segment.
func (j *Journal) eventItems(number uint64) []item {
	j.mu.Lock()
	defer j.mu.Unlock()
	h := j.x.homes[number]
	if h == nil {
		return nil
	}
	var items []item
	for e := h.events.first; e != nil && len(items) < batch; e = e.place.next {
		if e.at.Segment == number {
			items = append(items, item{event: e, at: e.at})
		}
		for _, n := range e.noted() {
			if n.at.Segment == number {
				items = append(items, item{event: e, note: n.instance, at: n.at})
			}
		}
	}
	return items
}

// readItems reads what is to be copied, without the lock: it may come from the disk.
func (j *Journal) readItems(items []item) {
	for i := range items {
		it := &items[i]
		it.rec, it.err = j.log.Read(it.at, nil)
	}
}

func (j *Journal) copyItems(items []item, one func(*item) error) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	for i := range items {
		if err := one(&items[i]); err != nil {
			return err
		}
	}
	return nil
}

// copyRecord copies a record of a call, unless the call has ended meanwhile. The caller holds mu.
func (j *Journal) copyRecord(it *item) error {
	c := it.call
	if j.x.calls[c.id] != c || it.n >= len(c.records) || c.records[it.n] != it.at {
		return nil
	}
	if it.err != nil {
		j.lose("of a call, damaged on the disk", c.id, errors.Join(errDamaged, it.err), nil)
		j.x.setRecord(c, it.n, seglog.Position{})
		return nil
	}
	at, err := j.copied(it.rec, c)
	if err == nil {
		j.x.setRecord(c, it.n, at)
	}
	return err
}

// copyEvent copies an event, with the copies that it has now, or a note. The caller holds mu.
func (j *Journal) copyEvent(it *item) error {
	e := it.event
	if j.x.events[e.id] != e {
		return nil
	}
	if it.note != "" {
		return j.copyNote(it, e.note(it.note))
	}
	if e.at != it.at {
		return nil
	}
	rec, err := parse(it.rec)
	if it.err != nil || err != nil {
		j.loseEvent(e, errors.Join(errDamaged, it.err))
		return nil
	}
	j.buf = append(appendKeep(j.buf[:0], kindKeep, e.id, &e.head, e.copies.list()), rec.payload...)
	at, err := j.copied(j.buf, e)
	if err == nil {
		j.x.change(e, func() { e.at = at })
	}
	return err
}

func (j *Journal) copyNote(it *item, n *note) error {
	if n == nil || n.at != it.at {
		return nil
	}
	j.buf = appendOf(j.buf[:0], kindNote, it.event.id, n.instance, n.text)
	at, err := j.copied(j.buf, it.event)
	if err == nil {
		j.x.change(it.event, func() { n.at = at })
	}
	return err
}

// loseEvent gives up an event that the disk has lost.
func (j *Journal) loseEvent(e *event, err error) {
	for _, c := range e.copies.list() {
		j.lose("an event kept for "+c.instance+", damaged on the disk", e.id, err, nil)
	}
	owed := e.owed()
	j.x.change(e, func() { j.x.setCopies(e, nil) })
	if j.x.events[e.id] == nil {
		j.chains.Add(-1)
	}
	j.giveBack(owed - e.owed())
}
