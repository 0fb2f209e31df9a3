package seglog

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"tollgate/crashpoint"
)

// SegmentInfo is what can be told of a segment.
type SegmentInfo struct {
	Number  uint64
	Used    int64 // bytes, with its header
	Created time.Time
	Active  bool // records are appended to it
}

// Segments lists the segments that hold records, oldest first. Before the first record of this run none is active.
func (l *Log) Segments() []SegmentInfo {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := make([]SegmentInfo, 0, len(l.segments))
	for _, s := range l.segments {
		list = append(list, SegmentInfo{Number: s.number, Used: s.used, Created: s.created, Active: l.active(s)})
	}
	return list
}

func (l *Log) active(s *segment) bool { return s.number == l.tail.segment && !s.old }

// ErrNotOldest refuses the removal of a segment that is not the oldest, or that is the active one.
var ErrNotOldest = errors.New("not the oldest closed segment")

// RemoveOldest removes the segment with this number, which must be the oldest and not the active one, and forces that to the
// disk. After an error it may be tried again.
func (l *Log) RemoveOldest(number uint64) error {
	l.removing.Lock()
	defer l.removing.Unlock()
	if l.unsettled(number) {
		if err := l.Flush(); err != nil {
			return fmt.Errorf("seglog: removing segment %s: %w", segmentName(number), err)
		}
	}
	if err := l.removable(number); err != nil {
		return fmt.Errorf("seglog: removing segment %s: %w", segmentName(number), err)
	}
	crashpoint.Hit("seglog.remove.before")
	err := l.fs.Remove(l.path(segmentName(number)))
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		err = l.fs.SyncDir(l.o.Dir)
	}
	if err != nil {
		l.note(err)
		return fmt.Errorf("seglog: removing segment %s: %w", segmentName(number), err)
	}
	crashpoint.Hit("seglog.remove.after")
	l.removed(number)
	return nil
}

// unsettled tells whether records of the segment are still on their way to the disk.
func (l *Log) unsettled(number uint64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.pending > 0 && number >= l.trusted.segment
}

func (l *Log) removable(number uint64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closing {
		return ErrClosed
	}
	if len(l.segments) == 0 || l.segments[0].number != number || l.active(l.segments[0]) {
		return ErrNotOldest
	}
	if len(l.void)+l.voiding > 0 {
		l.wakePreparer()
		return errVoid
	}
	return nil
}

// errVoid is why no segment can be removed: it may be the one that says that another is void, and that one's records
// would come back.
var errVoid = errors.New("void segments are not removed yet")

func (l *Log) removed(number uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.segments) == 0 || l.segments[0].number != number {
		return
	}
	if f := l.segments[0].file; f != nil {
		f.Close() // read only by now
	}
	l.segments = l.segments[1:]
	for from, to := range l.forward {
		if to.Segment == number {
			delete(l.forward, from)
		}
	}
	l.prepareAt = time.Time{} // there is room now, perhaps
	l.wakePreparer()
}

// Stats are counts since Open and what is at the moment.
type Stats struct {
	Commits  int64 // groups written
	Syncs    int64 // files synced
	Bytes    int64 // written in groups
	Errors   int64 // failed attempts to write, sync, prepare or remove
	Reserved int64 // bytes
	Free     int64 // bytes that are preallocated and can be appended, however the records come
	Pending  int   // records that are not as durable as Sync asks, or, with an interval, not synced
	Buffered int64 // their bytes
	Spares   int   // segments prepared
	Failing  bool  // the last attempt to write failed; the records wait in memory
	Full     bool  // the last attempt to prepare a segment met a full disk

	LastError   error // nil if there was none
	LastErrorAt time.Time
}

// Stats tells how the log is doing.
func (l *Log) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	return Stats{
		Commits: l.commits, Syncs: l.syncs.Load(), Bytes: l.bytes, Errors: l.errors,
		Reserved: l.reserved, Free: l.free(), Pending: l.pending, Buffered: l.buffered, Spares: len(l.spares),
		Failing: l.failing, Full: errors.Is(l.prepareErr, ErrFull),
		LastError: l.lastErr, LastErrorAt: l.lastErrAt,
	}
}
