package gatekeeper

import (
	"cmp"
	"context"
	"slices"
	"time"

	"go.uber.org/zap"

	"tollgate/cdr"
)

// Calls are snapshots of the calls in the table, in the order of their numbers.
func (g *Gatekeeper) Calls() []*cdr.Record {
	var records []*cdr.Record
	g.each(func(c *Call) {
		record := c.Record
		record.Now = time.Now()
		records = append(records, &record)
	})
	slices.SortFunc(records, func(a, b *cdr.Record) int { return cmp.Compare(a.Number, b.Number) })
	return records
}

// Disconnect ends the call with that number; it tells whether there was one.
func (g *Gatekeeper) Disconnect(number uint64) bool {
	found := false
	g.each(func(c *Call) {
		if c.Number == number {
			c.drop(Release{Cause: CauseNormal, Text: "disconnected by the operator"})
			found = true
		}
	})
	return found
}

// each calls f for every call with its shard locked. f may end the call.
func (g *Gatekeeper) each(f func(c *Call)) {
	for _, s := range g.shards {
		s.Lock()
		for c := s.calls; c != nil; {
			next := c.next
			f(c)
			c = next
		}
		s.Unlock()
	}
}

// Shutdown lets no call in any more, waits as drain allows for those that run, then ends the rest with cause 41 and
// waits until their stop events are decided. When ctx ends it stops waiting for calls to end by themselves.
func (g *Gatekeeper) Shutdown(ctx context.Context, drain Drain) {
	g.draining.Store(true)
	if drain.Wait > 0 && g.current.Load() > 0 {
		g.log.Info("draining", zap.Int64("calls", g.current.Load()), zap.Duration("at most", drain.Wait))
		g.waitForCalls(ctx, drain.Wait)
	}
	if n := g.current.Load(); n > 0 {
		g.log.Info("disconnecting", zap.Int64("calls", n))
	}
	g.each(func(c *Call) {
		c.drop(Release{Cause: CauseTemporaryFailure, Text: "gatekeeper is shutting down"})
	})
	for _, s := range g.shards {
		s.Lock()
		s.closed = true // before Wait: nothing may be added to the groups any more
		s.Unlock()
	}
	g.calls.Wait()
	g.rejects.Wait()
}

// DisconnectUnjournalled ends the calls that the next run could know nothing of, and tells how many there were.
func (g *Gatekeeper) DisconnectUnjournalled() int {
	g.draining.Store(true)
	n := 0
	g.each(func(c *Call) {
		if !c.journalled {
			c.drop(Release{Cause: CauseTemporaryFailure, Text: "gatekeeper is shutting down"})
			n++
		}
	})
	if n > 0 {
		g.log.Info("disconnecting calls that are not in the journal", zap.Int("calls", n))
	}
	return n
}

// Suspend leaves the calls as they are, for the next run to go on with: no new call, and nothing that a verdict would send.
// The front should have stopped reading before.
func (g *Gatekeeper) Suspend() {
	g.draining.Store(true)
	g.suspended.Store(true)
	for _, s := range g.shards {
		s.Lock()
		s.closed = true
		s.Unlock()
	}
	if n := g.current.Load(); n > 0 {
		g.log.Info("calls are left for the next run", zap.Int64("calls", n))
	}
	g.rejects.Wait()
}

func (g *Gatekeeper) waitForCalls(ctx context.Context, most time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	report := time.NewTicker(10 * time.Second)
	defer report.Stop()
	for g.current.Load() > 0 {
		select {
		case <-ctx.Done():
			return
		case <-report.C:
			g.log.Info("draining", zap.Int64("calls", g.current.Load()))
		case <-ticker.C:
		}
	}
}
