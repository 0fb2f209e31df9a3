package statusport

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"tollgate/gatekeeper/limits"
	"tollgate/gatekeeper/sip/blocklist"
	"tollgate/gatekeeper/sip/routes"
)

type gatewayList []routes.State

func (g gatewayList) Gateways() []routes.State { return g }

// blockList is only used by one client, whose commands run one after the other.
type blockList struct{ entries []blocklist.Entry }

func (l *blockList) Blocked() []blocklist.Entry { return l.entries }

func (l *blockList) Unblock(addr netip.Addr) bool {
	before := len(l.entries)
	l.entries = slices.DeleteFunc(l.entries, func(e blocklist.Entry) bool { return e.Addr == addr })
	return len(l.entries) < before
}

func TestMaintenanceMode(t *testing.T) {
	g := &gatekeeperDouble{}
	s := start(t, g, nil)
	one, two := connect(t, s), connect(t, s)
	two.send("trace min\r\n")
	two.expect("Output trace level is 0")
	for _, step := range []struct {
		command, want string
		on            bool
	}{
		{"MaintenanceMode", "MaintenanceMode ON ", true}, {"maintenance", "MaintenanceMode ON ", true}, {"maintenancemode off", "MaintenanceMode OFF ", false},
		{"Maintenance ON", "MaintenanceMode ON ", true}, {"maintenance OFF", "MaintenanceMode OFF ", false}, {"maintenance OFF", "MaintenanceMode OFF ", false},
	} {
		one.send(step.command + "\r\n")
		one.expect(step.want)
		two.expect(step.want)
		if g.Maintained() != step.on {
			t.Errorf("%s: maintained is %v", step.command, !step.on)
		}
	}
	for _, alternate := range []string{"192.0.2.1", "192.0.2.1:1719", "2001:db8::1"} {
		one.send("maintenancemode " + alternate + "\r\n")
		one.expect(noAlternate)
	}
	for _, wrong := range []string{"OF", "off now", "ON 192.0.2.1"} {
		one.send("maintenancemode " + wrong + "\r\n")
		one.expect("Syntax Error: MaintenanceMode [OFF]")
	}
	if g.Maintained() {
		t.Error("a command with wrong arguments turns calls away")
	}
}

func TestLimits(t *testing.T) {
	g := &gatekeeperDouble{}
	guard := limits.New()
	guard.Configure(&limits.Settings{Total: limits.Limit{Calls: 1}})
	source := netip.MustParseAddr("192.0.2.1")
	guard.Force(source, "alice")
	_, _ = guard.Enter(source, "bob", time.Now())
	s := start(t, g, func(s *Server, _ *Settings) { s.opts.Limits = guard.Stats })
	u := connect(t, s)
	keys := []string{"LIM|MaxCalls|1", "LIM|CallRate|0", "LIM|MaxCallsPerSource|0", "LIM|CallRatePerSource|0", "LIM|MaxCallsPerUser|0", "LIM|CallRatePerUser|0"}
	u.send("limits\r\n")
	u.expect("Limits")
	u.expect(keys...)
	u.expect("Current Calls: 1 Sources: 0 Users: 0 MaintenanceMode: OFF", ";")
	g.Maintain(true)
	u.send("lim\r\n")
	u.expect("Limits")
	u.expect(keys...)
	u.expect("Current Calls: 1 Sources: 0 Users: 0 MaintenanceMode: ON", ";")
}

func TestGateways(t *testing.T) {
	since := time.Date(2026, 11, 24, 1, 2, 3, 0, time.UTC)
	s := start(t, &gatekeeperDouble{}, func(s *Server, _ *Settings) {
		s.opts.Gateways = gatewayList{
			{Addr: netip.MustParseAddrPort("192.0.2.10:5060"), Failures: 1},
			{Addr: netip.MustParseAddrPort("[2001:db8::20]:5070"), Down: true, Since: since, Failures: 4},
		}
	})
	u := connect(t, s)
	for _, name := range []string{"Gateways", "gw", "gat"} {
		u.send(name + "\r\n")
		u.expect("Gateways", "GW|192.0.2.10:5060|up| |1", "GW|[2001:db8::20]:5070|down|Tue, 24 Nov 2026 01:02:03 GMT|4", "Number of Gateways: 2", ";")
	}
}

func TestBlocked(t *testing.T) {
	until := time.Date(2026, 11, 24, 1, 2, 3, 0, time.UTC)
	list := &blockList{entries: []blocklist.Entry{
		{Addr: netip.MustParseAddr("192.0.2.1"), Until: until, Refusals: 20, Dropped: 1 << 40},
		{Addr: netip.MustParseAddr("2001:db8::"), Until: until, Refusals: 21},
	}}
	u := connect(t, start(t, &gatekeeperDouble{}, func(s *Server, _ *Settings) { s.opts.Blocks = list }))
	u.send("blocked\r\n")
	u.expect("Blocked", "BLK|192.0.2.1|Tue, 24 Nov 2026 01:02:03 GMT|20|1099511627776", "BLK|2001:db8::/64|Tue, 24 Nov 2026 01:02:03 GMT|21|0",
		"Number of Blocked Sources: 2", ";")
	u.send("unblock 2001:db8::/64\r\nub 192.0.2.1\r\nub 192.0.2.1\r\nbl\r\n")
	u.expect("Address 2001:db8::/64 unblocked.", "Address 192.0.2.1 unblocked.", "Address 192.0.2.1 is not blocked", "Blocked",
		"Number of Blocked Sources: 0", ";")
	for _, wrong := range []string{"", "x", "192.0.2.1 192.0.2.2", "192.0.2.1:5060", "192.0.2.0/24", "2001:db8::/48", "192.0.2.0/64"} {
		u.send("unblock " + wrong + "\r\n")
		u.expect("Syntax Error: Unblock ADDRESS")
	}
}

func TestWithoutTraffic(t *testing.T) {
	u := connect(t, start(t, &gatekeeperDouble{}, nil))
	u.send("gw\r\nbl\r\nub ::1\r\nlim\r\n")
	u.expect("Gateways", "Number of Gateways: 0", ";", "Blocked", "Number of Blocked Sources: 0", ";", "Address ::1 is not blocked",
		"Limits", "Current Calls: 0 Sources: 0 Users: 0 MaintenanceMode: OFF", ";")
}

func TestChangesOfGatewaysAreEvents(t *testing.T) {
	s := start(t, &gatekeeperDouble{}, nil)
	all, some := connect(t, s), connect(t, s)
	some.send("trace 1\r\n")
	some.expect("Output trace level is 1")
	addr := netip.MustParseAddrPort("192.0.2.10:5060")
	s.GatewayChanged(addr, true)
	s.GatewayChanged(addr, false)
	s.Broadcast(0, []byte("end"))
	all.expect("Gateway|192.0.2.10:5060|up|down;", "Gateway|192.0.2.10:5060|down|up;", "end")
	some.expect("end")
}
