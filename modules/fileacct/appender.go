package fileacct

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"sync"
	"time"

	"go.uber.org/zap"

	"tollgate/config"
)

// recheck is how long a file that was renamed or deleted may go unnoticed.
const recheck = time.Second

// appender writes whole lines to a file that others may rename, delete or truncate meanwhile. A write that fails leaves
// nothing behind.
//
// Locks: syncing before mu before the file's own lock. Whoever closes or exchanges the file holds the first two, so an
// fsync never meets a closed file.
type appender struct {
	path    string
	policy  config.Sync
	log     *zap.Logger
	open    func(path string) (file, error) // for appending
	reopens func(path string) (file, error) // a file that was written before, to look what is in it
	recheck time.Duration

	syncing sync.Mutex // held during an fsync

	mu      sync.Mutex
	file    file // nil: not open
	info    fs.FileInfo
	size    int64     // where the next line begins, unless somebody else writes to the file
	torn    bool      // the file ends inside a line
	left    int64     // where a line of ours that could not be cut begins, at the end of the file; -1 for none
	foreign int       // how often somebody else changed the file
	dirty   bool      // there are lines since the last fsync
	checked time.Time // when path was last compared with file
	batch   *batch    // lines that wait for the next fsync; only with Sync=always

	stop chan struct{}
	done sync.WaitGroup
}

func newAppender(path string, policy config.Sync, log *zap.Logger) *appender {
	return &appender{path: path, policy: policy, log: log, open: openFile, reopens: openWritten, recheck: recheck}
}

func (a *appender) start() error {
	if err := a.reopen(); err != nil {
		return err
	}
	if a.policy.Every > 0 {
		a.stop = make(chan struct{})
		a.done.Go(a.flushRegularly)
	}
	return nil
}

// flushRegularly is the background half of Sync=interval.
func (a *appender) flushRegularly() {
	ticker := time.NewTicker(a.policy.Every)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			if err := a.flush(); err != nil {
				a.log.Error("CDR lines may not have reached the disk", zap.String("file", a.path), zap.Error(err))
			}
		case <-a.stop:
			return
		}
	}
}

func (a *appender) close() error {
	if a.stop != nil {
		close(a.stop)
		a.done.Wait()
		a.stop = nil
	}
	a.syncing.Lock()
	defer a.syncing.Unlock()
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.retire()
}

// append writes buf without its first byte. That byte is a line feed for the case that the file ends inside a line; the
// last byte is the line feed of the line itself. If the line cannot stand at the place given, nothing is written and the
// answer is errMoved; nil is any place. ctx ends the wait for another program's lock.
func (a *appender) append(ctx context.Context, buf []byte, at *place) error {
	if err := a.ready(); err != nil {
		return err
	}
	offset, err := a.write(ctx, buf, at)
	if err != nil || !a.policy.Always {
		a.mu.Unlock()
		return err
	}
	b, leads := a.join(offset)
	a.mu.Unlock()
	if leads {
		a.commit(b)
	}
	<-b.done
	return b.err
}

// ready takes mu, with the file of path open; not if there is an error.
func (a *appender) ready() error {
	a.mu.Lock()
	for moved := a.moved(); moved; moved = a.file == nil {
		a.mu.Unlock()
		if err := a.reopen(); err != nil {
			return err
		}
		a.mu.Lock()
	}
	return nil
}

// moved tells whether path is no longer the file that is open. It asks the system once per recheck only. The caller
// holds mu.
func (a *appender) moved() bool {
	if a.file == nil {
		return true
	}
	now := time.Now()
	if now.Sub(a.checked) < a.recheck {
		return false
	}
	a.checked = now
	info, err := os.Stat(a.path)
	if err != nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	return !os.SameFile(info, a.info)
}

// reopen leaves the present file, if any, and opens path.
func (a *appender) reopen() error {
	a.syncing.Lock()
	defer a.syncing.Unlock()
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.retire(); err != nil {
		a.log.Error("closing the former CDR file", zap.String("file", a.path), zap.Error(err))
	}
	f, err := a.open(a.path)
	if err != nil {
		return err
	}
	if err := a.adopt(f); err != nil {
		f.Close()
		return err
	}
	return nil
}

// adopt makes f the open file. The caller holds both locks.
func (a *appender) adopt(f file) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	a.torn, a.left = false, -1
	if info.Mode().IsRegular() {
		if a.torn, err = endsInsideLine(f, info.Size()); err != nil {
			return err
		}
	} else {
		f = device{f}
	}
	if a.torn {
		a.log.Warn("the CDR file ends inside a line: the next line begins on a new one", zap.String("file", a.path))
	}
	a.file, a.info, a.size, a.checked = f, info, info.Size(), time.Now()
	return nil
}

// retire flushes and closes the open file, if any, and settles the batch that waits for it. The caller holds both locks.
func (a *appender) retire() error {
	if a.file == nil {
		return nil
	}
	var err error
	if a.dirty && (a.policy.Always || a.policy.Every > 0) {
		err = a.file.Sync()
	}
	if a.batch != nil {
		a.batch.err, a.batch.settled = err, true
		a.batch = nil
	}
	a.dirty = false
	err = errors.Join(err, a.file.Close())
	a.file = nil
	return err
}
