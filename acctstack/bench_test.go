package acctstack

import (
	"context"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"

	"tollgate/cdr"
)

// memory is a module whose backend is always there.
type memory struct{ last *Event }

func (m *memory) Store(_ context.Context, ev *Event) error { m.last = ev; return nil }

// three are rules over three modules, all of which are asked.
func three(t testing.TB) *Stack {
	return started(t, Required, &memory{}, &memory{}, &memory{})
}

// decideThree is the machine's work for one event.
func decideThree(walk *Walk, rules []Rule) bool {
	walk.Begin(rules, Stop)
	for _, more := walk.Next(); more; _, more = walk.Next() {
		walk.Answer(OK, nil)
	}
	verdict := walk.Verdict()
	return verdict.OK
}

// ignore is a receiver that draws no consequences.
type ignore struct{}

func (ignore) Decided(*Event, Verdict) {}

// BenchmarkWalk is the decision over three rules.
func BenchmarkWalk(b *testing.B) {
	rules := stackOf(Required, &memory{}, &memory{}, &memory{}).rules
	var walk Walk
	b.ReportAllocs()
	for b.Loop() {
		if !decideThree(&walk, rules) {
			b.Fatal("failed")
		}
	}
}

// BenchmarkThreeModules is all that the stack does for an event with three modules, but for the start of its goroutine.
func BenchmarkThreeModules(b *testing.B) {
	s, ev := three(b), &Event{Kind: Stop}
	b.ReportAllocs()
	for b.Loop() {
		s.begin(ev, ignore{}).walk()
	}
	if err := s.Close(b.Context()); err != nil {
		b.Fatal(err)
	}
}

// idle is a spool that is never asked to keep anything.
type idle struct{ shelf }

func (*idle) Settle(*Event, []string) error { return nil }

// BenchmarkThreeModulesKeeping is the same on a stack that would keep what fails, and nothing does.
func BenchmarkThreeModulesKeeping(b *testing.B) {
	s, ev := threeKeeping(b), &Event{Kind: Stop}
	b.ReportAllocs()
	for b.Loop() {
		s.begin(ev, ignore{}).walk()
	}
	if err := s.Close(b.Context()); err != nil {
		b.Fatal(err)
	}
}

func threeKeeping(t testing.TB) *Stack {
	s := stackOf(Required, &memory{}, &memory{}, &memory{})
	keeping(t, s, &idle{})
	return s
}

// BenchmarkKeepAndDeliver is what an event costs that is kept for one module and delivered late, without the spool's share.
func BenchmarkKeepAndDeliver(b *testing.B) {
	spool := newShelf()
	k := NewKeeping(spool, nil, nil, Options{}, zap.NewNop())
	q := newQueue("M", k)
	in := &instance{name: "M", retries: 5}
	c := newCourier(q, in, b.Context(), nil)
	now, ev := time.Now(), &Event{Kind: Stop}
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		ev.ID = cdr.UUID{byte(n), byte(n >> 8), byte(n >> 16), byte(n >> 24)}
		q.add(ev, true)
		q.told(ev.ID)
		a, ok := q.pick(now, c)
		if !ok {
			b.Fatal("nothing to deliver")
		}
		c.working--
		q.delivered(a)
	}
}

// BenchmarkSubmit is the same with its goroutine, until the verdict is told.
func BenchmarkSubmit(b *testing.B) {
	s, ev := three(b), &Event{Kind: Stop}
	var told waiting
	b.ReportAllocs()
	for b.Loop() {
		told.Add(1)
		s.Submit(ev, &told)
		told.Wait()
	}
	if err := s.Close(b.Context()); err != nil {
		b.Fatal(err)
	}
}

type waiting struct{ sync.WaitGroup }

func (w *waiting) Decided(*Event, Verdict) { w.Done() }

// BenchmarkTakeOver is what a tick of the watcher costs while a thousand walks are under way.
func BenchmarkTakeOver(b *testing.B) {
	s := stackOf(Required, &memory{})
	for range 1000 {
		r := s.begin(&Event{Kind: Stop}, nil)
		r.steps.Next()
		r.arm(s.instances[0].timeout)
	}
	b.ReportAllocs()
	for b.Loop() {
		s.takeOver(1)
	}
}
