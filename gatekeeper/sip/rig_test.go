package sip

import (
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"

	"tollgate/acctstack"
	"tollgate/cdr"
	"tollgate/config"
	"tollgate/gatekeeper"
	"tollgate/gatekeeper/sip/routes"
)

// patience is how long a test waits for something that must come.
const patience = 5 * time.Second

// rig is a front with one shard, whose clock only the test moves, and user agents that speak over real sockets. Its end
// checks that nothing of any call is left.
type rig struct {
	t      *testing.T
	gk     *gatekeeper.Gatekeeper
	front  *Front
	books  *books
	now    time.Time
	caller *agent
	callee *agent
	second *agent // the target behind callee, where the test asks for one
	agents int

	vault    *vault // nil: no journal
	calls    *gatekeeper.Settings
	settings *Settings
	listen   netip.AddrPort
}

type rigOption func(r *rig, calls *gatekeeper.Settings, sip *Settings)

// twoTargets routes calls to callee, then to second.
func twoTargets(r *rig, _ *gatekeeper.Settings, s *Settings) {
	s.Routes = routesTo(r.t, r.callee.target()+","+r.second.target())
}

func untrusting(_ *rig, _ *gatekeeper.Settings, s *Settings) { s.Trusted = nil }

func unrouted(r *rig, _ *gatekeeper.Settings, s *Settings) { s.Routes = routesTo(r.t, "") }

// routesTo is [SIP::Routes] with these targets for all users; "" is none at all.
func routesTo(t testing.TB, targets string) *routes.Table {
	t.Helper()
	section := &config.Section{Name: "SIP::Routes"}
	if targets != "" {
		section.Entries = []config.Entry{{Name: "*", Value: targets}}
	}
	table, problems := routes.Parse(section)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return table
}

type noSink struct{}

func (noSink) Wanted() bool { return false }
func (noSink) CDR([]byte)   {}

func newRig(t *testing.T, options ...rigOption) *rig {
	t.Helper()
	r := &rig{t: t, books: newBooks(), now: time.Now()}
	calls := &gatekeeper.Settings{SignalTimeout: 30 * time.Second, AlertingTimeout: 180 * time.Second, MaxPending: 100}
	trusted := &Settings{Trusted: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, RefuseStatus: 503, FailoverOn: []int{408, 503}}
	r.caller, r.callee, r.second = r.newAgent("alice"), r.newAgent("bob"), r.newAgent("carol")
	trusted.Routes = routesTo(t, r.callee.target())
	for _, o := range options {
		o(r, calls, trusted)
	}
	r.calls, r.settings, r.listen = calls, trusted, netip.MustParseAddrPort("127.0.0.1:0")
	r.open()
	r.read()
	t.Cleanup(r.end)
	return r
}

// open makes the gatekeeper and its front, and binds the address.
func (r *rig) open() {
	r.t.Helper()
	identity := gatekeeper.Identity{Name: "test", Address: netip.MustParseAddr("127.0.0.1")}
	around := gatekeeper.Surroundings{Accounting: r.books, Sink: noSink{}}
	if r.vault != nil {
		around.Journal = r.vault
	}
	r.gk = gatekeeper.New(identity, r.calls, around, 1, zap.NewNop())
	r.front = New(r.gk, r.settings, "Tollgate/test", zap.NewNop())
	if err := r.front.Listen([]netip.AddrPort{r.listen}); err != nil {
		r.t.Fatal(err)
	}
	r.listen = r.address()
}

// read begins to read, without the clock of Start.
func (r *rig) read() {
	l := r.front.listeners[0]
	r.front.readers.Go(func() { r.front.read(l, l.conns[0]) })
}

// address is the front's.
func (r *rig) address() netip.AddrPort { return r.front.listeners[0].addr }

func (r *rig) shard() *shard { return r.front.shards[0] }

// advance moves the clock and fires what is due.
func (r *rig) advance(d time.Duration) {
	r.now = r.now.Add(d)
	r.shard().Tick(r.now)
}

// end waits as long as the longest transaction lasts, then nothing may be left.
func (r *rig) end() {
	t := r.t
	r.books.settle()
	if n := len(r.gk.Calls()); n != 0 && !t.Failed() {
		t.Errorf("%d calls are left", n)
	}
	for range 5 {
		r.advance(50 * time.Second)
	}
	r.front.Close()
	r.books.settle()
	for _, a := range []*agent{r.caller, r.callee, r.second} {
		_ = a.conn.Close()
	}
	if t.Failed() {
		return
	}
	s := r.shard()
	if len(s.servers)+len(s.clients)+len(s.sessions) != 0 {
		t.Errorf("left: %d server and %d client transactions, %d sessions", len(s.servers), len(s.clients), len(s.sessions))
	}
	if st := r.gk.Stats(); st.Current != 0 || st.Active != 0 {
		t.Errorf("counters are off: %+v", st)
	}
	r.books.balance(t)
	goleak.VerifyNone(t, goleak.IgnoreCurrent())
}

