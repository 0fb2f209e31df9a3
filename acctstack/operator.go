package acctstack

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"tollgate/cdr"
	"tollgate/config"
)

// Kept lists all copies in the order in which the events were kept, with what this run knows of the attempts to deliver them.
func (k *Keeping) Kept() []Kept {
	all := k.spool.Kept()
	for i := range all {
		k.queue(all[i].Instance).describe(&all[i])
	}
	return all
}

func (q *queue) describe(c *Kept) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if e := q.copies[c.ID]; e != nil {
		c.Attempts, c.Err = e.attempts, e.err
		if e.state == aside {
			c.Reason = e.reason
		}
	}
}

// Load reads a kept event.
func (k *Keeping) Load(id cdr.UUID) (*Event, error) { return k.spool.Load(id) }

// Retry has the instance's copy tried now, whatever the instance waits for. One in quarantine is released from it.
func (k *Keeping) Retry(id cdr.UUID, instance string) error {
	return k.one(id, instance, (*queue).retry)
}

// RetryAll is Retry for every copy of the instance; it gives their number.
func (k *Keeping) RetryAll(instance string) (int, error) {
	return k.each(instance, (*queue).retry)
}

// Drop takes the instance's copy away for good: the event is not delivered there.
func (k *Keeping) Drop(id cdr.UUID, instance string) error {
	return k.one(id, instance, func(q *queue, e *kept) {
		q.drop(e)
		k.log.Warn("kept event dropped by the operator", zap.String("module", q.name), zap.String("event", e.kind.String()), zap.Stringer("id", id))
	})
}

// DropAll is Drop for every copy of the instance; it gives their number.
func (k *Keeping) DropAll(instance string) (int, error) {
	n, err := k.each(instance, (*queue).drop)
	if err == nil {
		k.log.Warn("kept events dropped by the operator", zap.String("module", instance), zap.Int("events", n))
	}
	return n, err
}

// one does something with the instance's copy of an event, which must exist.
func (k *Keeping) one(id cdr.UUID, instance string, do func(*queue, *kept)) error {
	q, err := k.named(instance)
	if err != nil {
		return err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	e := q.copies[id]
	if e == nil {
		return fmt.Errorf("event %s is not kept for %s", id, instance)
	}
	do(q, e)
	return nil
}

// named is the queue of that name, without case, which must exist.
func (k *Keeping) named(instance string) (*queue, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for name, q := range k.queues {
		if strings.EqualFold(name, instance) {
			return q, nil
		}
	}
	return nil, fmt.Errorf("%s: no such module, and nothing is kept for it%s", instance, config.Hint(instance, slices.Collect(maps.Keys(k.queues))))
}

func (k *Keeping) each(instance string, do func(*queue, *kept)) (int, error) {
	q, err := k.named(instance)
	if err != nil {
		return 0, err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	n := len(q.copies)
	for _, e := range q.copies {
		do(q, e)
	}
	return n, nil
}

// retry puts the copy in front of all others. It begins anew: what was counted against it is forgotten, its age, too.
func (q *queue) retry(e *kept) {
	if e.state == sending || e.state == withWalk {
		return
	}
	if e.state == aside {
		q.k.spool.Release(e.id, q.name)
		q.aside--
		e.state, e.reason = inLine, ""
		q.insert(e)
	}
	e.bursts, e.window = 0, window{}
	q.age(e, time.Now())
	ch := e.chain
	ch.due, ch.turn, ch.rests = time.Time{}, 0, 0
	q.until = time.Time{}
	q.arrange(ch)
	q.look()
	q.kick()
}

// drop ends the copy. One that is being sent ends with its attempt.
func (q *queue) drop(e *kept) {
	if e.dropped {
		return
	}
	q.totals.Dropped++
	q.k.spool.Done(e.id, q.name)
	if e.state == sending {
		e.dropped = true
		return
	}
	q.forget(e)
}

// Statuses tells how the instances are doing: those of the current stack in the order of the rules, then those that only have
// a backlog, or copies in quarantine.
func (c *Current) Statuses() []Status {
	c.mu.RLock()
	stack := c.stack
	c.mu.RUnlock()
	var all []Status
	named := map[string]bool{}
	for _, in := range stack.instances {
		if in != nil && !named[in.name] {
			named[in.name] = true
			all = append(all, in.status())
		}
	}
	if stack.keeping == nil {
		return all
	}
	for _, q := range stack.keeping.all() {
		if named[q.name] {
			continue
		}
		q.mu.Lock()
		if len(q.copies) > 0 {
			all = append(all, q.status(q.present()))
		}
		q.mu.Unlock()
	}
	return all
}

func (in *instance) status() Status {
	if in.queue == nil {
		return Status{Counters: in.counters()}
	}
	in.queue.mu.Lock()
	defer in.queue.mu.Unlock()
	return in.queue.status(in)
}
