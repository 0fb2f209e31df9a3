package acctstack

import (
	"context"
	"sync"

	"go.uber.org/zap"
)

// Current is the stack that new events walk. Reload swaps it: walks that are under way end on the stack that they began
// on, and that one closes behind the last of them.
type Current struct {
	log     *zap.Logger
	ctx     context.Context // how long a stack that was swapped out may wait for its walks
	cancel  context.CancelFunc
	drain   context.Context // how long it may wait until what only it can deliver is delivered
	enough  context.CancelFunc
	mu      sync.RWMutex
	stack   *Stack
	retired sync.WaitGroup
}

// NewCurrent takes a started stack.
func NewCurrent(stack *Stack, log *zap.Logger) *Current {
	c := &Current{stack: stack, log: log}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.drain, c.enough = context.WithCancel(c.ctx)
	return c
}

// Submit is Stack.Submit on the current stack.
func (c *Current) Submit(ev *Event, to Receiver) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	c.stack.Submit(ev, to)
}

// Hold keeps the stack that is current now for an event that is born now and has to wait for its turn. The function that
// it gives is Stack.Submit, and must be called once.
func (c *Current) Hold() func(ev *Event, to Receiver) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	stack := c.stack
	stack.work.Add(1)
	early := stack.early()
	return func(ev *Event, to Receiver) {
		stack.submit(ev, to, early)
		stack.work.Done()
	}
}

// Wants is Stack.Wants of the current stack.
func (c *Current) Wants(kind Kind) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.stack.Wants(kind)
}

// Counters is Stack.Counters of the current stack.
func (c *Current) Counters() []Counters {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.stack.Counters()
}

// Modules are the instances of the current stack, in the order of the rules, for what a module can tell of itself beyond
// Store.
func (c *Current) Modules(yield func(instance string, m Module) bool) {
	c.mu.RLock()
	instances := c.stack.instances
	c.mu.RUnlock()
	for _, in := range instances {
		if in != nil && !yield(in.name, in.module) {
			return
		}
	}
}

// Swap makes next, which must be started, the current stack. The old one closes in the background,
// once what is kept for instances that next does not have is delivered.
func (c *Current) Swap(next *Stack) {
	c.mu.Lock()
	old := c.stack
	c.stack = next
	c.mu.Unlock()
	c.retired.Go(func() {
		if err := old.retire(c.ctx, c.drain); err != nil {
			c.log.Error("closing the stack of before the reload", zap.Error(err))
		}
	})
}

// Abort cancels what walks are waiting for, in the current stack and in those that were swapped out: events that are not
// stored by now fail.
func (c *Current) Abort() {
	c.cancel()
	c.mu.RLock()
	defer c.mu.RUnlock()
	c.stack.cancel()
}

// Close closes the current stack as Stack.Close does, and waits for the walks of those that were swapped out. Late delivery
// ends at once: what is not delivered stays kept.
func (c *Current) Close(ctx context.Context) error {
	c.enough()
	defer context.AfterFunc(ctx, c.cancel)()
	c.mu.RLock()
	stack := c.stack
	c.mu.RUnlock()
	err := stack.Close(ctx)
	c.retired.Wait()
	return err
}