// sizes are those of the tables.
func (r *rig) sizes() (servers, clients, sessions int) {
	s := r.shard()
	s.Lock()
	defer s.Unlock()
	for _, sess := range s.sessions {
		for ; sess != nil; sess = sess.next {
			sessions++
		}
	}
	return len(s.servers), len(s.clients), sessions
}

// books is an accounting stack that notes what it is told, and decides at once or when the test says so.
type books struct {
	mu       sync.Mutex
	changed  *sync.Cond
	events   []acctstack.Event
	held     []heldEvent
	holds    acctstack.Kinds
	fails    acctstack.Kinds
	unwanted acctstack.Kinds
	work     sync.WaitGroup
}

type heldEvent struct {
	ev *acctstack.Event
	to acctstack.Receiver
}

func newBooks() *books {
	b := &books{}
	b.changed = sync.NewCond(&b.mu)
	return b
}

// hold keeps events of these kinds undecided.
func (b *books) hold(kinds ...acctstack.Kind) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.holds = acctstack.KindsOf(kinds...)
}

// fail makes events of these kinds fail.
func (b *books) fail(kinds ...acctstack.Kind) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fails = acctstack.KindsOf(kinds...)
}

func (b *books) Wants(kind acctstack.Kind) bool { return !b.unwanted.Has(kind) }

func (b *books) Hold() func(*acctstack.Event, acctstack.Receiver) { return b.Submit }

func (b *books) Submit(ev *acctstack.Event, to acctstack.Receiver) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.events = append(b.events, *ev)
	b.changed.Broadcast()
	if b.holds.Has(ev.Kind) {
		b.held = append(b.held, heldEvent{ev, to})
		return
	}
	v := verdict(!b.fails.Has(ev.Kind))
	b.work.Go(func() { to.Decided(ev, v) })
}

func verdict(ok bool) acctstack.Verdict {
	return acctstack.Verdict{OK: ok, Rules: []acctstack.Rule{{}}, Steps: []acctstack.Step{{}}}
}

// await waits until pred holds.
func (b *books) await(t *testing.T, what string, pred func() bool) {
	t.Helper()
	late := time.AfterFunc(patience, b.changed.Broadcast)
	defer late.Stop()
	deadline := time.Now().Add(patience)
	b.mu.Lock()
	defer b.mu.Unlock()
	for !pred() {
		if time.Now().After(deadline) {
			t.Fatalf("no %s; so far: %v", what, b.kinds())
		}
		b.changed.Wait()
	}
}

// decide gives the verdict on the first event that is held.
func (b *books) decide(t *testing.T, ok bool) {
	t.Helper()
	b.await(t, "event to decide", func() bool { return len(b.held) > 0 })
	b.mu.Lock()
	h := b.held[0]
	b.held = b.held[1:]
	b.mu.Unlock()
	h.to.Decided(h.ev, verdict(ok))
}

// settle decides whatever is held and waits for the verdicts under way.
func (b *books) settle() {
	b.mu.Lock()
	b.holds = 0
	held := b.held
	b.held = nil
	b.mu.Unlock()
	for _, h := range held {
		h.to.Decided(h.ev, verdict(true))
	}
	b.work.Wait()
}

func (b *books) kinds() []string {
	var kinds []string
	for _, ev := range b.events {
		kinds = append(kinds, ev.Kind.String())
	}
	return kinds
}

// expect waits for the n-th event and checks its kind.
func (b *books) expect(t *testing.T, kinds ...acctstack.Kind) *cdr.Record {
	t.Helper()
	b.await(t, fmt.Sprint(kinds), func() bool { return len(b.events) >= len(kinds) })
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, k := range kinds {
		if b.events[i].Kind != k {
			t.Fatalf("events are %v, want %v", b.kinds(), kinds)
		}
	}
	if len(b.events) != len(kinds) {
		t.Fatalf("events are %v, want %v", b.kinds(), kinds)
	}
	if len(kinds) == 0 {
		return nil
	}
	return b.events[len(kinds)-1].Record
}

// balance checks that every start has one stop, behind it.
func (b *books) balance(t *testing.T) {
	t.Helper()
	type count struct{ starts, stops int }
	counts := map[string]*count{}
	seen := map[cdr.UUID]bool{}
	for _, ev := range b.events {
		if ev.Record == nil || seen[ev.ID] { // a restart sends the same event again
			continue
		}
		seen[ev.ID] = true
		c := counts[ev.Record.SessionID]
		if c == nil {
			c = &count{}
			counts[ev.Record.SessionID] = c
		}
		switch ev.Kind {
		case acctstack.Start:
			c.starts++
		case acctstack.Stop:
			c.stops++
		}
		if c.stops > 1 || ev.Kind != acctstack.Stop && c.stops > 0 {
			t.Errorf("session %s has %s behind its stop", ev.Record.SessionID, ev.Kind)
		}
	}
	for id, c := range counts {
		if c.starts != c.stops {
			t.Errorf("session %s has %d starts and %d stops", id, c.starts, c.stops)
		}
	}
}
