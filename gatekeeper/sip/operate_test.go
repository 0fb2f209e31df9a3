package sip

import (
	"maps"
	"net/netip"
	"slices"
	"testing"
	"time"

	"go.uber.org/zap"

	"tollgate/gatekeeper"
	"tollgate/gatekeeper/sip/blocklist"
	"tollgate/gatekeeper/sip/routes"
)

// Every reason that there is has a counter.
func TestEveryReasonIsCounted(t *testing.T) {
	r := newRig(t)
	want := map[string]uint64{}
	known := 0
	for why := blocklist.Reason(0); why.String() != "unknown"; why++ {
		known++
		if why != blocklist.Blocked {
			want[why.String()] = 0
		}
	}
	if got := r.front.Refusals(); known != int(reasons) || !maps.Equal(got, want) {
		t.Errorf("%d reasons, refusals %v", known, got)
	}
}

func TestRefusalsAreCounted(t *testing.T) {
	r := newRig(t, unrouted, func(_ *rig, _ *gatekeeper.Settings, s *Settings) {
		s.Block = blocklist.Settings{After: 2, Within: time.Hour, Time: time.Hour}
	})
	r.caller.send(r.caller.invite("unrouted"))
	r.caller.expect("404")
	changed := *r.settings
	changed.Trusted = nil
	r.front.Configure(&changed)
	for range 2 {
		r.caller.send(r.caller.invite("untrusted"))
		r.caller.expect("403")
	}
	got := r.front.Refusals()
	if got["unrouted"] != 1 || got["untrusted"] != 2 || got["malformed"] != 0 {
		t.Errorf("refusals %v", got)
	}
	if s := r.front.BlockStats(); s.Blocks != 1 || s.Blocked != 1 {
		t.Errorf("blocks %+v", s)
	}
}

// Sizes follow a call from its INVITE to its end, which is counted by its class.
func TestSizes(t *testing.T) {
	r := newRig(t)
	if n := r.front.Sizes(); n != (Sizes{}) {
		t.Errorf("before: %+v", n)
	}
	r.caller.send(r.caller.invite("sizes"))
	in := r.callee.expect("INVITE")
	if n := r.front.Sizes(); n != (Sizes{Servers: 1, Clients: 1, Sessions: 1}) {
		t.Errorf("with a call that begins: %+v", n)
	}
	r.callee.answer(in, "486 Busy Here")
	r.caller.expect("486")
	r.caller.quiet() // it is counted behind the sending
	if got, want := r.front.Answers(), (map[string]uint64{"2xx": 0, "3xx": 0, "4xx": 1, "5xx": 0, "6xx": 0}); !maps.Equal(got, want) {
		t.Errorf("answers %v, want %v", got, want)
	}
	r.advance(timeout + time.Second)
	if n := r.front.Sizes(); n != (Sizes{}) {
		t.Errorf("after: %+v", n)
	}
}

// changes are what a GatewayWatcher is told.
type changes []routes.State

func (c *changes) GatewayChanged(addr netip.AddrPort, down bool) {
	*c = append(*c, routes.State{Addr: addr, Down: down})
}

// The watcher is told once that a gateway is down, and once that it is back.
func TestGatewayWatcher(t *testing.T) {
	r := newRig(t, func(_ *rig, _ *gatekeeper.Settings, s *Settings) { s.Health = routes.Settings{Failures: 2} })
	var told changes
	r.front.Watch(&told)
	addr := r.callee.addr
	for range 3 {
		r.front.silent(addr)
	}
	if states := r.front.Gateways(); len(states) != 1 || !states[0].Down || states[0].Failures != 3 {
		t.Errorf("gateways %+v", states)
	}
	for range 2 {
		r.front.heard(addr)
	}
	if want := (changes{{Addr: addr, Down: true}, {Addr: addr}}); !slices.Equal(told, want) {
		t.Errorf("told %v, want %v", told, want)
	}
}

// An answer to the OPTIONS that asks a gateway finds its transaction, whichever shard its Call-ID belongs to.
func TestGatewayAnswersReachTheirShard(t *testing.T) {
	identity := gatekeeper.Identity{Name: "test", Address: netip.MustParseAddr("127.0.0.1")}
	gk := gatekeeper.New(identity, &gatekeeper.Settings{MaxPending: 1}, gatekeeper.Surroundings{Accounting: newBooks(), Sink: noSink{}}, 8, zap.NewNop())
	gateway := netip.MustParseAddrPort("127.0.0.1:9")
	settings := &Settings{Routes: routesTo(t, "sip:"+gateway.String()), Health: routes.Settings{Failures: 1, Interval: time.Second}}
	f := New(gk, settings, "Tollgate/test", zap.NewNop())
	if err := f.Listen([]netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")}); err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	now := time.Now()
	for i := range 41 {
		f.askGateways(now.Add(time.Duration(i) * time.Second))
	}
	asked, used := 0, map[*shard]bool{}
	for _, s := range f.shards {
		for _, tx := range s.clients {
			var m message
			if err := m.parse(tx.request); err != nil || f.shardOf(m.callID) != s {
				t.Errorf("the answer to this is looked for elsewhere (%v):\n%s", err, tx.request)
			}
			asked++
			used[s] = true
		}
	}
	if asked != 40 || len(used) < 2 {
		t.Errorf("asked %d times, from %d shards", asked, len(used))
	}
}
