package seglog

import "fmt"

// The room of the log is what is preallocated and not laid out yet. A record that does not fit into the rest of a segment
// goes to the next, and the rest, which is smaller than the record, is wasted. So of each segment only what is beyond the
// largest record counts, and however the records come, that much can be appended.

// whole is the room that a spare segment counts for.
func (l *Log) whole() int64 { return l.o.SegmentSize - dataStart - l.largest }

// rest is the room that counts in the active segment.
func (l *Log) rest() int64 {
	if n := len(l.segments); n == 0 || l.segments[n-1].file == nil {
		return 0
	}
	return max(0, l.o.SegmentSize-l.tail.offset-l.largest)
}

func (l *Log) free() int64 { return l.rest() + int64(len(l.spares))*l.whole() }

// freeAfter is the room once cost bytes more are laid out, and whether there is a file for them.
func (l *Log) freeAfter(cost int64) (int64, bool) {
	spares := int64(len(l.spares)) * l.whole()
	if _, owed := l.owed(); owed {
		return 0, false // records wait for a file already
	}
	if rest := l.o.SegmentSize - l.tail.offset; rest >= cost {
		return max(0, rest-cost-l.largest) + spares, true
	}
	return spares - l.whole() + max(0, l.whole()-cost), spares > 0
}

// target is how many spare segments there should be. The caller holds mu.
func (l *Log) target() int {
	need := max(0, l.reserved+l.asked-l.rest())
	return l.o.Spare + int((need+l.whole()-1)/l.whole())
}

// Reserve sets n bytes of preallocated room aside for AppendReserved and preallocates segments where that takes some. It is
// ErrFull if the disk has no room, or why a segment cannot be made; nothing is reserved then.
func (l *Log) Reserve(n int64) error {
	if n < 0 || n > maxReservation {
		return fmt.Errorf("reserving %d bytes: %w", n, ErrFull)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked += n
	defer func() { l.asked -= n }()
	for {
		if l.closing {
			return ErrClosed
		}
		if l.free() >= l.reserved+n {
			l.reserved += n
			l.wakePreparerIfNeeded()
			return nil
		}
		if err := l.awaitSegment(); err != nil {
			return err
		}
	}
}

// maxReservation keeps the sums far from an overflow.
const maxReservation = 1 << 50

// Unreserve gives n reserved bytes back.
func (l *Log) Unreserve(n int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reserved = max(0, l.reserved-max(0, n))
	l.given++
	l.changed.Broadcast()
	l.wakePreparerIfNeeded()
}
