package journal

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"tollgate/cdr"
	"tollgate/crashpoint"
	"tollgate/journal/seglog"
)

// Begin begins the chain of a live call and sets room aside for what the call will have to write. done, which may be nil,
// is called once the record is as durable as Sync asks, or with the error, on a goroutine of the journal, in the order of
// the records, never from inside. If Begin itself returns an error nothing was written: ErrFull if there is no room.
func (j *Journal) Begin(call cdr.UUID, payload []byte, done func(error)) error {
	crashpoint.Hit("journal.begin.before")
	// The order takes at most ten bytes, and what is too much is given back.
	room := seglog.Cost(1+keySize+10+len(payload)) + callRoom + endCost()
	if err := j.admit(room); err != nil {
		return fmt.Errorf("journal: beginning call %s: %w", call, err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.promised += room
	if old := j.x.calls[call]; old != nil {
		j.giveBack(room)
		return fmt.Errorf("journal: call %s has begun already", call)
	}
	j.x.order++
	c := &chain{id: call, order: j.x.order, reserved: callRoom, records: make([]seglog.Position, 0, 8)}
	j.buf = appendBegin(j.buf[:0], call, c.order, payload)
	at, err := j.put(j.buf, c, done)
	if err != nil {
		j.giveBack(room)
		return err
	}
	j.giveBack(room - callRoom - endCost() - seglog.Cost(len(j.buf)))
	j.x.calls[call] = c
	j.x.setRecord(c, 0, at)
	crashpoint.Hit("journal.begin.after")
	return nil
}

// fullFor is how long calls are refused without another look at a full disk.
const fullFor = 20 * time.Millisecond

// ledgerTries is how many segments of the ledger one call may cost: the ledger itself takes the first that is free.
const ledgerTries = 8

// admit sets the room for a call aside. On a full disk the ledger gives way.
func (j *Journal) admit(room int64) error {
	if time.Since(j.opened) < time.Duration(j.fullUntil.Load()) {
		j.counts.full.Add(1)
		return ErrFull
	}
	err := j.reserve(room)
	for try := 0; try < ledgerTries && errors.Is(err, ErrFull) && j.makeRoom(); try++ {
		err = j.reserve(room)
	}
	if errors.Is(err, ErrFull) {
		j.counts.full.Add(1)
		j.fullUntil.Store(int64(time.Since(j.opened) + fullFor))
	}
	j.noRoom.Store(errors.Is(err, ErrFull))
	return err
}

// lookForRoom finds out whether a disk that had no room for a call has some again, as nobody may ask: a load balancer stays
// away from who is not ready.
func (j *Journal) lookForRoom() {
	if !j.noRoom.Load() {
		return
	}
	room := callRoom + endCost()
	if j.reserve(room) == nil {
		j.log.Unreserve(room)
		j.noRoom.Store(false)
	}
}

// Append adds a record to the call's chain. It draws on what is set aside for the call first, then on free space. done is as
// of Begin, and may be nil; a record that cannot be written is counted in Stats.Lost, and done is told the error.
func (j *Journal) Append(call cdr.UUID, payload []byte, done func(error)) {
	crashpoint.Hit("journal.append.before")
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.extend(call, payload, done); err != nil {
		j.lose("of a call", call, err, done)
		return
	}
	crashpoint.Hit("journal.append.after")
}

func (j *Journal) extend(call cdr.UUID, payload []byte, done func(error)) error {
	c := j.x.calls[call]
	if c == nil {
		return errNoChain
	}
	number := max(len(c.records), 1) // 0 is the beginning, even if it was damaged
	j.buf = appendExtend(j.buf[:0], call, number, payload)
	cost := seglog.Cost(len(j.buf))
	if err := j.draw(c, cost); err != nil {
		j.cramped = true
		return err
	}
	at, err := j.put(j.buf, c, done)
	if err != nil {
		j.giveBack(cost)
		return err
	}
	j.x.setRecord(c, number, at)
	j.refill(c)
	return nil
}

// End ends the call's chain and gives free what was set aside for it. It is for a call that Begin or Calls told of; of
// another nothing happens.
func (j *Journal) End(call cdr.UUID) {
	crashpoint.Hit("journal.end.before")
	j.mu.Lock()
	defer j.mu.Unlock()
	c := j.x.calls[call]
	if c == nil {
		return
	}
	j.x.dropCall(c)
	j.buf = appendHead(j.buf[:0], kindEnd, call)
	if _, err := j.put(j.buf, nil, nil); err != nil {
		j.giveBack(endCost())
		j.lose("the end of a call", call, err, nil)
	}
	j.giveBack(c.reserved)
	c.reserved = 0
	crashpoint.Hit("journal.end.after")
}

// Calls gives the chains that were found at Open and have not ended yet, in the order in which they began. The records are
// valid until yield returns. Of a chain that a damage of the disk has hit the sound records are given; that may be all but
// its beginning.
func (j *Journal) Calls(yield func(call cdr.UUID, records [][]byte) bool) {
	var r chainReader
	for _, c := range j.found() {
		records := r.read(j, c)
		if len(records) > 0 && !yield(c.id, records) {
			return
		}
	}
}

func (j *Journal) found() []*chain {
	j.mu.Lock()
	defer j.mu.Unlock()
	found := make([]*chain, 0, len(j.x.calls))
	for _, c := range j.x.calls {
		if c.order <= j.old {
			found = append(found, c)
		}
	}
	slices.SortFunc(found, func(a, b *chain) int { return cmp.Compare(a.order, b.order) })
	return found
}

// chainReader reads chains and keeps its memory from one to the next.
type chainReader struct {
	places  []seglog.Position
	buffers [][]byte
	records [][]byte
}

// read reads the records of a chain, none if it has ended. One that cannot be read is left out and logged.
func (r *chainReader) read(j *Journal, c *chain) [][]byte {
	r.places, r.records = j.placesOf(c, r.places[:0]), r.records[:0]
	for n := 0; n < len(r.places); n++ {
		if len(r.buffers) <= n {
			r.buffers = append(r.buffers, nil)
		}
		if payload := r.readOne(j, c, n); payload != nil {
			r.records = append(r.records, payload)
		}
	}
	return r.records
}

// readOne reads record n of the chain; nil if that cannot be. Compaction may write a record elsewhere and remove it here in
// between, so a failure counts only if the record is still where it was.
func (r *chainReader) readOne(j *Journal, c *chain, n int) []byte {
	for at := r.places[n]; at.Segment != 0; {
		b, err := j.log.Read(at, r.buffers[n])
		if err == nil {
			r.buffers[n] = b
			var rec record
			if rec, err = parse(b); err == nil {
				return rec.payload
			}
		}
		r.places = j.placesOf(c, r.places[:0])
		if n >= len(r.places) {
			return nil
		}
		if r.places[n] == at {
			j.o.Log.Error("journal: reading a record of a call", zap.Stringer("call", c.id), zap.Int("record", n), zap.Error(err))
			return nil
		}
		at = r.places[n]
	}
	return nil
}

// placesOf adds where the records of the chain lie to places; nothing if it has ended.
func (j *Journal) placesOf(c *chain, places []seglog.Position) []seglog.Position {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.x.calls[c.id] != c {
		return places
	}
	return append(places, c.records...)
}
