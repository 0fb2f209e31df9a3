package sip

import (
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"

	"tollgate/acctstack"
	"tollgate/config"
	"tollgate/gatekeeper"
	"tollgate/gatekeeper/sip/routes"
)

func newFront(shards int) *Front {
	gk := gatekeeper.New(gatekeeper.Identity{Name: "t"}, &gatekeeper.Settings{SignalTimeout: 30 * time.Second, MaxPending: 10}, gatekeeper.Surroundings{Accounting: newBooks(), Sink: noSink{}}, shards, zap.NewNop())
	return New(gk, &Settings{Routes: &routes.Table{}}, "t", zap.NewNop())
}

// The front as the program runs it: several shards and sockets, both families, its own clock.
func TestFrontStartsAndCloses(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	f := newFront(4)
	if err := f.Listen([]netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0"), netip.MustParseAddrPort("[::1]:0")}); err != nil {
		t.Fatal(err)
	}
	f.Start()
	for _, to := range f.Addresses() {
		conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to))
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(patience))
		from := conn.LocalAddr().(*net.UDPAddr).AddrPort()
		q := &req{method: "OPTIONS", uri: "sip:" + to.String(), branch: "z9hG4bK1", from: "<sip:a@b>;tag=1", to: "<sip:c@d>", callID: "x", cseq: 1}
		if _, err := conn.Write([]byte(q.text(&agent{addr: from}))); err != nil {
			t.Fatal(err)
		}
		answer := make([]byte, 2048)
		n, err := conn.Read(answer)
		if err != nil || !strings.HasPrefix(string(answer[:n]), "SIP/2.0 200 OK") {
			t.Errorf("%s answered %q %v", to, answer[:n], err)
		}
		_ = conn.Close()
	}
	f.Close()
	if c := f.Counters(); c.Received != 2 || c.Sent != 2 || c.SendErrors != 0 {
		t.Errorf("%+v", c)
	}
}

func TestListenRefusesAPortInUse(t *testing.T) {
	f, other := newFront(2), newFront(2)
	if err := f.Listen([]netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")}); err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	free := netip.MustParseAddrPort("127.0.0.1:0")
	err := other.Listen([]netip.AddrPort{free, f.Addresses()[0]})
	if err == nil || !strings.Contains(err.Error(), "[SIP] Listen") {
		t.Fatalf("%v", err)
	}
	if _, err := other.listeners[0].conns[0].Write(nil); err == nil {
		t.Error("the first listener is still open")
	}
}

func TestOverload(t *testing.T) {
	r := newRig(t, func(_ *rig, calls *gatekeeper.Settings, _ *Settings) { calls.MaxPending = 1 })
	r.books.hold(acctstack.Start)
	r.caller.send(r.caller.invite("one"))
	r.books.expect(t, acctstack.Start)
	q := r.caller.send(r.caller.invite("two"))
	m := r.caller.expect("503")
	if string(m.find(hdrReason)) != `Q.850;cause=42;text="too many calls wait for admission"` || !strings.Contains(string(m.raw), "Retry-After: 10\r\n") {
		t.Errorf("answered\n%s", m.raw)
	}
	r.caller.send(q.sibling("ACK"))
	if _, _, sessions := r.sizes(); sessions != 1 {
		t.Errorf("%d sessions", sessions)
	}
	r.books.decide(t, false)
	r.caller.expect("503")
	r.books.expect(t, acctstack.Start, acctstack.Stop)
}

func TestParseListen(t *testing.T) {
	for raw, want := range map[string]string{
		"udp:192.0.2.1:5061": "192.0.2.1:5061",
		"UDP:192.0.2.1":      "192.0.2.1:5060",
		"udp:[2001:db8::1]:5070, udp:127.0.0.1:5060": "[2001:db8::1]:5070 127.0.0.1:5060",
		"udp:2001:db8::1":      "[2001:db8::1]:5060",
		"":                     "error: no address",
		"192.0.2.1:5060":       "error: unknown transport",
		"tcp:192.0.2.1:5060":   "error: only udp",
		"sctp:192.0.2.1:5060":  "error: unknown transport",
		"udp:example.com:5060": "error: not an IP address",
		"udp:192.0.2.1:99999":  "error: not an IP address",
		"udp:0.0.0.0:5060":     "error: name the address",
		"udp":                  "error: not of the form",
	} {
		addrs, err := ParseListen(raw)
		if text, bad := strings.CutPrefix(want, "error: "); bad {
			if err == nil || !strings.Contains(err.Error(), text) {
				t.Errorf("%q: %v %v, want an error with %q", raw, addrs, err, text)
			}
			continue
		}
		var got []string
		for _, a := range addrs {
			got = append(got, a.String())
		}
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("%q: %v %v", raw, got, err)
		}
	}
}

