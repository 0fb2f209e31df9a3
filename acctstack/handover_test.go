package acctstack

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// moduleFunc is a module of one function.
type moduleFunc func(ev *Event) error

func (f moduleFunc) Store(_ context.Context, ev *Event) error { return f(ev) }

// started is a started stack of modules under one control, each with a Timeout that only the test makes pass: it calls
// takeOver as if the watcher's clock stood at doomsday.
func started(t testing.TB, control Control, modules ...Module) *Stack {
	t.Helper()
	s := stackOf(control, modules...)
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	return s
}

func stackOf(control Control, modules ...Module) *Stack {
	rules := make([]Rule, len(modules))
	for i := range rules {
		rules[i] = Rule{Name: fmt.Sprintf("M%d", i), Control: control, Kinds: gnugkKinds}
	}
	s := newStack(rules, zap.NewNop())
	for i, m := range modules {
		s.instances[i] = &instance{name: rules[i].Name, module: m, timeout: time.Hour, log: zap.NewNop()}
	}
	return s
}

const doomsday = 1<<overdueBits - 1

// TestLoserWaitsForTheTakeOver stops the watcher between taking a run and giving it a goroutine. The loser must not end
// in between: it would be the last in Stack.work, and Close would take the modules from under the walk.
func TestLoserWaitsForTheTakeOver(t *testing.T) {
	release := make(chan struct{})
	s := started(t, Alternative, moduleFunc(func(*Event) error { <-release; return nil }), moduleFunc(func(*Event) error { return nil }))
	verdict := make(verdicts, 1)
	s.Submit(&Event{Kind: Start}, verdict)
	s.mu.Lock()
	r := s.runs
	for !r.take(doomsday) {
		runtime.Gosched()
	}
	close(release)
	ended := make(chan struct{})
	var waiter sync.WaitGroup
	waiter.Go(func() { s.work.Wait(); close(ended) })
	select {
	case <-ended:
		t.Error("nobody is counted while the run is handed over")
	case <-time.After(50 * time.Millisecond):
	}
	if open := s.instances[0].open.Load(); open != 0 {
		t.Errorf("%d attempts are open before they are counted", open)
	}
	r.carryOn()
	s.mu.Unlock()
	waiter.Wait()
	if v := <-verdict; !v {
		t.Error("the second module stored the event, and the verdict is bad")
	}
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if got := s.Counters()[0]; got != (Counters{Instance: "M0", Stored: 1, Failed: 1, Late: 1}) {
		t.Errorf("got %+v", got)
	}
}

type verdicts chan bool

func (c verdicts) Decided(_ *Event, v Verdict) { c <- v.OK }

// tally is a module that knows how often it saw each event, and that dawdles.
type tally struct {
	seen   []atomic.Int32
	closed atomic.Bool
	faults atomic.Int32
}

func (m *tally) Store(_ context.Context, ev *Event) error {
	if m.closed.Load() || m.seen[ev.Seq].Add(1) != 1 {
		m.faults.Add(1)
	}
	for range rand.IntN(4) {
		runtime.Gosched()
	}
	if m.closed.Load() {
		m.faults.Add(1)
	}
	if rand.IntN(3) == 0 {
		return errors.New("away")
	}
	return nil
}

func (m *tally) Close() error { m.closed.Store(true); return nil }

// TestHandOver lets Timeouts pass all the time while events run through the stack, and closes it at once behind the last
// one: nobody is asked twice, nobody is told twice, no run serves two events at once, and no module is used once closed.
func TestHandOver(t *testing.T) {
	const rounds, events = 40, 250
	takenOver := uint64(0)
	for range rounds {
		modules := [3]*tally{}
		for i := range modules {
			modules[i] = &tally{seen: make([]atomic.Int32, events)}
		}
		s := started(t, Required, modules[0], modules[1], modules[2])
		told := &tellOnce{told: make([]atomic.Int32, events)}
		stop := make(chan struct{})
		var watcher sync.WaitGroup
		watcher.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					s.takeOver(doomsday)
					runtime.Gosched()
				}
			}
		})
		for i := range events {
			s.Submit(&Event{Kind: Stop, Seq: uint32(i)}, told)
		}
		if err := s.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		close(stop)
		watcher.Wait()
		takenOver += check(t, s, modules[:], told)
	}
	if takenOver == 0 {
		t.Error("no run was taken over, so nothing was tried")
	}
}

// check gives the number of attempts that were late.
func check(t *testing.T, s *Stack, modules []*tally, told *tellOnce) (late uint64) {
	t.Helper()
	for i := range told.told {
		if n := told.told[i].Load(); n != 1 {
			t.Errorf("event %d was decided %d times", i, n)
		}
	}
	if told.wrong.Load() != 0 || s.runs != nil {
		t.Errorf("%d verdicts without all their steps; runs are left: %v", told.wrong.Load(), s.runs != nil)
	}
	for i, m := range modules {
		for e := range m.seen {
			if n := m.seen[e].Load(); n != 1 {
				t.Errorf("module %d was asked %d times about event %d", i, n, e)
			}
		}
		c := s.Counters()[i]
		if m.faults.Load() != 0 || c.Open != 0 || c.Stored+c.Failed < uint64(len(m.seen)) || c.Stored+c.Failed > uint64(len(m.seen))+c.Late {
			t.Errorf("module %d: %d faults, %+v", i, m.faults.Load(), c)
		}
		late += c.Late
	}
	return late
}

