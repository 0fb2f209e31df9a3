package acctstack_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"tollgate/acctstack"
	"tollgate/acctstack/stacktest"
	"tollgate/config"
)

var errAway = errors.New("away")

// TestEachEventIsDecidedOnce sends events from many goroutines: each module sees each event once, in the order of the
// rules, and each verdict is told once.
func TestEachEventIsDecidedOnce(t *testing.T) {
	const senders, each = 8, 200
	var mu sync.Mutex
	order := map[*acctstack.Event]string{}
	module := func(name string, err error) acctstack.Factory {
		return stacktest.Factory(name, &stacktest.Fake{Answer: func(_ context.Context, ev *acctstack.Event) error {
			mu.Lock()
			defer mu.Unlock()
			order[ev] += name
			return err
		}})
	}
	stack := stacktest.Stack(t, "A=required\nB=alternative\nC=sufficient\nD=required",
		module("A", nil), module("B", errAway), module("C", nil), module("D", nil))
	verdicts := make(decisions, senders*each+1)
	var wg sync.WaitGroup
	for range senders {
		wg.Go(func() {
			for i := range each {
				stack.Submit(stacktest.Event(acctstack.Stop, i), verdicts)
			}
		})
	}
	wg.Wait()
	seen := map[*acctstack.Event]bool{}
	for range senders * each {
		d := <-verdicts
		if seen[d.ev] || !d.ok || d.steps != 3 {
			t.Fatalf("decided before: %v\n%s", seen[d.ev], d.text)
		}
		seen[d.ev] = true
		mu.Lock()
		if order[d.ev] != "ABC" {
			t.Fatalf("the modules were called as %q", order[d.ev])
		}
		mu.Unlock()
	}
	if len(verdicts) != 0 {
		t.Error("a verdict was told twice")
	}
	for i, c := range stack.Counters() {
		want := []acctstack.Counters{{Instance: "A", Stored: 1600}, {Instance: "B", Failed: 1600}, {Instance: "C", Stored: 1600}, {Instance: "D"}}[i]
		if c != want {
			t.Errorf("got %+v, want %+v", c, want)
		}
	}
}

func TestNobodyToTell(t *testing.T) {
	var fake stacktest.Fake
	stack := stacktest.Build(t, "A=required", stacktest.Factory("A", &fake))
	if err := stack.Start(); err != nil {
		t.Fatal(err)
	}
	stack.Submit(startEvent(), nil)
	if err := stack.Close(t.Context()); err != nil || len(fake.Events()) != 1 {
		t.Errorf("%v, stored %d", err, len(fake.Events()))
	}
}

func TestWants(t *testing.T) {
	stack := stacktest.Build(t, "A=required;start,update\nB=optional;stop\ndefault=accept;off", stacktest.Factory("A", nil), stacktest.Factory("B", nil))
	for _, kind := range kinds() {
		want := slices.Contains([]string{"start", "update", "stop", "off"}, kind.String())
		if got := stack.Wants(kind); got != want {
			t.Errorf("%s: %v", kind, got)
		}
	}
	if len(stack.Rules()) != 3 || stack.Rules()[2].Name != "default" {
		t.Errorf("rules: %+v", stack.Rules())
	}
}

// TestRealtime: what a loss means in the walk, and that it is counted as one all the same.
func TestRealtime(t *testing.T) {
	for realtime, want := range map[string]bool{"DELIVER_AND_GRANT": false, "grant_and_lose": true} {
		away := &stacktest.Fake{Answer: func(context.Context, *acctstack.Event) error { return errAway }}
		stack := stacktest.Stack(t, "A=required\nA:b=optional\n[A]\nRealtime="+realtime+"\n[A:b]\nRealtime=GRANT_AND_LOSE", stacktest.Factory("A", away))
		d := decide(stack, startEvent())
		if d.ok != want || d.steps != 2 || !errors.Is(d.errs[0], errAway) {
			t.Errorf("%s: got %v\n%s", realtime, d.ok, d.text)
		}
		for _, c := range stack.Counters() {
			if c.Failed != 1 || c.Stored != 0 {
				t.Errorf("%s: %+v", realtime, c)
			}
		}
	}
}

// ward is a module that notes when it is opened, used and closed.
type ward struct {
	name            string
	log             func(string)
	opening, ending error
	store           func(context.Context, *acctstack.Event) error
}

func (w *ward) Start() error { w.log("open " + w.name); return w.opening }
func (w *ward) Close() error { w.log("close " + w.name); return w.ending }
func (w *ward) Store(ctx context.Context, ev *acctstack.Event) error {
	defer w.log("stored " + w.name)
	if w.store == nil {
		return nil
	}
	return w.store(ctx, ev)
}

// ledger is a log of what modules did.
type ledger struct {
	mu    sync.Mutex
	lines []string
}

func (l *ledger) add(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, line)
}

func (l *ledger) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, ", ")
}

