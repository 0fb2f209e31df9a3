package fileacct

import (
	"context"
	"time"

	"tollgate/crashpoint"
)

// batch is the lines that wait for one and the same fsync. Its first writer leads it: it makes the fsync, the others
// wait for done.
type batch struct {
	file    file
	start   int64 // where its first line begins in the file
	foreign int   // appender.foreign at that time
	settled bool  // it got its result before its leader came to the fsync; guarded by appender.mu
	err     error // valid once done is closed
	done    chan struct{}
}

// join enters the line that was just written at offset into the open batch and tells whether the caller leads it.
// The caller holds mu.
func (a *appender) join(offset int64) (b *batch, leads bool) {
	if a.batch == nil {
		a.batch = &batch{file: a.file, start: offset, foreign: a.foreign, done: make(chan struct{})}
		leads = true
	}
	return a.batch, leads
}

// commit makes the fsync of b and wakes its waiters. While it runs, the next batch fills.
func (a *appender) commit(b *batch) {
	a.syncing.Lock()
	defer a.syncing.Unlock()
	defer close(b.done)
	a.mu.Lock()
	settled := b.settled
	if a.batch == b {
		a.batch = nil
	}
	a.mu.Unlock()
	if settled {
		return
	}
	b.err = b.file.Sync()
	crashpoint.Hit("fileacct.sync.after")
	if b.err != nil {
		a.undo(b)
	}
}

// undoPatience is how long undo waits for another program that has locked the file.
const undoPatience = time.Second

// undo takes the lines of b, and those written since, out of the file again, so that an event that failed can be stored
// later without its line standing there twice. It leaves them when somebody else has written to the file since: what was
// noted finds them there.
func (a *appender) undo(b *batch) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.file != b.file || !a.takeBack(b) {
		return
	}
	if a.batch != nil {
		a.batch.err, a.batch.settled = b.err, true
		a.batch = nil
	}
}

func (a *appender) takeBack(b *batch) bool {
	ctx, cancel := context.WithTimeout(context.Background(), undoPatience)
	defer cancel()
	if err := lock(ctx, a.file); err != nil {
		return false
	}
	defer a.unlock()
	if a.foreign != b.foreign || !a.cut(b.start, a.size) {
		return false
	}
	a.torn, a.left = true, -1 // the next line looks how the file ends now
	return true
}

// flush makes an fsync if there are lines that had none.
func (a *appender) flush() error {
	a.syncing.Lock()
	defer a.syncing.Unlock()
	a.mu.Lock()
	f, dirty := a.file, a.dirty
	a.dirty = false
	a.mu.Unlock()
	if f == nil || !dirty {
		return nil
	}
	err := f.Sync()
	crashpoint.Hit("fileacct.sync.after")
	return err
}