type tellOnce struct {
	told  []atomic.Int32
	wrong atomic.Int32
}

func (r *tellOnce) Decided(ev *Event, v Verdict) {
	r.told[ev.Seq].Add(1)
	if len(v.Steps) != 3 || v.Kind != Stop {
		r.wrong.Add(1)
	}
}

// TestTooManyOpen: past maxOpen the module is not asked any more, until attempts have ended.
func TestTooManyOpen(t *testing.T) {
	asked := 0
	s := started(t, Required, moduleFunc(func(*Event) error { asked++; return nil }))
	verdict := make(verdicts, 1)
	for open, want := range map[int64]bool{maxOpen - 1: true, maxOpen: false, maxOpen + 1: false} {
		s.instances[0].open.Store(open)
		s.Submit(&Event{Kind: Start}, verdict)
		if got := <-verdict; got != want {
			t.Errorf("with %d open attempts: %v", open, got)
		}
	}
	if err := s.Close(t.Context()); err != nil || asked != 1 {
		t.Errorf("%v, asked %d times", err, asked)
	}
	if got := errTooManyOpen.Error(); got != "4096 attempts are still open past their Timeout" {
		t.Error(got)
	}
}

// TestOpenAttemptsAreBounded: a hanging backend gathers maxOpen goroutines and no more.
func TestOpenAttemptsAreBounded(t *testing.T) {
	release := make(chan struct{})
	var asked atomic.Int32
	s := started(t, Required, moduleFunc(func(*Event) error { asked.Add(1); <-release; return nil }))
	verdict := make(verdicts, 64)
	for sent := int32(64); sent <= maxOpen+256; sent += 64 {
		for range 64 {
			s.Submit(&Event{Kind: Start}, verdict)
		}
		if sent <= maxOpen {
			for asked.Load() < sent {
				runtime.Gosched()
			}
			s.takeOver(doomsday)
		}
		for range 64 {
			<-verdict
		}
	}
	if open := s.instances[0].open.Load(); open != maxOpen || asked.Load() != maxOpen {
		t.Errorf("%d are open, %d were asked", open, asked.Load())
	}
	close(release)
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if got := s.Counters()[0]; got != (Counters{Instance: "M0", Stored: maxOpen, Failed: maxOpen + 256, Late: maxOpen}) {
		t.Errorf("got %+v", got)
	}
}

// TestFailuresAreToldSparsely: the first one, each power of two, and the end of the row.
func TestFailuresAreToldSparsely(t *testing.T) {
	core, logs := observer.New(zap.InfoLevel)
	in := &instance{name: "M", log: zap.New(core)}
	ev := &Event{Kind: Stop}
	for range 1000 {
		in.result(ev, errors.New("dial tcp: connection refused"))
		in.late(ev, nil)
	}
	in.result(ev, nil)
	in.result(ev, nil)
	in.result(ev, ErrNext)
	var got []string
	for _, entry := range logs.All() {
		m := entry.ContextMap()
		got = append(got, fmt.Sprint(entry.Message, m["failures"], m["late"]))
	}
	want := []string{}
	for n := 1; n <= 512; n *= 2 {
		want = append(want, fmt.Sprintf("event not stored%d <nil>", n), fmt.Sprintf("answer after Timeout<nil> %d", n))
	}
	want = append(want, "stores events again1000 <nil>", "event not stored1 <nil>")
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("logged\n%s", strings.Join(got, "\n"))
	}
	first := logs.All()[0].ContextMap()
	if first["error"] != "dial tcp: connection refused" || first["event"] != "stop" || first["id"] == nil {
		t.Errorf("the first one says %v", first)
	}
}

func TestResults(t *testing.T) {
	wrapped := fmt.Errorf("m: storing stop of call 1: %w", ErrNext)
	for _, test := range []struct {
		err  error
		want Result
	}{{nil, OK}, {errTimeout, Fail}, {ErrNext, Next}, {wrapped, Next}, {Permanent(errTimeout), Fail}} {
		in := &instance{log: zap.NewNop()}
		if got := in.result(&Event{}, test.err); got != test.want {
			t.Errorf("%v: %s", test.err, got)
		}
	}
	if !IsPermanent(fmt.Errorf("m: %w", Permanent(errTimeout))) || IsPermanent(errTimeout) || !errors.Is(Permanent(errTimeout), errTimeout) {
		t.Error("the mark of permanent errors does not hold")
	}
}