func parseSIP(t *testing.T, text string) (*Settings, config.Problems) {
	t.Helper()
	schema := config.Schema{{Name: "SIP", Keys: Keys()}, routes.Decl()}
	file, err := config.Parse("test.ini", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return ParseSettings(schema.Section(file, "SIP"), schema.Section(file, "SIP::Routes"))
}

func TestSettings(t *testing.T) {
	s, problems := parseSIP(t, "[SIP]\nListen=udp:192.0.2.2:5060,udp:[2001:db8::2]:5060\nTrustedPeers=192.0.2.1, 10.0.0.0/8 ,2001:db8::/32\n[SIP::Routes]\n49=sip:192.0.2.9:5070\n*=sip:192.0.2.10,sip:[2001:db8::1]:5080\n4930=sip:192.0.2.11:5060\n")
	if len(problems) != 0 {
		t.Fatal(problems)
	}
	for user, want := range map[string]string{"49123": "192.0.2.9:5070", "493012": "192.0.2.11:5060", "alice": "192.0.2.10:5060 [2001:db8::1]:5080", "": "192.0.2.10:5060 [2001:db8::1]:5080", "4": "192.0.2.10:5060 [2001:db8::1]:5080"} {
		var got []string
		for _, step := range s.Routes.Find(user).Plan(nil, func(netip.AddrPort) bool { return false }) {
			got = append(got, step[0].Host)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q goes to %q", user, got)
		}
	}
	for addr, want := range map[string]bool{"192.0.2.1": true, "192.0.2.2": false, "10.255.0.1": true, "2001:db8::9": true, "::1": false, "127.0.0.1": false} {
		if s.trusts(netip.MustParseAddr(addr)) != want {
			t.Errorf("%s is trusted: %t", addr, !want)
		}
	}
	if s.RefuseStatus != 503 {
		t.Errorf("refuses with %d", s.RefuseStatus)
	}
}

func TestSettingsThatAreWrong(t *testing.T) {
	for text, want := range map[string]string{
		"[SIP::Routes]\n*=sip:example.com\n":                        "not an IP address",
		"[SIP::Routes]\n*=sip:192.0.2.1:99999\n":                    "not between 1 and 65535",
		"[SIP::Routes]\n*=sip:[2001:db8::1]\n":                      "route *: no address of [SIP] Listen is of the same family as 2001:db8::1",
		"[SIP::Routes]\n*=tel:123\n":                                "not of the form",
		"[SIP::Routes]\n*=sip:user@192.0.2.1\n":                     "address and a port only",
		"[SIP::Routes]\n*=\n":                                       "no target",
		"[SIP::Routes]\n":                                           "no route",
		"[SIP]\nTrustedPeers=all\n[SIP::Routes]\n*=sip:192.0.2.1\n": "neither an address nor a network",
	} {
		_, problems := parseSIP(t, text)
		if len(problems) != 1 || !strings.Contains(problems[0].Text, want) {
			t.Errorf("%q: %v, want %q", text, problems, want)
		}
	}
}
