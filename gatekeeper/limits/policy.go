package limits

import "time"

// policy is a Limit in the numbers that the counters need.
//
// A rate is kept as the generic cell rate algorithm does (ITU-T I.371 Annex A): of each party one number is stored, the
// theoretical arrival time tat at which all that was taken will have come back. A party that has taken nothing of late has
// a tat in the past.
type policy struct {
	calls    int64 // up at once, 0: any number
	interval int64 // ns between two calls at the rate, 0: there is no rate
	slack    int64 // ns by which calls may run ahead of the rate: one less than the burst, in intervals
}

// policy is the limit in numbers. One second's worth of calls may come at once, at least one.
func (l Limit) policy() policy {
	p := policy{calls: l.Calls}
	if l.Rate.Calls > 0 {
		p.interval = int64(l.Rate.Per) / l.Rate.Calls
		p.slack = (l.Rate.burst() - 1) * p.interval
	}
	return p
}

func (r Rate) burst() int64 { return max(1, r.Calls*int64(time.Second)/int64(r.Per)) }

// limited tells whether there is anything to count.
func (p policy) limited() bool { return p.calls > 0 || p.interval > 0 }

// allows tells whether the rate has room for a call.
func (p policy) allows(tat, now int64) bool { return p.interval == 0 || tat-now <= p.slack }

// take is the tat behind one more call.
func (p policy) take(tat, now int64) int64 {
	if p.interval == 0 {
		return tat
	}
	return max(tat, now) + p.interval
}

// clamp is a tat of another policy under this one: nobody has taken more than all.
func (p policy) clamp(tat, now int64) int64 { return min(tat, now+p.slack+p.interval) }
