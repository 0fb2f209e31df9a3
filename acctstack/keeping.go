package acctstack

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"go.uber.org/zap"

	"tollgate/cdr"
)

// nobodyNames is why the backlog of an instance stays where it is.
const nobodyNames = "no rule names it"

// Options are how a Keeping goes about late delivery.
type Options struct {
	DeliveryRate int             // events per second and instance; 0: as fast as they are taken
	Times        *cdr.TimeFormat // of the records that had to be written to the log; nil: RFC 3339
}

// Keeping keeps events for instances that could not take them, and delivers them late. There is one in a process: its queues
// go by the instance's name and outlive the stacks. A stack that is built without one keeps nothing.
type Keeping struct {
	spool   Spool
	ledger  Ledger  // may be nil
	watcher Watcher // may be nil
	options Options
	log     *zap.Logger

	gate     gate
	refusals atomic.Uint64 // of the spool
	losses   atomic.Uint64

	mu     sync.Mutex
	queues map[string]*queue
	used   bool // a stack has been started
}

// NewKeeping takes over what the spool has kept. Nothing is delivered before a stack has started and Deliver has been
// called. ledger and watcher may be nil; neither may call back.
func NewKeeping(spool Spool, ledger Ledger, watcher Watcher, options Options, log *zap.Logger) *Keeping {
	k := &Keeping{spool: spool, ledger: ledger, watcher: watcher, options: options, log: log, queues: map[string]*queue{}}
	if k.options.Times == nil {
		k.options.Times, _ = cdr.ParseTimeFormat("ISO8601") // a name that it knows
	}
	for _, c := range spool.Kept() {
		k.queue(c.Instance).load(c)
	}
	for _, q := range k.queues {
		q.look()
	}
	return k
}

// queue is the one of that name, made if there is none.
func (k *Keeping) queue(name string) *queue {
	k.mu.Lock()
	defer k.mu.Unlock()
	q := k.queues[name]
	if q == nil {
		q = newQueue(name, k)
		k.queues[name] = q
	}
	return q
}

// all are the queues by name.
func (k *Keeping) all() []*queue {
	k.mu.Lock()
	defer k.mu.Unlock()
	var all []*queue
	for _, name := range slices.Sorted(maps.Keys(k.queues)) {
		all = append(all, k.queues[name])
	}
	return all
}

// attach gives the instances of a stack that has started the backlogs of their names.
func (k *Keeping) attach(s *Stack) {
	for _, in := range s.instances {
		if in == nil {
			continue
		}
		c := newCourier(in.queue, in, s.delivering, &s.deliveries)
		s.couriers = append(s.couriers, c)
		in.queue.attach(c)
	}
	k.mu.Lock()
	first := !k.used
	k.used = true
	k.mu.Unlock()
	if !first {
		return
	}
	for _, q := range k.all() {
		q.abandoned()
	}
}

// abandoned warns of a backlog that nobody delivers.
func (q *queue) abandoned() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.courier != nil || q.size() == 0 {
		return
	}
	q.lastErr = nobodyNames
	q.turn(Down)
	q.k.log.Warn("events are kept for a module that no rule names; they stay until one does", zap.String("module", q.name), zap.Int("events", q.size()))
}
