package fileacct

import (
	"errors"
	"io/fs"
	"os"
	"sync"
	"time"

	"go.uber.org/zap"
)

// recheck is how long a file that was renamed or deleted may go unnoticed.
const recheck = time.Second

// appender writes whole lines to a file that others may rename, delete or truncate meanwhile. A write that fails leaves
// nothing behind.
//
// Locks: syncing before mu. Whoever closes or exchanges the file holds both, so an fsync never meets a closed file.
type appender struct {
	path    string
	policy  syncPolicy
	log     *zap.Logger
	open    func(path string) (file, error)
	recheck time.Duration

	syncing sync.Mutex // held during an fsync

	mu      sync.Mutex
	file    file // nil: not open
	info    fs.FileInfo
	size    int64     // where the next line begins, unless somebody else writes to the file
	torn    bool      // the file ends inside a line
	dirty   bool      // there are lines since the last fsync
	checked time.Time // when path was last compared with file
	batch   *batch    // lines that wait for the next fsync; only with Sync=always

	stop chan struct{}
	done sync.WaitGroup
}

func newAppender(path string, policy syncPolicy, log *zap.Logger) *appender {
	return &appender{path: path, policy: policy, log: log, open: openFile, recheck: recheck}
}

func (a *appender) start() error {
	if err := a.reopen(); err != nil {
		return err
	}
	if a.policy.every > 0 {
		a.stop = make(chan struct{})
		a.done.Go(a.flushRegularly)
	}
	return nil
}

// flushRegularly is the background half of Sync=interval.
func (a *appender) flushRegularly() {
	ticker := time.NewTicker(a.policy.every)
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
// last byte is the line feed of the line itself.
func (a *appender) append(buf []byte) error {
	a.mu.Lock()
	for moved := a.moved(); moved; moved = a.file == nil {
		a.mu.Unlock()
		if err := a.reopen(); err != nil {
			return err
		}
		a.mu.Lock()
	}
	offset := a.size
	if err := a.write(buf); err != nil {
		a.mu.Unlock()
		return err
	}
	if !a.policy.always {
		a.mu.Unlock()
		return nil
	}
	b, leads := a.join(offset)
	a.mu.Unlock()
	if leads {
		a.commit(b)
	}
	<-b.done
	return b.err
}

// write puts one line into the file in one system call, or nothing. The caller holds mu.
func (a *appender) write(buf []byte) error {
	if !a.torn {
		buf = buf[1:]
	}
	n, err := a.file.Write(buf)
	if err == nil {
		a.size += int64(n)
		a.torn = false
		a.dirty = true
		return nil
	}
	if n > 0 && !a.cut(a.size, a.size+int64(n)) {
		a.torn = true
	}
	return err
}

// cut shortens the file to the length to, if its length is still what we believe. The caller holds mu.
func (a *appender) cut(to, believed int64) bool {
	info, err := a.file.Stat()
	if err != nil || info.Size() != believed {
		return false
	}
	if err := a.file.Truncate(to); err != nil {
		a.log.Error("cutting an unfinished line", zap.String("file", a.path), zap.Error(err))
		return false
	}
	a.size = to
	return true
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
	if !os.SameFile(info, a.info) {
		return true
	}
	a.size = info.Size() // it may have been truncated
	return false
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
	a.torn = false
	if info.Mode().IsRegular() {
		if a.torn, err = endsInsideLine(f, info.Size()); err != nil {
			return err
		}
	} else {
		f = unsynced{f}
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
	if a.dirty && (a.policy.always || a.policy.every > 0) {
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

// unsynced is a pipe or device, which knows no fsync.
type unsynced struct{ file }

func (unsynced) Sync() error { return nil }
