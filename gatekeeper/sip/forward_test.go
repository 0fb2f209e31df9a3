package sip

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"tollgate/gatekeeper/sip/routes"
)

// fronts is a front with listeners that are never read.
func fronts(addrs ...string) *Front {
	f := &Front{}
	for _, a := range addrs {
		f.listeners = append(f.listeners, &listener{addr: netip.MustParseAddrPort(a), hostPort: a})
	}
	return f
}

func parsed(t *testing.T, text string) *message {
	t.Helper()
	m := &message{}
	if err := m.parse([]byte(text)); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return m
}

func TestForward(t *testing.T) {
	f := fronts("192.0.2.1:5060", "[2001:db8::1]:5060")
	in, out := f.listeners[0], f.listeners[1]
	source := "INVITE sip:1@192.0.2.1 SIP/2.0\r\nv: SIP/2.0/UDP 10.0.0.1;rport;branch=z9hG4bKa, SIP/2.0/TCP x;branch=y\r\nVia: SIP/2.0/UDP z\r\n" +
		"Record-Route: <sip:p;lr>\r\nRoute: <sip:q;lr>\r\nf: <sip:a@b>;tag=f\r\nt: <sip:c@d>\r\ni: id\r\nCSeq: 7 INVITE\r\nMax-Forwards : 2\r\nSubject: a\r\n  b\r\nl: 3\r\n\r\nabcdef"
	tests := []struct {
		name   string
		hop    hop
		source string
		want   string
	}{
		{"a call", hop{uri: []byte("sip:1@h"), branch: 0xabc, listener: in, recordRoute: in}, source,
			"INVITE sip:1@h SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK0000000000000abc\r\nRecord-Route: <sip:192.0.2.1:5060;lr>\r\n" +
				"Via: SIP/2.0/UDP 10.0.0.1;rport=99;branch=z9hG4bKa;received=192.0.2.9, SIP/2.0/TCP x;branch=y\r\nVia: SIP/2.0/UDP z\r\nRecord-Route: <sip:p;lr>\r\n" +
				"f: <sip:a@b>;tag=f\r\nt: <sip:c@d>\r\ni: id\r\nCSeq: 7 INVITE\r\nMax-Forwards: 1\r\nSubject: a    b\r\nContent-Length: 3\r\n\r\nabc"},
		{"between families", hop{uri: []byte("sip:1@h"), branch: 2, listener: out, recordRoute: in}, minimal(),
			"OPTIONS sip:1@h SIP/2.0\r\nVia: SIP/2.0/UDP [2001:db8::1]:5060;branch=z9hG4bK0000000000000002\r\n" +
				"Record-Route: <sip:[2001:db8::1]:5060;lr>\r\nRecord-Route: <sip:192.0.2.1:5060;lr>\r\nMax-Forwards: 70\r\n" +
				"Via: SIP/2.0/UDP h;branch=z9hG4bK1;received=192.0.2.9\r\nFrom: <sip:a@b>;tag=f\r\nTo: <sip:c@d>\r\nCall-ID: id\r\nCSeq: 7 OPTIONS\r\n\r\n"},
		{"in a dialog", hop{uri: []byte("sip:1@h"), branch: 2, listener: in, routes: [][]byte{[]byte("<sip:p;lr>"), []byte("<sip:q>")}}, minimal("Max-Forwards: 255", "Route: <sip:gone>"),
			"OPTIONS sip:1@h SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK0000000000000002\r\nRoute: <sip:p;lr>\r\nRoute: <sip:q>\r\n" +
				"Via: SIP/2.0/UDP h;branch=z9hG4bK1;received=192.0.2.9\r\nFrom: <sip:a@b>;tag=f\r\nTo: <sip:c@d>\r\nCall-ID: id\r\nCSeq: 7 OPTIONS\r\nMax-Forwards: 254\r\n\r\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.hop.from = netip.MustParseAddrPort("192.0.2.9:99")
			if got := string(appendForward(nil, parsed(t, test.source), &test.hop)); got != test.want {
				t.Errorf("forwarded as\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}

func TestUpstream(t *testing.T) {
	rest := "From: <sip:a@b>;tag=f\r\nTo: <sip:c@d>;tag=t\r\nCall-ID: id\r\nCSeq: 7 INVITE\r\n"
	for name, test := range map[string]struct{ vias, want string }{
		"of its own":     {"Via: SIP/2.0/UDP us;branch=z9hG4bK1\r\nVia: SIP/2.0/UDP a;received=1.2.3.4\r\n", "Via: SIP/2.0/UDP a;received=1.2.3.4\r\n"},
		"in a list":      {"v: SIP/2.0/UDP us;branch=z9hG4bK1 , SIP/2.0/UDP a;x=\",\",SIP/2.0/UDP b\r\n", "Via: SIP/2.0/UDP a;x=\",\",SIP/2.0/UDP b\r\n"},
		"in a fold list": {"Via: SIP/2.0/UDP us;branch=z9hG4bK1,\r\n SIP/2.0/UDP a\r\n", "Via:   SIP/2.0/UDP a\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			m := parsed(t, "SIP/2.0 180 Ringing, ringing\r\n"+test.vias+rest+"L: 2\r\n\r\nabcd")
			got := string(appendUpstream(nil, m, &edits{}))
			if strings.Replace(got, "Via:    ", "Via:   ", 1) != "SIP/2.0 180 Ringing, ringing\r\n"+test.want+rest+"Content-Length: 2\r\n\r\nab" {
				t.Errorf("passed up as\n%s", got)
			}
		})
	}
}

func texts(list [][]byte) []string {
	var s []string
	for _, b := range list {
		s = append(s, string(b))
	}
	return s
}

func TestRoutesOfARequestInsideADialog(t *testing.T) {
	f := fronts("192.0.2.1:5060", "[2001:db8::1]:5070")
	known := netip.MustParseAddrPort("198.51.100.9:5099")
	tests := []struct {
		name, uri string
		routes    []string // header values
		to        string
		sent      string   // Request-URI
		left      []string // Route
	}{
		{"ours alone", "sip:b@203.0.113.1", []string{"<sip:192.0.2.1:5060;lr>"}, "203.0.113.1:5060", "sip:b@203.0.113.1", nil},
		{"ours with the default port", "sip:b@203.0.113.1:5070", []string{"<sip:192.0.2.1;lr>"}, "203.0.113.1:5070", "sip:b@203.0.113.1:5070", nil},
		{"ours twice, in a list", "sip:b@203.0.113.1", []string{"<sip:[2001:DB8::1]:5070;lr>, <sip:192.0.2.1;lr>"}, "203.0.113.1:5060", "sip:b@203.0.113.1", nil},
		{"one behind us", "sip:b@203.0.113.1", []string{"<sip:192.0.2.1:5060;lr>", `"a, <b>" <sip:203.0.113.2:99;lr>;x=y`}, "203.0.113.2:99", "sip:b@203.0.113.1", []string{`"a, <b>" <sip:203.0.113.2:99;lr>;x=y`}},
		{"lr with a value", "sip:b@203.0.113.1", []string{"<sip:203.0.113.2;lr=on>"}, "203.0.113.2:5060", "sip:b@203.0.113.1", []string{"<sip:203.0.113.2;lr=on>"}},
		{"LR in capitals", "sip:b@203.0.113.1", []string{"<sip:203.0.113.2;LR>"}, "203.0.113.2:5060", "sip:b@203.0.113.1", []string{"<sip:203.0.113.2;LR>"}},
		{"strict behind us", "sip:b@203.0.113.1", []string{"<sip:192.0.2.1;lr>,<sip:203.0.113.2>,<sip:203.0.113.3;lr>"}, "203.0.113.2:5060", "sip:203.0.113.2", []string{"<sip:203.0.113.3;lr>", "<sip:b@203.0.113.1>"}},
		{"strict before us", "sip:192.0.2.1:5060;lr", []string{"<sip:203.0.113.2;lr>", "<sip:b@203.0.113.1>"}, "203.0.113.2:5060", "sip:b@203.0.113.1", []string{"<sip:203.0.113.2;lr>"}},
		{"strict before us, last", "sip:192.0.2.1:5060;lr", []string{"<sip:b@203.0.113.1>"}, "203.0.113.1:5060", "sip:b@203.0.113.1", nil},
		{"no route", "sip:b@203.0.113.1", nil, "203.0.113.1:5060", "sip:b@203.0.113.1", nil},
		{"a name", "sip:b@example.com", []string{"<sip:192.0.2.1;lr>"}, known.String(), "sip:b@example.com", nil},
		{"tel", "tel:+49123", []string{"<sip:192.0.2.1;lr>"}, known.String(), "tel:+49123", nil},
		{"ourselves", "sip:b@192.0.2.1", nil, known.String(), "sip:b@192.0.2.1", nil},
		{"IPv6", "sip:b@[2001:db8::2]:99;transport=udp", nil, "[2001:db8::2]:99", "sip:b@[2001:db8::2]:99;transport=udp", nil},
		{"mapped", "sip:b@[::ffff:203.0.113.1]", nil, "203.0.113.1:5060", "sip:b@[::ffff:203.0.113.1]", nil},
		{"user at us", "sip:x@192.0.2.1:5060;lr", []string{"<sip:203.0.113.2;lr>"}, "203.0.113.2:5060", "sip:x@192.0.2.1:5060;lr", []string{"<sip:203.0.113.2;lr>"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var more []string
			for _, r := range test.routes {
				more = append(more, "Route: "+r)
			}
			m := parsed(t, strings.Replace(minimal(more...), "sip:a@b", test.uri, 1))
			before := string(m.raw)
			uri, routes, err := f.preprocess(m)
			if err != nil {
				t.Fatal(err)
			}
			to, uri, routes := f.nextHop(uri, routes, known)
			if to.String() != test.to || string(uri) != test.sent || !slices.Equal(texts(routes), test.left) {
				t.Errorf("goes to %s as %s by %q", to, uri, texts(routes))
			}
			if string(m.raw) != before {
				t.Error("the message was changed")
			}
		})
	}
	for _, bad := range []string{"<>", "<", "sip", "<sip:a b@203.0.113.1>", "<sip:203.0.113.1:port>", "\"a <sip:203.0.113.1>", ",", "<sip:192.0.2.1;lr>,<x>"} {
		m := parsed(t, minimal("Route: "+bad))
		if uri, routes, err := f.preprocess(m); err == nil {
			t.Errorf("%q is read as %s %q", bad, uri, texts(routes))
		}
		m = parsed(t, strings.Replace(minimal("Route: <sip:203.0.113.2;lr>", "Route: <x y>"), "sip:a@b", "sip:192.0.2.1;lr", 1))
		if uri, _, err := f.preprocess(m); err == nil {
			t.Errorf("a strict router's target is read as %s", uri)
		}
	}
}

func TestRouteSets(t *testing.T) {
	f := fronts("192.0.2.1:5060", "[2001:db8::1]:5060")
	for name, test := range map[string]struct {
		recorded       string
		callee, caller []string
	}{
		"ours alone":  {"<sip:192.0.2.1:5060;lr>", nil, nil},
		"both sides":  {"<sip:c2;lr>,<sip:c1;lr>,<sip:[2001:db8::1]:5060;lr>,<sip:192.0.2.1:5060;lr>,<sip:a2;lr>,<sip:a1;lr>", []string{"<sip:c1;lr>", "<sip:c2;lr>"}, []string{"<sip:a2;lr>", "<sip:a1;lr>"}},
		"a spiral":    {"<sip:c;lr>,<sip:192.0.2.1:5060;lr>,<sip:p;lr>,<sip:192.0.2.1:5060;lr>,<sip:a;lr>", []string{"<sip:c;lr>"}, []string{"<sip:a;lr>"}},
		"none at all": {"", nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			text := minimal()
			if test.recorded != "" {
				text = minimal("Record-Route: " + test.recorded)
			}
			callee, caller := f.routeSets(parsed(t, text))
			if !slices.Equal(callee, test.callee) || !slices.Equal(caller, test.caller) {
				t.Errorf("callee by %q, caller by %q", callee, caller)
			}
		})
	}
}

func TestRequestURIOfATarget(t *testing.T) {
	for uri, want := range map[string]string{
		"sip:4930@gk:5060;transport=udp":                    "sip:4930@h:1",
		"sip:4930;phone-context=+49@gk":                     "sip:4930@h:1",
		"sip:user:secret@gk":                                "sip:user@h:1",
		"tel:+4930;phone-context=x":                         "sip:+4930@h:1",
		"sip:gk":                                            "sip:h:1",
		"sips:a%40b@gk?X=y":                                 "sip:a%40b@h:1",
		"sip:+49@[2001:db8::1]:5060;user=phone;x=\"a@b;c\"": "sip:+49@h:1",
	} {
		if got := uriOf(userOf([]byte(uri)), &routes.Target{Host: "h:1"}); got != want {
			t.Errorf("%s goes on as %s, want %s", uri, got, want)
		}
	}
}
