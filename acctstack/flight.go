package acctstack

import (
	"slices"
	"time"
)

// grace is how long an attempt may go on past its Timeout, at which its context ends, before its courier does without it.
const grace = 2 * time.Second

// A late delivery whose module does not return, though its context has ended, is given up as the attempt of a walk is: it counts
// as failed and open, its worker is free for others, and its copy waits until it returns. So a few that hang do not stop the
// backlog, and no more than maxOpen can hang.

// takeOff notes that the module has the event now.
func (c *courier) takeOff(ev *Event, a *attempt) {
	if c.in.timeout == 0 {
		return
	}
	c.q.mu.Lock()
	defer c.q.mu.Unlock()
	a.event, a.overdue = ev, time.Now().Add(c.in.timeout+grace)
	c.flying = append(c.flying, a)
}

// land notes that the module has returned. It is true if the attempt had been given up.
func (c *courier) land(a *attempt) (late bool) {
	c.q.mu.Lock()
	defer c.q.mu.Unlock()
	if a.givenUp {
		c.in.open.Add(-1)
		return true
	}
	if i := slices.Index(c.flying, a); i >= 0 {
		c.flying = slices.Delete(c.flying, i, i+1)
	}
	return false
}

// overdue gives up the attempts that have not returned in time.
func (c *courier) overdue() (all []*attempt) {
	c.q.mu.Lock()
	defer c.q.mu.Unlock()
	now := time.Now()
	c.flying = slices.DeleteFunc(c.flying, func(a *attempt) bool {
		if now.Before(a.overdue) {
			return false
		}
		a.givenUp = true
		c.in.open.Add(1)
		c.working--
		c.q.missed(a, now)
		c.q.probed(a)
		all = append(all, a)
		return true
	})
	return all
}

// soonestOverdue is when overdue has to be called next; zero is never. An attempt that is about to take off is looked after by
// the time that it would have now.
func (c *courier) soonestOverdue(now time.Time) time.Time {
	if c.working == 0 || c.in.timeout == 0 {
		return time.Time{}
	}
	soonest := now.Add(c.in.timeout + grace)
	for _, a := range c.flying {
		if a.overdue.Before(soonest) {
			soonest = a.overdue
		}
	}
	return soonest
}
