package seglog

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"time"

	"tollgate/crashpoint"

	"go.uber.org/zap"
)

// segment is one segment of the log, or a spare one.
type segment struct {
	number  uint64
	created time.Time
	used    int64 // laid out or, in a segment of a former run, read
	file    File  // nil as long as it is not made or, in a segment of a former run, not opened
	old     bool  // of a former run
}

// slack is how many spare segments more than wanted are kept before the last is removed.
const slack = 4

// prepareLoop keeps enough segments preallocated and removes what is void. It alone makes segments.
func (l *Log) prepareLoop() {
	defer l.loops.Done()
	for {
		l.mu.Lock()
		void := l.takeVoid()
		number, wanted := l.wanted()
		wait := retryEvery
		if l.prepareErr == nil {
			wait = forever
		}
		stop := l.drained
		l.mu.Unlock()
		if l.discard(void) > 0 {
			wait = retryEvery
			void = nil
		}
		switch {
		case stop:
			return
		case wanted:
			s, err := l.makeSegment(number)
			l.prepared(s, err)
		case len(void) == 0:
			sleep(l.prepareTimer, wait, l.prepareWake)
		}
	}
}

// takeVoid takes the segments that are to be removed, among them a spare one if there are too many. The caller holds mu.
func (l *Log) takeVoid() []*segment {
	void := l.void
	l.void, l.voiding = nil, len(l.void)
	if n := len(l.spares); n > l.target()+slack && !l.closing {
		void = append(void, l.spares[n-1])
		l.spares = l.spares[:n-1]
	}
	return void
}

// wanted is the number of the segment to make next, if it is time to make one. The caller holds mu.
func (l *Log) wanted() (uint64, bool) {
	number, ok := l.owed()
	if !ok && (l.closing || len(l.spares) >= l.target()) {
		return 0, false
	}
	return number, l.urged || l.prepareErr == nil || time.Since(l.prepareAt) >= retryEvery
}

// owed is the first segment that records are laid out in and that has no file yet; without one, the next number. The
// caller holds mu.
func (l *Log) owed() (uint64, bool) {
	first := len(l.segments) // of the last segments, those without a file
	for first > 0 && l.segments[first-1].file == nil && !l.segments[first-1].old {
		first--
	}
	if first < len(l.segments) {
		return l.segments[first].number, true
	}
	return l.tail.segment + uint64(len(l.spares)) + 1, false
}

// prepared enters a new segment, or notes why there is none, and wakes who waits for it.
func (l *Log) prepared(s *segment, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if (err == nil) != (l.prepareErr == nil) {
		l.logPrepare(err)
	}
	l.attempts++
	l.urged, l.prepareErr, l.prepareAt = false, err, time.Now()
	if err != nil {
		l.errors++
		l.lastErr, l.lastErrAt = err, time.Now()
	} else {
		l.enter(s)
	}
	l.changed.Broadcast()
}

// enter puts a new segment where it is wanted. The caller holds mu.
func (l *Log) enter(s *segment) {
	if number, ok := l.owed(); s.number == number {
		if !ok {
			l.spares = append(l.spares, s)
			return
		}
		for _, o := range l.segments {
			if o.number == number {
				o.file, o.created = s.file, s.created
			}
		}
		return
	}
	l.void = append(l.void, s) // the log has gone past it meanwhile
}

func (l *Log) logPrepare(err error) {
	if err != nil {
		l.o.Log.Warn("seglog: no segment can be prepared", zap.String("dir", l.o.Dir), zap.Error(err))
		return
	}
	l.o.Log.Info("seglog: segments can be prepared again", zap.String("dir", l.o.Dir))
}

// awaitSegment waits for the next attempt to make a segment and tells why it failed. The caller holds mu, which is
// released meanwhile.
func (l *Log) awaitSegment() error {
	seen, given := l.attempts, l.given
	l.urged = true
	l.wakePreparer()
	for l.attempts == seen && !l.drained {
		l.changed.Wait()
		if l.given != given {
			return nil // there may be room without another segment, and then none is made
		}
	}
	if l.attempts == seen {
		return ErrClosed
	}
	return l.prepareErr
}

func (l *Log) wakePreparerIfNeeded() {
	if n, target := len(l.spares), l.target(); n < target || n > target+slack {
		l.wakePreparer()
	}
}

func (l *Log) wakePreparer() {
	select {
	case l.prepareWake <- struct{}{}:
	default:
	}
}

// makeSegment preallocates a segment under a temporary name and gives it its own when all of it is on the disk.
func (l *Log) makeSegment(number uint64) (*segment, error) {
	name, temp := l.path(segmentName(number)), l.path(segmentName(number)+tempSuffix)
	s := &segment{number: number, created: time.Now(), used: headerSize}
	f, err := l.fs.Create(temp)
	if err != nil {
		return nil, l.notPrepared(number, err)
	}
	crashpoint.Hit("seglog.roll.before")
	if err = l.fill(f, s); err == nil {
		if err = l.fs.Rename(temp, name); err == nil {
			if err = l.fs.SyncDir(l.o.Dir); err == nil {
				s.file = f
				crashpoint.Hit("seglog.roll.after")
				return s, nil
			}
		}
	}
	f.Close()
	for _, leftover := range []string{temp, name} { // whichever it was; Open removes what stays
		_ = l.fs.Remove(leftover)
	}
	return nil, l.notPrepared(number, err)
}

func (l *Log) fill(f File, s *segment) error {
	if err := f.Allocate(l.o.SegmentSize); err != nil {
		return err
	}
	h := header{kind: l.o.Kind, number: s.number, created: s.created, size: l.o.SegmentSize}
	if _, err := f.WriteAt(h.encode(), 0); err != nil {
		return err
	}
	return f.Sync()
}

func (l *Log) notPrepared(number uint64, err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		err = fmt.Errorf("%w: %w", ErrFull, err)
	}
	return fmt.Errorf("seglog: preparing segment %s in %s: %w", segmentName(number), l.o.Dir, err)
}

// discard removes segments that hold nothing, forces that to the disk, and tells how many are left for another try. What
// stays is void as long as the segment is there that says so, so the oldest is not removed before.
func (l *Log) discard(void []*segment) (left int) {
	var failed []*segment
	for _, s := range void {
		if s.file != nil {
			s.file.Close()
			s.file = nil
		}
		if err := l.fs.Remove(l.path(segmentName(s.number))); err != nil && !errors.Is(err, fs.ErrNotExist) {
			l.o.Log.Warn("seglog: removing void segment", zap.Uint64("segment", s.number), zap.Error(err))
			failed = append(failed, s)
		}
	}
	if len(void) > len(failed) {
		if err := l.fs.SyncDir(l.o.Dir); err != nil {
			l.o.Log.Warn("seglog: removing void segments", zap.Error(err))
			failed = void
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.void, l.voiding = append(l.void, failed...), 0
	return len(failed)
}
