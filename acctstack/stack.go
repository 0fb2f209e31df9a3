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
	keeping   *Keeping // nil: nothing is kept
	log       *zap.Logger

	ctx     context.Context // of every Store; ends when Close has waited long enough
	cancel  context.CancelFunc
	started []*instance
	work    sync.WaitGroup // walks, and attempts that outlived theirs
	watch   sync.WaitGroup
	stop    chan struct{}

	delivering  context.Context // of late deliveries
	stopDeliver context.CancelFunc
	deliveries  sync.WaitGroup
	couriers    []*courier

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
	s.delivering, s.stopDeliver = context.WithCancel(s.ctx)
	if s.keeping != nil {
		s.keeping.attach(s)
	}
	return nil
}

// Submit sends an event through the stack on a goroutine of its own and tells the verdict to the receiver. It must not
// be called once Close has begun, except from Decided: Close waits for what that sends, too.
func (s *Stack) Submit(ev *Event, to Receiver) {
	s.submit(ev, to, s.early())
}

// early tells whether an event that is submitted, or held, now is one that late delivery has to wait for.
func (s *Stack) early() bool { return s.keeping != nil && s.keeping.gate.enter() }

func (s *Stack) submit(ev *Event, to Receiver, early bool) {
	r := s.begin(ev, to)
	r.early = early
	s.work.Go(r.walk)
}

// Close stops late delivery and waits for the walks that are under way; when ctx ends it cancels what they wait for, and
// waits again. Then it closes the modules, the one that was started last first. It is called once, on a stack that was
// started.
func (s *Stack) Close(ctx context.Context) error {
	s.detach()
	s.stopDeliver()
	s.finish(ctx, &s.work, s.cancel)
	return s.end()
}

// retire is Close for a stack that another one has replaced. Before the modules close, what is kept for an instance that the
// newer stacks do not have is delivered, unless draining ends.
func (s *Stack) retire(ctx, draining context.Context) error {
	s.finish(ctx, &s.work, s.cancel)
	for _, c := range s.couriers {
		select {
		case <-c.whenIdle():
		case <-draining.Done():
		case <-s.ctx.Done():
		}
	}
	s.detach()
	s.finish(draining, &s.deliveries, s.stopDeliver)
	return s.end()
}

// detach takes the backlogs from the stack: no further delivery begins.
func (s *Stack) detach() {
	for _, c := range s.couriers {
		c.q.detach(c)
	}
}

// finish waits for the work; when ctx ends it cancels what that waits for, and waits again.
func (s *Stack) finish(ctx context.Context, work *sync.WaitGroup, cancel context.CancelFunc) {
	finished := make(chan struct{})
	var waiter sync.WaitGroup
	waiter.Go(func() { work.Wait(); close(finished) })
	select {
	case <-finished:
	case <-ctx.Done():
		cancel()
	}
	waiter.Wait()
}

func (s *Stack) end() error {
	s.cancel()
	s.deliveries.Wait()
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
	// Of the instance's name since the start of the program: copies that were kept, those of them that went into quarantine,
	// and those that the operator dropped.
	Kept, Quarantined, Dropped uint64
}

// Counters has an entry for each instance, in the order of the rules.
func (s *Stack) Counters() []Counters {
	var all []Counters
	for _, in := range s.instances {
		if in != nil {
			all = append(all, in.status().Counters)
		}
	}
	return all
}
