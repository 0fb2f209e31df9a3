package seglog

import (
	"fmt"
	"time"

	"tollgate/crashpoint"

	"go.uber.org/zap"
)

const (
	retryEvery = time.Second            // at least so often is tried what failed
	retryMuch  = 250 * time.Millisecond // at most so often, if it is much
	much       = 1 << 20
	heldMost   = 16 << 20 // bytes written but not synced that Sync interval keeps in memory
	forever    = time.Duration(1<<63 - 1)
)

// commitLoop writes one group after the other. It alone writes and syncs records.
func (l *Log) commitLoop() {
	defer l.loops.Done()
	defer close(l.tell)
	for {
		g, sync, last := l.next()
		l.commit(g, sync)
		if last {
			l.mu.Lock()
			l.drained = true
			l.changed.Broadcast()
			l.wakePreparer()
			l.mu.Unlock()
			return
		}
	}
}

// next waits until it is time for a commit and takes what is there. It tells whether what is written must be synced now,
// and whether it is the last commit.
func (l *Log) next() (g *group, sync, last bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		now := time.Now()
		wait := l.due(now)
		if wait <= 0 {
			break
		}
		l.sleeping = true
		l.mu.Unlock()
		sleep(l.commitTimer, wait, l.wake)
		l.mu.Lock()
		l.sleeping = false
	}
	g = l.cur
	l.cur = l.fresh()
	l.writing = g
	interval := l.o.Sync.Every > 0 && !l.o.Sync.Always
	sync = l.o.Sync.Always || g.force ||
		interval && (l.closing || len(g.flushes) > 0 || l.heldBytes >= heldMost || time.Since(l.syncedAt) >= l.o.Sync.Every)
	return g, sync, l.closing
}

// due is how long the next commit has to wait still. The caller holds mu.
func (l *Log) due(now time.Time) time.Duration {
	if l.closing || len(l.cur.flushes) > 0 {
		return 0
	}
	wait := forever
	if l.failing {
		wait = l.triedAt.Add(retryEvery).Sub(now)
	}
	if !l.cur.empty() {
		wait = min(wait, l.patience(now))
	}
	if l.heldBytes > 0 && !l.failing {
		wait = min(wait, l.syncedAt.Add(l.o.Sync.Every).Sub(now))
	}
	return wait
}

// patience is how long the current group waits for company. The caller holds mu.
func (l *Log) patience(now time.Time) time.Duration {
	if l.failing && l.buffered > much {
		return l.triedAt.Add(retryMuch).Sub(now)
	}
	if l.cur.waiters >= company || len(l.cur.buf) >= plenty {
		return 0
	}
	return l.cur.first.Add(l.o.Gather).Sub(now)
}

// sleep waits for the time or to be woken.
func sleep(timer *time.Timer, wait time.Duration, wake <-chan struct{}) {
	if wait == forever {
		<-wake
		return
	}
	timer.Reset(wait)
	select {
	case <-wake:
		timer.Stop()
	case <-timer.C:
	}
}

// commit makes g durable. When that fails everything that is not durable yet is laid out again in a new segment and
// written there; when that fails too it is kept for the next commit, and the waiters are told.
func (l *Log) commit(g *group, sync bool) {
	again := l.failing // only this goroutine changes it
	if again {
		g = l.layAgain(g)
	}
	err := l.store(g, sync)
	if err != nil && !again {
		l.note(err)
		g = l.layAgain(g)
		err = l.store(g, sync)
	}
	if err != nil {
		l.keep(g, err)
	} else {
		l.settle(g, sync)
	}
	crashpoint.Hit("seglog.told.before")
	l.tell <- g
}

// note counts an error. A segment that failed is left by layAgain.
func (l *Log) note(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.errors++
	l.lastErr, l.lastErrAt = err, time.Now()
}

// keep holds the records of g, which could not be stored, for later commits.
func (l *Log) keep(g *group, err error) {
	l.note(err)
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.failing {
		l.o.Log.Error("seglog: nothing can be written, records wait in memory", zap.String("dir", l.o.Dir), zap.Error(err))
	}
	l.failing, l.triedAt = true, time.Now()
	g.err = fmt.Errorf("seglog: writing to %s: %w", l.o.Dir, err)
	g.held, g.handed = true, true
	l.held, l.heldBytes, l.writing = append(l.held[:0], g), int64(len(g.buf)), nil
}

// settle ends a commit that went well.
func (l *Log) settle(g *group, sync bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failing {
		l.failing = false
		l.o.Log.Info("seglog: records are written again", zap.String("dir", l.o.Dir))
	}
	l.writing, g.handed = nil, true
	if !g.empty() {
		l.commits++
		l.bytes += int64(len(g.buf))
		l.writtenTo = g.end()
		g.held = true
		l.held = append(l.held, g)
		l.heldBytes += int64(len(g.buf))
	}
	if !sync && l.o.Sync.Every > 0 {
		return
	}
	l.trusted = l.writtenTo
	l.syncedAt = time.Now()
	for i, h := range l.held {
		l.buffered -= int64(len(h.buf))
		l.pending -= len(h.entries)
		h.held = false
		l.release(h)
		l.held[i] = nil
	}
	l.held, l.heldBytes = l.held[:0], 0
}