func TestModulesCloseInReverse(t *testing.T) {
	var l ledger
	a, b, c := &ward{name: "A", log: l.add, ending: errors.New("disk full")}, &ward{name: "B", log: l.add}, &ward{name: "C", log: l.add, ending: errAway}
	stack := stacktest.Build(t, "A=required\nPlain=required\nB=required\nC=required",
		stacktest.Factory("A", a), stacktest.Factory("B", b), stacktest.Factory("C", c), stacktest.Factory("Plain", &stacktest.Fake{}))
	if err := stack.Start(); err != nil {
		t.Fatal(err)
	}
	err := stack.Close(t.Context())
	if err == nil || err.Error() != "closing C: away\nclosing A: disk full" {
		t.Errorf("got %v", err)
	}
	if got := l.String(); got != "open A, open B, open C, close C, close B, close A" {
		t.Errorf("got %s", got)
	}
}

func TestStartFailsHalfWay(t *testing.T) {
	var l ledger
	a, b := &ward{name: "A", log: l.add, ending: errors.New("disk full")}, &ward{name: "B", log: l.add}
	c, d := &ward{name: "C", log: l.add, opening: errAway}, &ward{name: "D", log: l.add}
	stack := stacktest.Build(t, "A=required\nB=required\nC=required\nD=required",
		stacktest.Factory("A", a), stacktest.Factory("B", b), stacktest.Factory("C", c), stacktest.Factory("D", d))
	err := stack.Start()
	if !errors.Is(err, errAway) || err.Error() != "starting C: away\nclosing A: disk full" {
		t.Errorf("got %v", err)
	}
	if got := l.String(); got != "open A, open B, open C, close B, close A" {
		t.Errorf("got %s", got)
	}
}

func TestCloseWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l ledger
		slow := &ward{name: "A", log: l.add, store: func(context.Context, *acctstack.Event) error { time.Sleep(5 * time.Second); return nil }}
		stack := stacktest.Build(t, "A=required\nB=required", stacktest.Factory("A", slow), stacktest.Factory("B", &ward{name: "B", log: l.add}))
		if err := stack.Start(); err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		verdicts := make(decisions, 1)
		stack.Submit(startEvent(), verdicts)
		if err := stack.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if took := time.Since(begun); took != 5*time.Second {
			t.Errorf("Close took %s", took)
		}
		if got := l.String(); got != "open A, open B, stored A, stored B, close B, close A" {
			t.Errorf("got %s", got)
		}
		if d := <-verdicts; !d.ok {
			t.Error(d.text)
		}
	})
}

func TestCloseCancels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l ledger
		hangs := &ward{name: "A", log: l.add, store: func(ctx context.Context, _ *acctstack.Event) error { <-ctx.Done(); return ctx.Err() }}
		stack := stacktest.Build(t, "A=optional\nB=required\n[A]\nTimeout=0", stacktest.Factory("A", hangs), stacktest.Factory("B", &ward{name: "B", log: l.add}))
		if err := stack.Start(); err != nil {
			t.Fatal(err)
		}
		verdicts := make(decisions, 1)
		stack.Submit(startEvent(), verdicts)
		begun := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		if err := stack.Close(ctx); err != nil {
			t.Error(err)
		}
		if took := time.Since(begun); took != 3*time.Second {
			t.Errorf("Close took %s", took)
		}
		// The walk goes on: a module that needs no waiting stores the event even so.
		if d := <-verdicts; !d.ok || !errors.Is(d.errs[0], context.Canceled) {
			t.Error(d.text)
		}
		if got := l.String(); got != "open A, open B, stored A, stored B, close B, close A" {
			t.Errorf("got %s", got)
		}
	})
}

// sequel sends a stop when it is told the verdict on a start, as a call does that has ended meanwhile.
type sequel struct {
	stack *acctstack.Stack
	then  decisions
}

func (s sequel) Decided(*acctstack.Event, acctstack.Verdict) {
	s.stack.Submit(stacktest.Event(acctstack.Stop, 1), s.then)
}

func TestCloseWaitsForWhatDecidedSends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := &stacktest.Fake{Answer: func(context.Context, *acctstack.Event) error { time.Sleep(time.Second); return nil }}
		stack := stacktest.Build(t, "A=required", stacktest.Factory("A", fake))
		if err := stack.Start(); err != nil {
			t.Fatal(err)
		}
		then := make(decisions, 1)
		stack.Submit(startEvent(), sequel{stack, then})
		synctest.Wait()
		if err := stack.Close(t.Context()); err != nil || len(then) != 1 {
			t.Errorf("%v, %d verdicts", err, len(then))
		}
		if got := fmt.Sprint(fake.Kinds()); got != "[start stop]" {
			t.Errorf("stored %s", got)
		}
	})
}

// talker is a module that accepts its section with a warning.
type talker struct{ stacktest.Fake }

func (*talker) Warnings() config.Problems {
	return config.Problems{{File: "t.ini", Line: 3, Text: "unknown placeholder", Warning: true}}
}

