package main

import (
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"

	"tollgate/acctstack"
	"tollgate/cdr"
	"tollgate/gatekeeper"
	"tollgate/gatekeeper/sip"
	"tollgate/gatekeeper/sip/routes"
	"tollgate/journal"
)

// stops is an accounting stack that counts the stops of each session.
type stops struct {
	mu    sync.Mutex
	count map[string]int
	work  sync.WaitGroup
}

func (s *stops) Wants(acctstack.Kind) bool { return true }

func (s *stops) Hold() func(*acctstack.Event, acctstack.Receiver) { return s.Submit }

func (s *stops) Submit(ev *acctstack.Event, to acctstack.Receiver) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ev.Kind == acctstack.Stop {
		s.count[ev.Record.SessionID]++
	}
	s.work.Go(func() {
		to.Decided(ev, acctstack.Verdict{OK: true, Kind: ev.Kind, Rules: []acctstack.Rule{{}}, Steps: []acctstack.Step{{}}})
	})
}

func (s *stops) sessions() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.count)
}

// mute is a line and a sink that nobody is behind.
type mute struct{}

func (mute) Wanted() bool            { return false }
func (mute) CDR([]byte)              {}
func (mute) Proceed()                {}
func (mute) Drop(gatekeeper.Release) {}

// runOn is as much of a daemon as calls need over a restart.
func runOn(t *testing.T, dir string) (*daemon, *stops) {
	t.Helper()
	j, err := journal.Open(journal.Options{Dir: dir, Settings: journal.Settings{SegmentSize: 1 << 20}})
	if err != nil {
		t.Fatal(err)
	}
	d, s := &daemon{log: zap.NewNop(), journal: j}, &stops{count: map[string]int{}}
	settings := &gatekeeper.Settings{SignalTimeout: time.Minute, AlertingTimeout: time.Minute, MaxPending: 1e6}
	d.gatekeeper = gatekeeper.New(gatekeeper.Identity{Epoch: j.Epoch()}, settings, gatekeeper.Surroundings{Accounting: s, Sink: mute{}, Journal: j}, 4, zap.NewNop())
	d.front = sip.New(d.gatekeeper, &sip.Settings{Routes: &routes.Table{}}, "x", zap.NewNop())
	if err := d.front.Listen([]netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.front.Close)
	return d, s
}

// Each of very many calls comes back as itself: here without its signalling, so that it gets its stop at once.
func TestEachCallIsRestoredAsItself(t *testing.T) {
	dir := t.TempDir()
	d, s := runOn(t, dir)
	want := map[string]bool{}
	for i := range 1000 {
		shard := d.gatekeeper.Shards()[i%4]
		shard.Lock()
		c, err := shard.Admit(mute{}, cdr.Record{Setup: time.Now(), SIPCallID: fmt.Sprint(i)})
		if err == nil {
			err = c.Begin(nil)
		}
		shard.Unlock()
		if err != nil {
			t.Fatal(err)
		}
		want[c.SessionID] = true
	}
	if err := d.journal.Close(); err != nil { // tells whoever waits
		t.Fatal(err)
	}
	s.work.Wait()

	d, s = runOn(t, dir)
	if _, err := d.restore(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); s.sessions() < len(want) && time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
	}
	if err := d.journal.Close(); err != nil {
		t.Fatal(err)
	}
	s.work.Wait()
	for session := range want {
		if n := s.count[session]; n != 1 {
			t.Fatalf("session %s has %d stops; %d of %d sessions have any", session, n, len(s.count), len(want))
		}
	}
}

// What cannot be read at all is given up, so that the next start is as any other.
func TestAnUnreadableCallIsGivenUp(t *testing.T) {
	dir := t.TempDir()
	d, _ := runOn(t, dir)
	if err := d.journal.Begin(cdr.NewUUID(time.Now()), []byte{99}, nil); err != nil {
		t.Fatal(err)
	}
	if err := d.journal.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		d, _ = runOn(t, dir)
		n, err := d.restore()
		if n != 0 || err != nil {
			t.Errorf("%d calls, %v", n, err)
		}
		left := d.journal.Stats().Calls
		if err := d.journal.Close(); err != nil {
			t.Fatal(err)
		}
		if left != 0 {
			t.Errorf("%d calls are left", left)
		}
	}
}
