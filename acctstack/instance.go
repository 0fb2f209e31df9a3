package acctstack

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
)

// maxOpen bounds the attempts of one instance that go on after their walk has given them up. Past it an event fails
// at once, so that a hanging backend cannot gather goroutines without end.
const maxOpen = 4096

// errTimeout is the answer of a module that took longer than its Timeout. Whether the backend has the event is unknown.
var errTimeout = errors.New("no answer within Timeout")

var errTooManyOpen = fmt.Errorf("%d attempts are still open past their Timeout", maxOpen)

// instance is a module in the running stack.
type instance struct {
	name    string
	module  Module
	kinds   Kinds
	timeout time.Duration // 0: the module's own limits are enough
	retries int           // Retries=, of late delivery
	giveUp  time.Duration // GiveUpAfter=; 0: never
	queue   *queue        // what is kept for it; nil if the stack keeps nothing
	log     *zap.Logger

	open     atomic.Int64 // attempts past their timeout
	stored   atomic.Uint64
	failed   atomic.Uint64
	answered atomic.Uint64 // after their timeout
	failures atomic.Uint64 // in a row
}

// ErrQueued is the result of an instance that was not asked: earlier events of the call are still kept for it, and this one
// must not overtake them.
var ErrQueued = errors.New("queued behind earlier events of the call")

// result turns what the module returned into its answer for the walk, counts it, and passes it on to those who keep an eye
// on the instance.
func (in *instance) result(ev *Event, err error) Result {
	result := in.count(ev, err)
	q := in.queue
	if q == nil {
		return result
	}
	if q.ledger != nil {
		q.ledger.Answered(ev, q.name, result, err)
	}
	switch {
	case result == OK:
		if q.alert.Load() {
			q.succeeded()
		}
	case result == Fail && !IsPermanent(err):
		q.failed(err)
	}
	return result
}

func (in *instance) count(ev *Event, err error) Result {
	if err == nil {
		in.stored.Add(1)
		if in.failures.Load() != 0 {
			if n := in.failures.Swap(0); n != 0 {
				in.log.Info("stores events again", zap.Uint64("failures", n))
			}
		}
		return OK
	}
	in.failed.Add(1)
	if n := in.failures.Add(1); worthTelling(n) {
		in.log.Warn("event not stored", zap.String("event", ev.Kind.String()), zap.Stringer("id", ev.ID), zap.Uint64("failures", n), zap.Error(err))
	}
	return resultOf(err)
}

func resultOf(err error) Result {
	switch {
	case err == nil:
		return OK
	case errors.Is(err, ErrNext):
		return Next
	}
	return Fail
}

// worthTelling picks the first of a row, and then each power of two, so that a dead or slow backend fills no disk.
func worthTelling(n uint64) bool { return n&(n-1) == 0 }

// late counts the answer to an attempt that its walk has given up. The attempt was counted as failed then; if the
// backend has the event after all, it counts as stored, too.
func (in *instance) late(ev *Event, err error) {
	if err == nil {
		in.stored.Add(1)
	}
	if n := in.answered.Add(1); worthTelling(n) {
		in.log.Info("answer after Timeout", zap.String("event", ev.Kind.String()), zap.Stringer("id", ev.ID), zap.Bool("stored", err == nil),
			zap.Uint64("late", n), zap.Error(err))
	}
	if q := in.queue; q != nil {
		result := resultOf(err)
		if q.ledger != nil {
			q.ledger.Answered(ev, q.name, result, err)
		}
		if result == OK {
			q.succeeded()
		}
		q.returned(ev.ID, result == OK)
	}
}

func (in *instance) start() error {
	if m, ok := in.module.(Starter); ok {
		return m.Start()
	}
	return nil
}

func (in *instance) close() error {
	if m, ok := in.module.(Closer); ok {
		return m.Close()
	}
	return nil
}

// store is an attempt of a walk; alert is the queue's.
func (in *instance) store(ctx context.Context, ev *Event, alert bool) error {
	if !alert {
		return in.ask(ctx, ev)
	}
	number := in.queue.enter()
	err := in.ask(ctx, ev)
	in.queue.exit(number, err)
	return err
}

// ask is any attempt.
func (in *instance) ask(ctx context.Context, ev *Event) error {
	if in.open.Load() >= maxOpen {
		return errTooManyOpen
	}
	return in.module.Store(ctx, ev)
}

func (in *instance) counters() Counters {
	return Counters{Instance: in.name, Stored: in.stored.Load(), Failed: in.failed.Load(), Late: in.answered.Load(), Open: in.open.Load()}
}
