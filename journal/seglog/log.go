package seglog

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"tollgate/config"
)

// Options are how a log is opened.
type Options struct {
	Dir         string        // created if it is not there
	Kind        string        // at most 8 bytes; stands in each segment's header, and a directory of another kind is refused
	SegmentSize int64         // bytes, preallocated; default 8 MiB, at least 4 KiB, at most 1 GiB
	Spare       int           // segments kept preallocated ahead of the active one beyond what reservations ask; default 1
	Sync        config.Sync   // when records are as durable as the caller wants
	Gather      time.Duration // how long a commit waits for company when few wait; default 2 ms, below 0: not at all
	FS          FS            // nil: the operating system's
	Moved       func(from, to Position)
	Log         *zap.Logger // nil: no log
}

// Log is an open log. Its methods are safe for concurrent use.
//
// Options.Moved is told that a record lies elsewhere than Append has said, because its segment failed: before its done if that
// is told nil, on the same goroutine. Read knows both positions until the process ends. It must not wait for the log.
type Log struct {
	o       Options
	fs      FS
	largest int64 // Cost of the largest record
	lock    io.Closer

	wake, prepareWake         chan struct{}
	commitTimer, prepareTimer *time.Timer
	tell                      chan *group
	loops                     sync.WaitGroup
	removing                  sync.Mutex // one removal at a time
	syncs                     atomic.Int64
	dirty                     []*segment // written to since the last sync; the committer's own

	mu       sync.Mutex
	changed  sync.Cond // an attempt to make a segment has ended, or the log closes
	closing  bool
	drained  bool // the committer has ended
	sleeping bool // the committer waits
	tail     mark // where the next record will lie
	last     mark // the end of the log; tail, unless no segment was begun yet

	segments []*segment // oldest first; the last is the active one, once it was begun
	spares   []*segment // prepared, in order, the next after tail first
	void     []*segment // to be removed
	voiding  int        // of them, those that the preparer is removing
	forward  map[Position]Position

	cur, writing *group   // what comes in, and what the committer has taken
	held         []*group // written but not synced, or not written and to be tried again
	heldBytes    int64
	idle         []*group
	buffered     int64 // bytes that are not durable
	pending      int   // records that are not durable
	trusted      mark  // everything before it is as durable as Sync asks
	writtenTo    mark
	syncedAt     time.Time

	failing    bool // what could not be written waits in memory
	triedAt    time.Time
	prepareErr error
	prepareAt  time.Time
	attempts   int64 // to make a segment
	given      int64 // how often room was given back
	urged      bool  // somebody waits for the next

	reserved, asked int64
	commits, bytes  int64
	errors          int64
	lastErr         error
	lastErrAt       time.Time
}

// Open locks the directory, replays every sound record, oldest first, and then is ready to append, always to a segment of
// its own. The slice is valid during the call only. An error of visit ends it. The report says what was not sound.
func Open(o Options, visit func(p Position, record []byte) error) (*Log, Report, error) {
	l, err := newLog(o)
	if err != nil {
		return nil, Report{}, err
	}
	if err := l.fs.MkdirAll(l.o.Dir); err != nil {
		return nil, Report{}, fmt.Errorf("seglog: creating %s: %w", l.o.Dir, err)
	}
	if l.lock, err = l.fs.Lock(l.path("lock")); err != nil {
		return nil, Report{}, fmt.Errorf("seglog: locking %s: %w", l.o.Dir, err)
	}
	report, err := l.recover(visit)
	if err != nil {
		return nil, report, errors.Join(err, l.closeFiles())
	}
	l.loops.Add(3)
	go l.prepareLoop()
	go l.commitLoop()
	go l.tellLoop()
	l.awaitFirst()
	return l, report, nil
}

func newLog(o Options) (*Log, error) {
	if o.SegmentSize == 0 {
		o.SegmentSize = 8 << 20
	}
	if o.SegmentSize < minSegment || o.SegmentSize > maxSegment || o.SegmentSize%8 != 0 {
		return nil, fmt.Errorf("seglog: segments of %d bytes are not between 4 KiB and 1 GiB", o.SegmentSize)
	}
	if len(o.Kind) > 8 {
		return nil, fmt.Errorf("seglog: kind %q has more than 8 bytes", o.Kind)
	}
	if o.Spare == 0 {
		o.Spare = 1
	}
	if o.Gather == 0 {
		o.Gather = 2 * time.Millisecond
	}
	if o.FS == nil {
		o.FS = OS{}
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	l := &Log{
		o: o, fs: o.FS,
		largest:      min(Cost(MaxRecord), (o.SegmentSize-dataStart)/2&^7),
		wake:         make(chan struct{}, 1),
		prepareWake:  make(chan struct{}, 1),
		commitTimer:  time.NewTimer(time.Hour),
		prepareTimer: time.NewTimer(time.Hour),
		tell:         make(chan *group, 2),
		forward:      map[Position]Position{},
		cur:          new(group),
	}
	l.changed.L = &l.mu
	return l, nil
}

// awaitFirst waits until the first segment is prepared, or cannot be, so that the first records find room.
func (l *Log) awaitFirst() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.spares) == 0 && l.attempts == 0 {
		l.changed.Wait()
	}
}

// Flush returns when everything appended so far is on the disk (with Sync none: written), or with the error.
func (l *Log) Flush() error { return l.flush(false) }

// Force is Flush that forces what was appended so far to the disk whatever Sync says. Whoever is about to remove what is
// durable already needs it.
func (l *Log) Force() error { return l.flush(true) }

func (l *Log) flush(force bool) error {
	told := make(chan error, 1)
	l.mu.Lock()
	if l.closing {
		l.mu.Unlock()
		return ErrClosed
	}
	l.cur.force = l.cur.force || force
	l.cur.flushes = append(l.cur.flushes, told)
	l.nudge()
	l.mu.Unlock()
	return <-told
}

// Close flushes, tells all waiters, ends all goroutines and closes all files. Its error says what was lost.
func (l *Log) Close() error {
	l.mu.Lock()
	if l.closing {
		l.mu.Unlock()
		return ErrClosed
	}
	l.closing = true
	l.nudge()
	l.changed.Broadcast()
	l.mu.Unlock()
	l.loops.Wait()
	var err error
	if l.failing {
		err = fmt.Errorf("seglog: closing %s: %d records were not written: %w", l.o.Dir, l.pending, l.lastErr)
	}
	return errors.Join(err, l.closeFiles())
}

// closeFiles lets go of everything. Nothing runs any more.
func (l *Log) closeFiles() error {
	l.removing.Lock()
	defer l.removing.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, list := range [][]*segment{l.segments, l.spares, l.void} {
		for _, s := range list {
			if s.file != nil {
				s.file.Close() // what had to be synced is
			}
		}
	}
	if err := l.lock.Close(); err != nil {
		return fmt.Errorf("seglog: unlocking %s: %w", l.o.Dir, err)
	}
	return nil
}
