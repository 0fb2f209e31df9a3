package acctstack

import (
	"time"

	"go.uber.org/zap"
)

// When an instance is down: after that many failures in a row, or when one failure has been followed by nothing better for
// that long. A single failure among successes is neither.
const (
	downAfter     = 3
	downAfterTime = 5 * time.Second
)

// health is how an instance is doing, by its answers to walks and to late deliveries. Permanent errors and next say
// nothing of it, since the backend has answered.
type health struct {
	state    State
	since    time.Time
	row      int       // failures in a row
	doubtful time.Time // when the row began
	lastErr  string
}

// well tells that no success could change anything.
func (h *health) well() bool { return h.state == Up && h.row == 0 }

// succeeded takes the news that the instance has stored something: it opens for late deliveries at once.
func (q *queue) succeeded() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.row = 0
	q.successes++
	q.wait, q.until = 0, time.Time{}
	if q.state == Down {
		q.turn(q.rising())
	}
	q.look()
	q.kick()
}

// rising is the state of an instance that stores something.
func (q *queue) rising() State {
	if q.size() > 0 {
		return Draining
	}
	return Up
}

// failed takes the news of a failure that says something of the instance.
func (q *queue) failed(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.row++
	q.lastErr = err.Error()
	now := time.Now()
	if q.row == 1 {
		q.doubtful = now
	}
	if q.wait == 0 {
		q.backOff(now, firstWait)
	}
	if q.row >= downAfter {
		q.turn(Down)
	}
	q.look()
	q.kick()
}

// doubt turns the instance down when a failure has stood long enough, else it tells when that will be; zero is never.
func (q *queue) doubt(now time.Time) time.Time {
	if q.row == 0 || q.state == Down {
		return time.Time{}
	}
	at := q.doubtful.Add(downAfterTime)
	if now.Before(at) {
		return at
	}
	q.turn(Down)
	return time.Time{}
}

// drained is the end of a backlog.
func (q *queue) drained() {
	if q.state == Draining {
		q.turn(Up)
	}
	if q.courier != nil {
		q.courier.nudge()
	}
}

// turn changes the state and tells it once.
func (q *queue) turn(state State) {
	if q.state == state {
		return
	}
	before := q.state
	q.state, q.since = state, time.Now()
	log := q.k.log.Named(q.name)
	if state == Down {
		log.Warn("the module is down", zap.Int("backlog", q.size()), zap.String("reason", q.lastErr))
	} else {
		log.Info("the module is "+state.String(), zap.Int("backlog", q.size()))
	}
	if q.k.watcher != nil {
		q.k.watcher.StateChanged(q.status(q.present()), before)
	}
}

// status is what can be told of the instance now. in is the one whose counters are meant; nil if no stack has it.
func (q *queue) status(in *instance) Status {
	s := Status{Counters: q.totals, State: q.state, Since: q.since, Backlog: q.size()}
	s.Quarantined = q.aside
	if in != nil {
		s.Counters = in.counters()
		s.Counters.Kept, s.Counters.Quarantined, s.Counters.Dropped = q.totals.Kept, q.totals.Quarantined, q.totals.Dropped
	}
	s.Instance = q.name
	if q.state != Up {
		s.Reason = q.lastErr
	}
	if oldest, ok := q.ages.first(); ok {
		s.Oldest = oldest.time
	}
	return s
}

// present is the instance that delivers; nil if no stack has it.
func (q *queue) present() *instance {
	if q.courier == nil {
		return nil
	}
	return q.courier.in
}
