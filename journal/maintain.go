package journal

import (
	"errors"
	"time"

	"go.uber.org/zap"

	"tollgate/bootclock"
	"tollgate/journal/seglog"
)

const (
	heartbeatEvery = time.Second
	expireEvery    = time.Minute
	fillStep       = 8 << 20          // bytes that are set aside at a time after a restart
	leastNoteKeep  = 10 * time.Minute // for notes of a former run where LedgerKeep is shorter
)

// maintain is the journal's own goroutine: heartbeats, compaction, expiry, and telling of what has failed.
func (j *Journal) maintain() {
	ticker := time.NewTicker(heartbeatEvery)
	defer ticker.Stop()
	var expired time.Time
	for {
		select {
		case <-j.stop:
			return
		case <-j.kick:
			j.tellFailed()
		case now := <-ticker.C:
			j.tick()
			j.lookForRoom()
			if now.Sub(expired) >= expireEvery {
				expired = now
				j.expire(now)
			}
		}
		j.fillUp()
		j.compact()
	}
}

// tick writes a heartbeat if something is going on: calls that live, or records that were written.
func (j *Journal) tick() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.busy || len(j.x.calls) > 0 {
		j.beat()
	}
	j.busy = false
}

// beat writes a heartbeat. The caller holds mu.
func (j *Journal) beat() {
	a := &j.x.alive
	if j.serving || j.former.epoch == 0 {
		a.wall, a.boot, a.id = time.Now().UnixNano(), int64(bootclock.Now()), j.boot
	} else { // nobody's call is up because of this run
		a.wall, a.boot, a.id = j.former.wall, j.former.boot, j.boots
	}
	j.buf = appendAlive(j.buf[:0], a.id, a.alive)
	cost := seglog.Cost(len(j.buf))
	at, err := j.log.Append(j.buf, j.tell)
	if errors.Is(err, ErrFull) && j.compactor >= cost {
		j.compactor -= cost
		if at, err = j.put(j.buf, &j.x.alive, nil); err == nil {
			j.x.alive.at = at
			return
		}
		j.compactor += cost
	}
	if err != nil {
		j.lose("a heartbeat", j.boot, err, nil)
		return
	}
	j.queue.push(pending{at: at, holder: &j.x.alive})
	j.x.alive.at = at
}

// fillUp sets aside what is still missing of what former runs have promised.
func (j *Journal) fillUp() {
	for !j.closed.Load() && j.fill(fillStep) {
	}
}

func (j *Journal) expire(now time.Time) {
	j.dropStaleNotes(now)
	if j.ledger == nil {
		return
	}
	if err := j.ledger.expire(now); err != nil {
		j.o.Log.Warn("journal: expiring the ledger", zap.Error(err))
	}
}

// makeRoom gives up what matters less than a call, and tells whether there was anything.
func (j *Journal) makeRoom() bool {
	j.mu.Lock()
	j.cramped = true
	j.mu.Unlock()
	j.wake()
	return j.ledger != nil && j.ledger.yield()
}
