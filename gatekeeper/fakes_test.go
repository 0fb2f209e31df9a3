package gatekeeper

import (
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"

	"tollgate/acctstack"
	"tollgate/cdr"
	"tollgate/wheel"
)

// world is a gatekeeper between a line and a stack that do only what the test says, and a log of what happens at both.
type world struct {
	t      *testing.T
	gk     *Gatekeeper
	shard  *Shard
	mu     sync.Mutex
	log    []string
	events []*acctstack.Event
	open   []walk
	wants  acctstack.Kinds
	cdrs   []string
	nosink bool
}

type walk struct {
	ev *acctstack.Event
	to acctstack.Receiver
}

const everything = ^acctstack.Kinds(0)

func newWorld(t *testing.T, change func(s *Settings)) *world {
	t.Helper()
	times, err := cdr.ParseTimeFormat("ISO8601")
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, wants: everything}
	s := &Settings{SignalTimeout: 30 * time.Second, AlertingTimeout: 180 * time.Second, MaxPending: 10, NeighbourCDR: true, CDRTimes: times}
	if change != nil {
		change(s)
	}
	identity := Identity{Name: "gk", Address: netip.MustParseAddr("192.0.2.1")}
	w.gk = New(identity, s, Surroundings{Accounting: w, Sink: w}, 1, zap.NewNop())
	w.shard = w.gk.Shards()[0]
	return w
}

func (w *world) note(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.log = append(w.log, fmt.Sprintf(format, args...))
}

// Wants and Submit are the stack.
func (w *world) Wants(kind acctstack.Kind) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.wants.Has(kind)
}

func (w *world) Submit(ev *acctstack.Event, to acctstack.Receiver) {
	w.note("%s", ev.Kind)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, ev)
	w.open = append(w.open, walk{ev, to})
}

// Hold is the stack, too: it never changes.
func (w *world) Hold() func(*acctstack.Event, acctstack.Receiver) { return w.Submit }

// Wanted and CDR are the status port.
func (w *world) Wanted() bool    { return !w.nosink }
func (w *world) CDR(line []byte) { w.cdrs = append(w.cdrs, string(line)) }

// Proceed and Drop are the line.
func (w *world) Proceed() { w.note("proceed") }

func (w *world) Drop(why Release) { w.note("drop %d %t %s", why.Cause, why.Refusal, why.Text) }

// decide gives the verdict on the first event under way, whose kind must be that.
func (w *world) decide(kind acctstack.Kind, ok bool) {
	w.t.Helper()
	w.decideWith(kind, acctstack.Verdict{OK: ok, Rules: []acctstack.Rule{{}}, Kind: kind, Steps: []acctstack.Step{{}}})
}

func (w *world) decideWith(kind acctstack.Kind, v acctstack.Verdict) {
	w.t.Helper()
	w.mu.Lock()
	if len(w.open) == 0 || w.open[0].ev.Kind != kind {
		w.mu.Unlock()
		w.t.Fatalf("no %s is under way", kind)
	}
	first := w.open[0]
	w.open = w.open[1:]
	w.mu.Unlock()
	first.to.Decided(first.ev, v)
}

// admit makes a call and begins it.
func (w *world) admit() *Call {
	w.t.Helper()
	w.shard.Lock()
	defer w.shard.Unlock()
	c, err := w.shard.Admit(w, cdr.Record{Setup: time.Now()})
	if err != nil {
		w.t.Fatal(err)
	}
	if err := c.Begin(nil); err != nil {
		w.t.Fatal(err)
	}
	return c
}

// connect is the answer.
func (w *world) connect(c *Call) {
	w.locked(func() { c.Connect(nil, func() {}) })
}

// locked runs a step.
func (w *world) locked(step func()) {
	w.shard.Lock()
	defer w.shard.Unlock()
	step()
}

// sleep lets time pass, inside a bubble of synctest.
func (w *world) sleep(d time.Duration) {
	for ; d > 0; d -= wheel.Tick {
		time.Sleep(min(d, wheel.Tick))
		w.shard.Tick(time.Now())
	}
}

// saw checks the whole log, and empties it.
func (w *world) saw(want ...string) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if !slices.Equal(w.log, want) {
		w.t.Fatalf("saw %q\nwant %q", w.log, want)
	}
	w.log = nil
}

// over checks that nothing is left of any call.
func (w *world) over() {
	w.t.Helper()
	w.gk.calls.Wait() // hangs if a stop was not counted
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.open) != 0 {
		w.t.Errorf("%s is under way", w.open[0].ev.Kind)
	}
	g := w.gk
	if g.current.Load() != 0 || g.active.Load() != 0 || g.pending.Load() != 0 || w.shard.calls != nil {
		w.t.Errorf("left: %d calls, %d connected, %d pending", g.current.Load(), g.active.Load(), g.pending.Load())
	}
}
