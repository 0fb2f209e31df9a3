package cdr

import "time"

// milestone names one of a Record's times.
type milestone uint8

const (
	atSetup milestone = iota
	atAlerting
	atConnected
	atDisconnected
	atNow
	milestones
)

// times are the record's times, to be read or set.
func (r *Record) times() [milestones]*time.Time {
	return [milestones]*time.Time{&r.Setup, &r.Alerting, &r.Connected, &r.Disconnected, &r.Now}
}

func (r *Record) time(m milestone) time.Time { return *r.times()[m] }

func (r *Record) happened(m milestone) bool { return !r.time(m).IsZero() }

// measured is what a decoded record knows of the monotonic clock that its times were taken from: a time.Time cannot hold
// the reading of another process. It never changes once made, so that copies of a record may share it.
type measured [milestones]reading

// reading is that of the time which shows wall. A time that was set later is another one, and has no reading here.
type reading struct {
	known bool
	wall  int64         // Unix nanoseconds
	clock time.Duration // since the first time that has a reading
}

func (m *measured) of(at milestone, t time.Time) (time.Duration, bool) {
	return m[at].clock, m[at].known && m[at].wall == t.UnixNano()
}

// between is the time from one milestone to another, both of which have happened, by the best clock that both have.
func (r *Record) between(from, to milestone) time.Duration {
	a, b := r.time(from), r.time(to)
	if r.measured != nil {
		x, ok := r.measured.of(from, a)
		y, both := r.measured.of(to, b)
		if ok && both {
			return y - x
		}
	}
	return b.Sub(a)
}

// Resume makes a decoded record that of a call which goes on in this process. Setup becomes the time given, and every other
// time comes to lie as long after it as it did in the record that was encoded; later times may then be set as in any other
// record. If the process runs in the boot in which the call began, setup should have a monotonic reading (as time.Now has,
// less what CLOCK_BOOTTIME says has passed), so that it can be compared with times to come. clock says where setup is
// from; the record keeps the worse of the two. Of a record without Setup the first time stands in for it.
func (r *Record) Resume(setup time.Time, clock Clock) {
	times := r.times()
	first := atSetup
	for first < atNow && !r.happened(first) {
		first++
	}
	var since [milestones]time.Duration
	for m := first; m < milestones; m++ {
		since[m] = r.between(first, m)
	}
	for m, t := range times {
		if !t.IsZero() {
			*t = setup.Add(since[m])
		}
	}
	r.measured = nil
	r.Clock = max(r.Clock, clock)
}

// readings are those of the record's times, if they say anything that wall time does not.
func (r *Record) readings() (m measured, tell bool) {
	first := milestones
	for i, t := range r.times() {
		at := milestone(i)
		var clock time.Duration
		var known bool
		if r.measured != nil {
			clock, known = r.measured.of(at, *t)
		} else if known = isMonotonic(*t); known && first < milestones {
			clock = r.between(first, at)
		}
		if !known {
			continue
		}
		first = min(first, at)
		m[at] = reading{known: true, wall: t.UnixNano(), clock: clock}
		tell = tell || m[at].step(&m[first]) != 0
	}
	return m, tell
}

// step is how far the wall clock was set back between the reading first and this one.
func (r *reading) step(first *reading) time.Duration {
	return r.clock - first.clock - time.Duration(r.wall-first.wall)
}

// isMonotonic tells whether the time has a reading of this process's monotonic clock, which Round takes away.
func isMonotonic(t time.Time) bool { return t != t.Round(0) }
