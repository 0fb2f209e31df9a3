package acctstack

import (
	"sync"
	"sync/atomic"
	"time"
)

// gatePatience is how long late delivery waits for the walks of the start: longer than a module that hangs has by default.
const gatePatience = 40 * time.Second

// gate keeps late delivery back after a start. An event whose verdict a former run did not write down walks once more, and finds
// what was kept of it: copies, notes. Both would be gone if the courier were faster, and the event would be stored twice.
type gate struct {
	open atomic.Bool

	mu    sync.Mutex
	asked bool
	until time.Time // when it opens whatever is under way
	early int       // walks under way, and to come, of before it was asked
}

// enter counts a walk, if it is an early one; leave must follow then.
func (g *gate) enter() bool {
	if g.open.Load() {
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.asked {
		return false
	}
	g.early++
	return true
}

// leave ends an early walk. It is true if that opens the gate.
func (g *gate) leave() (opens bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.early--
	return g.opens()
}

// ask has the gate open behind the early walks. It is true if that is now.
func (g *gate) ask(now time.Time) (opens bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.asked {
		g.asked, g.until = true, now.Add(gatePatience)
	}
	return g.opens()
}

func (g *gate) opens() bool {
	if !g.asked || g.early > 0 {
		return false
	}
	g.open.Store(true)
	return true
}

// state tells whether the gate is open, and if not when it will be at the latest; zero is not known.
func (g *gate) state(now time.Time) (opens time.Time, open bool) {
	if g.open.Load() {
		return time.Time{}, true
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.asked && !now.Before(g.until) {
		g.open.Store(true)
		return time.Time{}, true
	}
	return g.until, false
}

// Deliver begins late delivery, behind the events that have been submitted so far or wait for their turn. It is called once the
// calls of a former run go on; until then what is kept stays where it is.
func (k *Keeping) Deliver() {
	k.gate.ask(time.Now())
	k.kick()
}

// walked ends an early walk.
func (k *Keeping) walked() {
	if k.gate.leave() {
		k.kick()
	}
}

// kick has all couriers look again.
func (k *Keeping) kick() {
	for _, q := range k.all() {
		q.mu.Lock()
		q.kick()
		q.mu.Unlock()
	}
}
