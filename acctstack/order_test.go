package acctstack_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"pgregory.net/rapid"

	"tollgate/acctstack"
	"tollgate/acctstack/stacktest"
	"tollgate/cdr"
)

// moody is a backend that fails at random until it is mended. It notes what it has, in order.
type moody struct {
	mu      sync.Mutex
	random  *rand.Rand
	fails   float64 // share of the attempts
	hangs   float64 // share that take longer than Timeout, and end either way
	lies    float64 // share of the failures that have stored the event all the same
	mended  bool
	flying  map[cdr.UUID]int // calls, attempts under way
	overlap int
	has     map[cdr.UUID][]uint32 // by call, the seqs in the order in which they were stored
}

func (m *moody) Store(ctx context.Context, ev *acctstack.Event) error {
	took, err, store := m.begin(ev)
	time.Sleep(took)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.flying[ev.Call]--
	if store {
		m.has[ev.Call] = append(m.has[ev.Call], ev.Seq)
	}
	return err
}

func (m *moody) begin(ev *acctstack.Event) (took time.Duration, err error, store bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.flying[ev.Call]++; m.flying[ev.Call] > 1 {
		m.overlap++
	}
	took = time.Duration(m.random.IntN(20)) * time.Millisecond
	if m.mended {
		return took, nil, true
	}
	if m.random.Float64() < m.hangs {
		took += 1500 * time.Millisecond
	}
	if m.random.Float64() < m.fails {
		return took, errAway, m.random.Float64() < m.lies
	}
	return took, nil, true
}

// talk is a call that sends one event after the other, as the gatekeeper does: a refused one goes to its stop at once.
type talk struct {
	stack *acctstack.Stack
	call  cdr.UUID
	todo  []*acctstack.Event
	trail *acctstack.Trail
	done  *sync.WaitGroup
	sent  []uint32
}

func newTalk(stack *acctstack.Stack, n, updates int, done *sync.WaitGroup) *talk {
	c := &talk{stack: stack, trail: &acctstack.Trail{}, done: done}
	kinds := append([]acctstack.Kind{acctstack.Start, acctstack.Connect}, slices.Repeat([]acctstack.Kind{acctstack.Update}, updates)...)
	for i, kind := range append(kinds, acctstack.Stop) {
		ev := stacktest.Event(kind, n)
		ev.Seq, ev.Trail = uint32(i+1), c.trail
		c.call = ev.Call
		c.todo = append(c.todo, ev)
	}
	done.Add(1)
	return c
}

func (c *talk) next() {
	if len(c.todo) == 0 {
		c.done.Done()
		return
	}
	ev := c.todo[0]
	c.todo = c.todo[1:]
	c.sent = append(c.sent, ev.Seq)
	c.stack.Submit(ev, c)
}

// Decided sends the next event.
func (c *talk) Decided(ev *acctstack.Event, v acctstack.Verdict) {
	if ev.Kind == acctstack.Start && !v.OK {
		c.todo = c.todo[len(c.todo)-1:]
	}
	c.next()
}

// weather is what one round of the property is played with.
type weather struct {
	seed               uint64
	fails, hangs, lies float64
	calls, updates     int
	realtime           string
}

// TestOrderOfCalls: whatever fails, each instance that wants its own copy has each event of a granted call in the end, in the
// order of the call, and no two of a call at a time; exactly once unless a failure was none.
func TestOrderOfCalls(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		share := rapid.SampledFrom([]float64{0, 0.05, 0.5, 0.95})
		w := weather{
			seed: rapid.Uint64().Draw(rt, "seed"), fails: share.Draw(rt, "fails"), hangs: share.Draw(rt, "hangs"),
			lies: rapid.SampledFrom([]float64{0, 0, 0.5}).Draw(rt, "lies"), calls: rapid.IntRange(1, 25).Draw(rt, "calls"),
			updates: rapid.IntRange(0, 3).Draw(rt, "updates"), realtime: rapid.SampledFrom([]string{"DELIVER_AND_GRANT", "GRANT_AND_STORE"}).Draw(rt, "realtime"),
		}
		var err error
		synctest.Test(t, func(t *testing.T) { err = w.play(t) })
		if err != nil {
			rt.Fatalf("%+v: %v", w, err)
		}
	})
}

func (w weather) play(t *testing.T) error {
	var spool stacktest.Spool
	k := acctstack.NewKeeping(&spool, nil, nil, acctstack.Options{}, zap.NewNop())
	k.Deliver()
	backends := [2]*moody{}
	for i := range backends {
		backends[i] = &moody{random: rand.New(rand.NewPCG(w.seed, uint64(i))), fails: w.fails, hangs: w.hangs, lies: w.lies,
			flying: map[cdr.UUID]int{}, has: map[cdr.UUID][]uint32{}}
	}
	stack := stacktest.BuildKeeping(t, k, "A=required\nB=optional\ndefault=accept\n[A]\nTimeout=1\nRetries=1000\nRealtime="+w.realtime+"\n[B]\nTimeout=1\nRetries=1000",
		stacktest.Factory("A", backends[0]), stacktest.Factory("B", backends[1]))
	if err := stack.Start(); err != nil {
		return err
	}
	var done sync.WaitGroup
	var talks []*talk
	for n := range w.calls {
		talks = append(talks, newTalk(stack, n, w.updates, &done))
		talks[n].next()
	}
	done.Wait()
	for _, b := range backends {
		b.mu.Lock()
		b.mended = true
		b.mu.Unlock()
	}
	deadline := time.Now().Add(time.Hour)
	for len(spool.Kept()) > 0 && time.Now().Before(deadline) {
		time.Sleep(time.Second)
	}
	time.Sleep(5 * time.Second) // attempts that are still open
	err := stack.Close(t.Context())
	if left := spool.Kept(); len(left) > 0 {
		err = errors.Join(err, fmt.Errorf("still kept: %+v", left))
	}
	for _, c := range talks {
		for i, b := range backends {
			err = errors.Join(err, w.check(c, b, i))
		}
	}
	return err
}

// check looks at what backend i has of the call.
func (w weather) check(c *talk, b *moody, i int) error {
	got := b.has[c.call]
	want := c.sent
	if c.trail.Refused { // the start if it was stored, then the stop
		stored := slices.Contains(c.trail.Has, string(rune('A'+i)))
		switch {
		case !stored && w.lies == 0 && w.hangs == 0 && slices.Contains(got, 1):
			return fmt.Errorf("backend %d has the start, and the trail does not know", i)
		case !stored:
			return nil
		case w.hangs > 0 || w.lies > 0: // the start's end was not known
			want = want[len(want)-1:]
			got = slices.DeleteFunc(slices.Clone(got), func(seq uint32) bool { return seq == 1 })
		}
	}
	if b.overlap > 0 && w.hangs == 0 {
		return fmt.Errorf("backend %d had two events of a call at a time", i)
	}
	if w.lies > 0 {
		got = firsts(got)
	}
	if !slices.Equal(got, want) {
		return fmt.Errorf("backend %d has %v of a call that sent %v (%+v)", i, got, c.sent, *c.trail)
	}
	return nil
}

// firsts are the seqs without repetitions.
func firsts(seqs []uint32) (out []uint32) {
	for _, seq := range seqs {
		if !slices.Contains(out, seq) {
			out = append(out, seq)
		}
	}
	return out
}
