package acctstack

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
)

// tick is how often attempts are checked against their Timeout.
const tick = 100 * time.Millisecond

// Receiver is told the verdict on an event, on a goroutine of the stack. The verdict's steps are valid until Decided
// returns.
type Receiver interface {
	Decided(ev *Event, v Verdict)
}

// Stack is a running stack: the rules, their modules, and the walks that are under way.
type Stack struct {
	rules     []Rule
	instances []*instance // by rule; nil for default
	wants     Kinds
	log       *zap.Logger

	ctx     context.Context // of every Store; ends when Close has waited long enough
	cancel  context.CancelFunc
	started []*instance
	work    sync.WaitGroup // walks, and attempts that outlived theirs
	watch   sync.WaitGroup
	stop    chan struct{}

	clock atomic.Int64 // ticks since Start, coarse on purpose: it is read for each attempt
	mu    sync.Mutex
	runs  *run // those under way, linked
	idle  sync.Pool
}

// Rules are the stack's rules, in order.
func (s *Stack) Rules() []Rule { return s.rules }

// Wants tells whether any rule is eligible for the kind. An event that nobody wants succeeds, and need not be made.
func (s *Stack) Wants(kind Kind) bool { return s.wants.Has(kind) }

// Start opens the modules in order. If one fails, those before it are closed again, and the stack is of no further use.
func (s *Stack) Start() error {
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.stop = make(chan struct{})
	for _, in := range s.instances {
		if in == nil {
			continue
		}
		if err := in.start(); err != nil {
			s.cancel()
			return errors.Join(fmt.Errorf("starting %s: %w", in.name, err), s.closeModules())
		}
		s.started = append(s.started, in)
	}
	s.watch.Go(s.watchTimeouts)
	return nil
}

// Submit sends an event through the stack on a goroutine of its own and tells the verdict to the receiver. It must not
// be called once Close has begun, except from Decided: Close waits for what that sends, too.
func (s *Stack) Submit(ev *Event, to Receiver) {
	r := s.begin(ev, to)
	s.work.Go(r.walk)
}

// Close waits for the walks that are under way; when ctx ends it cancels what they wait for, and waits again. Then it
// closes the modules, the one that was started last first. It is called once, on a stack that was started.
func (s *Stack) Close(ctx context.Context) error {
	finished := make(chan struct{})
	var waiter sync.WaitGroup
	waiter.Go(func() { s.work.Wait(); close(finished) })
	select {
	case <-finished:
	case <-ctx.Done():
		s.cancel()
	}
	waiter.Wait()
	s.cancel()
	close(s.stop)
	s.watch.Wait()
	return s.closeModules()
}

func (s *Stack) closeModules() error {
	var errs []error
	for _, in := range slices.Backward(s.started) {
		if err := in.close(); err != nil {
			errs = append(errs, fmt.Errorf("closing %s: %w", in.name, err))
		}
	}
	s.started = nil
	return errors.Join(errs...)
}

// Counters are what one instance did since the start of the stack.
type Counters struct {
	Instance string
	Stored   uint64 // events that the backend has
	Failed   uint64 // attempts that failed as far as their walk knows; one past its Timeout may turn out to be stored, too
	Late     uint64 // answers that came after the Timeout
	Open     int64  // attempts that are still open past their Timeout
}

// Counters has an entry for each instance, in the order of the rules.
func (s *Stack) Counters() []Counters {
	var all []Counters
	for _, in := range s.instances {
		if in != nil {
			all = append(all, in.counters())
		}
	}
	return all
}