func TestBuildTellsProblems(t *testing.T) {
	odd := stacktest.Factory("Odd", nil)
	odd.New = func(env acctstack.Env, sec *config.Section) (acctstack.Module, error) {
		if env.Instance == "Odd:b" {
			return nil, config.Problems{sec.Problem("Timeout", "one"), sec.Problem("", "two")}
		}
		return nil, errors.New("no such backend")
	}
	factories := []acctstack.Factory{odd, stacktest.Factory("Talker", &talker{}), stacktest.Factory("Keeper", &stacktest.Fake{})}
	text := "[Odd:b]\nTimeout=5\n[Keeper]\nRealtime=GRANT_AND_STORE\nSpool=none\n[Gatekeeper::Acct]\nOdd=required\nOdd:b=required\nTalker=required\nKeeper=required\n"
	file, err := config.Parse("t.ini", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	schema := config.Schema{{Name: "Gatekeeper::Acct", Open: &config.Key{}}}
	for _, f := range factories {
		schema = append(schema, stacktest.Declaration(f))
	}
	rules, _ := acctstack.ParseRules(file.Section("Gatekeeper::Acct"), nil, factories)
	rules = append(rules, acctstack.Rule{Name: "Gone", Line: 12})
	_, problems := acctstack.Build(acctstack.Setup{Rules: rules, Factories: factories, Env: acctstack.Env{Log: zap.NewNop()},
		Section: func(name string) *config.Section { return schema.Section(file, name) }})
	want := "t.ini:7: no such backend\nt.ini:2: one\nt.ini:1: two\nt.ini:3: warning: unknown placeholder\n" +
		"t.ini:4: warning: GRANT_AND_STORE grants nothing more while Spool=none keeps no event\nt.ini:12: unknown module \"Gone\""
	if got := problems.Error(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestBuildWarnsOfKeeping: what Spool and Realtime say and cannot do.
func TestBuildWarnsOfKeeping(t *testing.T) {
	for text, want := range map[string]string{
		"[A]\nSpool=start,cdr\n[B]\n[Gatekeeper::Acct]\nA=required;start,stop": "t.ini:2: warning: Spool: A is never asked about cdr, so none is kept for it",
		"[A]\nRealtime=GRANT_AND_STORE\nSpool=stop\n[B]\n[Gatekeeper::Acct]\nA=sufficient;start,stop,cdr": "t.ini:2: warning: " +
			"GRANT_AND_STORE grants no start: sufficient keeps them for certain only if Spool= names them",
		"[A]\nRealtime=GRANT_AND_STORE\n[B]\n[Gatekeeper::Acct]\nA=alternative\nB=sufficient;stop,on": "t.ini:2: warning: " +
			"GRANT_AND_STORE keeps for A what fails there and counts it as ok, so B below it is not asked about stop,on instead",
		"[A]\nRealtime=GRANT_AND_STORE\n[B]\n[Gatekeeper::Acct]\nA=required\nB=sufficient\ndefault=accept":            "",
		"[A]\nRealtime=GRANT_AND_STORE\nSpool=start\n[B]\n[Gatekeeper::Acct]\nA=alternative;start\nB=sufficient;stop": "",
	} {
		file, err := config.Parse("t.ini", []byte(text+"\n"))
		if err != nil {
			t.Fatal(err)
		}
		factories := []acctstack.Factory{stacktest.Factory("A", &stacktest.Fake{}), stacktest.Factory("B", &stacktest.Fake{})}
		schema := config.Schema{stacktest.Declaration(factories[0]), stacktest.Declaration(factories[1])}
		rules, _ := acctstack.ParseRules(file.Section("Gatekeeper::Acct"), nil, factories)
		_, problems := acctstack.Build(acctstack.Setup{Rules: rules, Factories: factories, Env: acctstack.Env{Log: zap.NewNop()},
			Section: func(name string) *config.Section { return schema.Section(file, name) }})
		if got := problems.Error(); got != want || problems.Err() != nil {
			t.Errorf("%s\ngot  %s\nwant %s", text, got, want)
		}
	}
}

func TestModulesGetTheirEnvironment(t *testing.T) {
	var got []acctstack.Env
	f := stacktest.Factory("A", nil)
	f.Supports = acctstack.KindsOf(acctstack.Start, acctstack.Stop)
	f.New = func(env acctstack.Env, sec *config.Section) (acctstack.Module, error) {
		got = append(got, env)
		return &stacktest.Fake{}, nil
	}
	stacktest.Build(t, "A=required\nA:b=optional;stop,alert", f)
	if len(got) != 2 || got[0].Instance != "A" || got[0].Enabled.String() != "start,stop" || got[1].Instance != "A:b" || got[1].Enabled.String() != "stop" {
		t.Errorf("got %+v", got)
	}
	if got[1].Log == nil || got[1].Log.Name() != "A:b" || got[1].TimestampFormat != "Cisco" {
		t.Errorf("got %+v", got[1])
	}
}
