package seglog

import (
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"
)

// What appends and reservations are refused with.
var (
	ErrFull     = errors.New("no room on the disk beyond what is reserved")
	ErrOverload = errors.New("too much waits for the disk")
	ErrTooLarge = errors.New("record too large")
	ErrClosed   = errors.New("log is closed")
)

const (
	company   = 32        // so many waiters need not wait for more
	plenty    = 256 << 10 // nor so many bytes
	maxBuffer = 64 << 20  // bytes in memory that are not durable yet
)

// Append adds a record and tells where it will lie. done, which may be nil, is called once the record is as durable as Sync
// asks, or with the error, on a goroutine of the log, in the order of Append, never from inside Append; it must not wait for
// Flush, Close or RemoveOldest, which wait for it: do not call those with a lock held that done takes. It may append. A record whose done is told an error stays in memory and is tried again. If Append itself returns
// an error the record is not in the log and done is not called: ErrFull if it would touch what is reserved, ErrOverload,
// ErrTooLarge, ErrClosed, or why no further segment can be made. The record is copied. Append waits for the disk only where
// the next segment is not there yet.
func (l *Log) Append(record []byte, done func(error)) (Position, error) {
	return l.append(record, done, false)
}

// AppendReserved is Append for a record whose Cost the caller has reserved; that much of the reservation is used up, unless
// an error is returned. It is never refused for want of room.
func (l *Log) AppendReserved(record []byte, done func(error)) (Position, error) {
	return l.append(record, done, true)
}

func (l *Log) append(record []byte, done func(error), reserved bool) (Position, error) {
	cost := Cost(len(record))
	if cost > l.largest {
		return Position{}, fmt.Errorf("%w: %d bytes", ErrTooLarge, len(record))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.admit(cost, reserved); err != nil {
		return Position{}, err
	}
	g := l.cur
	if g.first.IsZero() {
		g.first = time.Now()
		l.nudge()
	}
	at := l.place(record, done)
	if l.cur.waiters == company && done != nil || len(g.buf) >= plenty {
		l.nudge()
	}
	l.wakePreparerIfNeeded()
	return at, nil
}

// admit waits until there is room for cost bytes, or tells why there is none. The caller holds mu.
func (l *Log) admit(cost int64, reserved bool) error {
	for {
		if l.closing {
			return ErrClosed
		}
		if l.buffered+cost > maxBuffer {
			return ErrOverload
		}
		if reserved && cost <= l.reserved {
			l.reserved -= cost
			return nil
		}
		if l.failing {
			return nil // into memory: the file is asked for when it can be written
		}
		if free, fits := l.freeAfter(cost); fits && free >= l.reserved {
			return nil
		}
		if err := l.awaitSegment(); err != nil {
			return err
		}
	}
}

// place lays a record out at the end of the log and adds it to the current group. The caller holds mu.
func (l *Log) place(record []byte, done func(error)) Position {
	cost := Cost(len(record))
	if l.tail.offset+cost > l.o.SegmentSize {
		l.begin()
	}
	at := Position{Segment: l.tail.segment, Offset: uint32(l.tail.offset + frameSize), Length: uint32(len(record))}
	l.put(typeData, record)
	l.cur.entries = append(l.cur.entries, entry{at: at, done: done})
	if done != nil {
		l.cur.waiters++
	}
	l.pending++
	return at
}

// put adds a record to the current group and moves the end of the log behind it. The caller holds mu.
func (l *Log) put(kind byte, payload []byte) {
	l.cur.add(l.tail, kind, payload)
	cost := Cost(len(payload))
	l.tail.offset += cost
	l.buffered += cost
	l.last = l.tail
	l.segments[len(l.segments)-1].used = l.tail.offset
}

// begin makes the next segment the active one, with its first record, which names the end of the log so far. If no file
// is prepared the committer waits for one. The caller holds mu.
func (l *Log) begin() {
	before := l.last
	l.tail = mark{l.tail.segment + 1, headerSize}
	s := &segment{number: l.tail.segment, created: time.Now()}
	if len(l.spares) > 0 {
		s = l.spares[0]
		l.spares = l.spares[1:]
	}
	l.segments = append(l.segments, s)
	start := encodeStart(before)
	l.put(typeStart, start[:])
}

// Roll closes the active segment and begins the next, unless no record is in it.
func (l *Log) Roll() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		if l.closing {
			return ErrClosed
		}
		if l.tail.offset == dataStart {
			return nil
		}
		if l.failing || len(l.spares) > 0 && l.whole()*int64(len(l.spares)-1)+max(0, l.o.SegmentSize-dataStart-l.largest) >= l.reserved {
			break
		}
		if err := l.awaitSegment(); err != nil {
			return err
		}
	}
	if l.cur.first.IsZero() {
		l.cur.first = time.Now()
		l.nudge()
	}
	l.begin()
	l.wakePreparerIfNeeded()
	l.o.Log.Debug("seglog: next segment", zap.String("dir", l.o.Dir), zap.Uint64("segment", l.tail.segment))
	return nil
}

// nudge wakes the committer if it sleeps. The caller holds mu.
func (l *Log) nudge() {
	if !l.sleeping {
		return
	}
	l.sleeping = false
	select {
	case l.wake <- struct{}{}:
	default:
	}
}
