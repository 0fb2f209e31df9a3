package journal

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"tollgate/acctstack"
	"tollgate/bootclock"
	"tollgate/cdr"
	"tollgate/crashpoint"
	"tollgate/journal/seglog"
)

// ErrFull is why a call cannot begin or an event cannot be kept: the disk has no room beyond what is promised already.
var ErrFull = seglog.ErrFull

// ErrNotKept is the answer to Load for an event that is not kept.
var ErrNotKept = errors.New("not kept")

var errNoChain = errors.New("the call has no chain")

// Options are how a journal is opened.
type Options struct {
	Dir      string // created with mode 0750 if it is not there
	Settings Settings
	FS       seglog.FS   // nil: the operating system's
	Log      *zap.Logger // nil: no log

	gather time.Duration // seglog's, for tests that are in a hurry
}

// Journal is an open journal. Its methods are safe for concurrent use.
type Journal struct {
	o      Options
	lock   io.Closer
	log    *seglog.Log
	ledger *ledger // nil if none is kept
	boot   cdr.UUID
	former alive // of the run before this one
	boots  cdr.UUID
	opened time.Time
	report seglog.Report

	mu        sync.Mutex
	x         *index
	old       uint64 // the last order of a former run
	buf       []byte // for one record, under mu
	promised  int64  // bytes that the log is to hold in reserve
	short     int64  // of them, what the disk had no room for
	compactor int64  // of them, what compaction may use
	busy      bool   // something was written since the last heartbeat
	serving   bool
	noRoom    atomic.Bool // the last call that was to begin found none
	cramped   bool        // the disk was full since the last compaction

	telling sync.Mutex // whoever tells waiters; taken before mu
	queue   queue
	tell    func(error) // told, as a value, made once

	fullUntil       atomic.Int64 // Begin finds no room before that, in nanoseconds since opened
	staleDropped    bool         // the maintainer's own
	compactFailures uint64       // in a row, the maintainer's own

	chains atomic.Int64 // events that are kept or noted, for Settle to see without the lock
	counts counters
	kick   chan struct{}
	stop   chan struct{}
	closed atomic.Bool
	work   sync.WaitGroup
}

// mainKind and ledgerKind stand in the headers of the files.
const (
	mainKind   = "main"
	ledgerKind = "ledger"
)

// Open opens the journal in a directory and reads what former runs have left in it. A second opener gets an error.
func Open(o Options) (*Journal, error) {
	if o.FS == nil {
		o.FS = seglog.OS{}
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	if err := o.FS.MkdirAll(o.Dir); err != nil {
		return nil, fmt.Errorf("journal: creating %s: %w", o.Dir, err)
	}
	lock, err := o.FS.Lock(filepath.Join(o.Dir, "lock"))
	if err != nil {
		return nil, fmt.Errorf("journal: opening %s, which another process may be using: %w", o.Dir, err)
	}
	j := &Journal{o: o, lock: lock, opened: time.Now(), kick: make(chan struct{}, 1), stop: make(chan struct{})}
	j.boot, _ = cdr.ParseUUID(bootclock.ID()) // zero if the system does not tell
	j.tell = j.told
	if err := j.open(); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	j.work.Go(j.maintain)
	return j, nil
}

func (j *Journal) open() error {
	p := newReplay()
	s := j.o.Settings
	log, report, err := seglog.Open(seglog.Options{
		Dir: filepath.Join(j.o.Dir, "log"), Kind: mainKind, SegmentSize: s.SegmentSize, Spare: 1, Sync: s.Sync, Gather: j.o.gather,
		FS: j.o.FS, Moved: j.moved, Log: j.o.Log,
	}, p.visit)
	if err != nil {
		return fmt.Errorf("journal: opening %s: %w", j.o.Dir, err)
	}
	j.log, j.report, j.x, j.old = log, report, p.index, p.order
	j.former, j.boots = p.alive.alive, p.alive.id
	j.chains.Store(int64(len(j.x.events)))
	j.counts.bad = uint64(p.bad)
	if p.bad > 0 {
		j.o.Log.Error("journal: records that make no sense were passed over", zap.Int("records", p.bad), zap.Error(p.lastBad))
	}
	j.x.alive.epoch = nextEpoch(p.alive.epoch, j.opened)
	j.promiseAll()
	if err := j.begin(); err != nil {
		return errors.Join(fmt.Errorf("journal: opening %s: %w", j.o.Dir, err), log.Close())
	}
	if s.LedgerKeep > 0 {
		j.ledger = openLedger(j.o)
	}
	return nil
}

// begin writes that this run is there, so that no later one takes its epoch. A journal on a full or failing disk opens all
// the same: the calls of the former run are to go on.
func (j *Journal) begin() error {
	j.mu.Lock()
	j.beat()
	j.mu.Unlock()
	crashpoint.Hit("journal.epoch.before")
	if err := j.log.Flush(); err != nil {
		if errors.Is(err, seglog.ErrClosed) {
			return err
		}
		j.o.Log.Error("journal: the begin of this run is not on the disk", zap.Error(err))
	}
	crashpoint.Hit("journal.epoch.after")
	return nil
}

// nextEpoch is the start of a run in Unix seconds, or, if the clock was set back or the former run began in the same
// second, one more than that of the former run.
func nextEpoch(former uint32, now time.Time) uint32 {
	return max(uint32(max(now.Unix(), 1)), former+1)
}

// Epoch is when this run began, in Unix seconds, but always greater than that of every former run.
func (j *Journal) Epoch() uint32 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.x.alive.epoch
}

// Alive is when a run was last known to be running, on both clocks.
type Alive struct {
	Time   time.Time     // wall clock; zero if there was no run
	Boot   time.Duration // CLOCK_BOOTTIME
	BootID string        // "" if it is not known
}

// Serving says that this run serves calls from now on. Before, what Open found counts as last alive when the former run was: a
// start that fails, or a tool that looks after what is kept, does not make a dead call last longer.
func (j *Journal) Serving() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.serving = true
	j.beat()
}

// LastAlive tells when the former run was last known to be running, to within about a second while it had calls. It is
// zero if there was none.
func (j *Journal) LastAlive() Alive { return j.former.export(j.boots) }

func (a alive) export(boot cdr.UUID) Alive {
	if a.epoch == 0 {
		return Alive{}
	}
	out := Alive{Time: time.Unix(0, a.wall), Boot: time.Duration(a.boot)}
	if boot != (cdr.UUID{}) {
		out.BootID = boot.String()
	}
	return out
}

// Close writes what waits, tells everybody who waits for it, and gives the directory free. Its error says what was lost. No
// other method may be called once it has begun, but Close again, which is an error.
func (j *Journal) Close() error {
	if j.closed.Swap(true) {
		return fmt.Errorf("journal: closing %s: %w", j.o.Dir, seglog.ErrClosed)
	}
	close(j.stop)
	j.work.Wait()
	j.mu.Lock()
	j.beat()
	j.mu.Unlock()
	err := j.log.Close()
	j.tellFailed()
	if j.ledger != nil {
		err = errors.Join(err, j.ledger.close())
	}
	return errors.Join(err, j.lock.Close())
}

var (
	_ acctstack.Spool  = (*Journal)(nil)
	_ acctstack.Ledger = (*Journal)(nil)
)
