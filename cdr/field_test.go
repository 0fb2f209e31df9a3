package cdr

import (
	"net/netip"
	"slices"
	"testing"
	"time"
)

func exampleStamp() *Stamp {
	return &Stamp{
		ID:      UUID{0x01, 0x9c, 0xbe, 0x69, 0x17, 0x5a, 0x7a, 0xbc, 0x8d, 0xef, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab},
		Time:    time.Date(2026, time.March, 5, 14, 31, 24, 250e6, time.UTC),
		Name:    "gk-lab",
		Address: netip.MustParseAddr("192.0.2.1"), SessionID: "69a9a4e700000001",
	}
}

// exampleCall rings for 3 s, is connected for 65 s and is hung up by the caller.
func exampleCall() *Record {
	setup := time.Date(2026, time.March, 5, 14, 30, 15, 250e6, time.UTC)
	return &Record{
		Number: 7, SessionID: "69a9a4e700000008",
		CallID: CallIDOf("a84b4c76e66710@192.0.2.10"), ConfID: CallIDOf("a84b4c76e66710@192.0.2.10"),
		SIPCallID: "a84b4c76e66710@192.0.2.10",
		Setup:     setup, Alerting: setup.Add(time.Second), Connected: setup.Add(4 * time.Second),
		Disconnected: setup.Add(69 * time.Second), Now: setup.Add(69 * time.Second),
		Cause: 16, CauseTranslated: 31, Released: ReleasedByCaller,
		Caller: Party{
			Address: netip.MustParseAddrPort("192.0.2.10:5062"), EndpointID: "2001_endp", Vendor: "phone 1.0",
			Audio: Media{"PCMA", true, 64, netip.MustParseAddrPort("192.0.2.11:40000")},
			Video: Media{"H264", true, 512, netip.MustParseAddrPort("192.0.2.12:40002")},
		},
		Callee: Party{
			Address: netip.MustParseAddrPort("[2001:db8::20]:5060"), EndpointID: "2002_endp", Vendor: "gateway 2.0",
			Audio: Media{"PCMU", true, 56, netip.MustParseAddrPort("192.0.2.21:41000")},
			Video: Media{"VP8", true, 256, netip.MustParseAddrPort("192.0.2.22:41002")},
		},
		User: "alice", CallingStation: "4930111", CalledStation: "4930555", Dialed: "030555",
		Src:          []Alias{{"alice", H323ID}, {"4930111", DialedDigits}},
		Dest:         []Alias{{"sip:4930555@example.org", URLID}},
		EndEstimated: true, Clock: BootTime,
		SIPStatus: 200, Legs: []Leg{
			{URI: "sip:49301@192.0.2.9:5060", Address: netip.MustParseAddrPort("192.0.2.9:5060"), Status: 503, Asked: time.Millisecond, Ended: time.Second},
			{URI: "sip:49301@192.0.2.8:5060", Address: netip.MustParseAddrPort("192.0.2.8:5060"), Asked: time.Second}},
		Attempts: 2, LastCDR: true, Bandwidth: 1285,
	}
}

func exampleEndpoint() *Endpoint {
	return &Endpoint{
		Address: netip.MustParseAddrPort("192.0.2.10:5062"), ID: "2001_endp", Vendor: "phone 1.0", User: "alice",
		Aliases: []Alias{{"alice", H323ID}, {"4930111", DialedDigits}},
	}
}

// want is a placeholder's value for the example, and for a source in which everything is zero.
type want struct{ name, full, empty string }

var wantStamp = []want{
	{"g", "gk-lab", ""},
	{"gkip", "192.0.2.1", ""},
	{"event-uuid", "019cbe69-175a-7abc-8def-0123456789ab", "00000000-0000-0000-0000-000000000000"},
	{"event-time", "2026-03-05 14:31:24", ""},
}

var wantCall = []want{
	{"n", "7", "0"},
	{"s", "69a9a4e700000008", ""},
	{"CallId", "74 6b fc 20 32 99 48 ed ee cf 76 fd 1a e5 f6 78", "00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00"},
	{"ConfId", "74 6b fc 20 32 99 48 ed ee cf 76 fd 1a e5 f6 78", "00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00"},
	{"SIP-Call-ID", "a84b4c76e66710@192.0.2.10", ""},
	{"setup-time", "2026-03-05 14:30:15", ""},
	{"alerting-time", "2026-03-05 14:30:16", ""},
	{"connect-time", "2026-03-05 14:30:19", ""},
	{"disconnect-time", "2026-03-05 14:31:24", ""},
	{"end-estimated", "1", "0"},
	{"d", "65", "0"},
	{"t", "69", "0"},
	{"p", "1", "0"},
	{"ring-time", "3", "0"},
	{"duration-clock", "boottime", "monotonic"},
	{"c", "16", "0"},
	{"cause-translated", "31", "0"},
	{"r", "1", "0"},
	{"sip-status", "200", "0"},
	{"legs", "503 sip:49301@192.0.2.9:5060, - sip:49301@192.0.2.8:5060", ""},
	{"call-attempts", "2", "0"},
	{"last-cdr", "1", "0"},
	{"bandwidth", "1285", "0"},
	{"bandwidth-kbps", "128", "0"},
	{"u", "alice", ""},
	{"Calling-Station-Id", "4930111", ""},
	{"Called-Station-Id", "4930555", ""},
	{"Dialed-Number", "030555", ""},
	{"src-info", "alice:h323_ID=4930111:dialedDigits", ""},
	{"dest-info", "sip:4930555@example.org:url_ID", ""},
	{"caller-ip", "192.0.2.10", ""},
	{"caller-port", "5062", "0"},
	{"callee-ip", "2001:db8::20", ""},
	{"callee-port", "5060", "0"},
	{"caller-epid", "2001_endp", ""},
	{"callee-epid", "2002_endp", ""},
	{"caller-vendor", "phone 1.0", " "},
	{"callee-vendor", "gateway 2.0", " "},
	{"caller-audio-codec", "PCMA (H.235)", ""},
	{"callee-audio-codec", "PCMU (H.235)", ""},
	{"caller-video-codec", "H264 (H.235)", ""},
	{"callee-video-codec", "VP8 (H.235)", ""},
	{"caller-audio-bitrate", "64", "0"},
	{"callee-audio-bitrate", "56", "0"},
	{"caller-video-bitrate", "512", "0"},
	{"callee-video-bitrate", "256", "0"},
	{"caller-media-ip", "192.0.2.11", ""},
	{"callee-media-ip", "192.0.2.21", ""},
	{"encryption", "On", "Off"},
	{"codec", "PCMA (H.235)", ""},
	{"media-oip", "192.0.2.11", ""},
	{"CallLink", "", ""},
	{"sinfo-ip", "", ""},
	{"client-auth-id", "0", "0"},
}

var wantEndpoint = []want{
	{"u", "alice", ""},
	{"endpoint-ip", "192.0.2.10", ""},
	{"endpoint-port", "5062", "0"},
	{"endpoint-vendor", "phone 1.0", ""},
	{"epid", "2001_endp", ""},
	{"aliases", "alice,4930111", ""},
	{"Calling-Station-Id", "4930111", ""},
}

var scopes = []struct {
	name  string
	scope Scope
	wants []want
}{
	{"call", CallScope, slices.Concat(wantStamp, wantCall)},
	{"endpoint", EndpointScope, slices.Concat(wantStamp, wantEndpoint)},
	{"system", SystemScope, slices.Concat(wantStamp, []want{{"s", "69a9a4e700000001", ""}})},
}

func TestPlaceholders(t *testing.T) {
	format := Format{Times: mustTimes(t, "MySQL"), Escaping: Line}
	full := Source{Stamp: exampleStamp(), Call: exampleCall(), Endpoint: exampleEndpoint()}
	for _, s := range scopes {
		var names []string
		for _, w := range s.wants {
			names = append(names, w.name)
			t.Run(s.name+"/"+w.name, func(t *testing.T) {
				f, ok := Lookup(w.name, s.scope)
				if !ok {
					t.Fatal("not found")
				}
				if f.Name() != w.name || f.Doc() == "" {
					t.Errorf("name %q, doc %q", f.Name(), f.Doc())
				}
				if got := string(f.Append(nil, full, format)); got != w.full {
					t.Errorf("full: %q, want %q", got, w.full)
				}
				if got := string(f.Append(nil, Source{}, format)); got != w.empty {
					t.Errorf("empty: %q, want %q", got, w.empty)
				}
				template := Compile("<%{"+w.name+"}>", s.scope, format)
				if got := string(template.Append(nil, full)); got != "<"+w.full+">" {
					t.Errorf("template: %q, want <%s>", got, w.full)
				}
			})
		}
		if got := Names(s.scope); !slices.Equal(got, names) {
			t.Errorf("%s: names %q, want %q", s.name, got, names)
		}
	}
}

func TestNumber(t *testing.T) {
	numbers := map[string]int64{
		"n": 7, "d": 65, "t": 69, "p": 1, "ring-time": 3, "c": 16, "cause-translated": 31, "r": 1, "call-attempts": 2, "sip-status": 200,
		"last-cdr": 1, "end-estimated": 1, "bandwidth": 1285, "bandwidth-kbps": 128, "caller-port": 5062, "callee-port": 5060,
		"caller-audio-bitrate": 64, "callee-audio-bitrate": 56, "caller-video-bitrate": 512, "callee-video-bitrate": 256,
		"client-auth-id": 0,
	}
	src := Source{Call: exampleCall()}
	for _, name := range Names(CallScope) {
		f, _ := Lookup(name, CallScope)
		got, ok := f.Number(src)
		if expected, is := numbers[name]; ok != is || got != expected {
			t.Errorf("%s: %d, %v, want %d, %v", name, got, ok, expected, is)
		}
	}
	f, _ := Lookup("r", CallScope)
	if n, _ := f.Number(Source{Call: &Record{Released: ReleasedByUnknown}}); n != -1 {
		t.Errorf("r of an unknown end is %d, want -1", n)
	}
}

func TestLookupIsExact(t *testing.T) {
	tests := []struct {
		name  string
		scope Scope
		want  bool
	}{
		{"CallId", CallScope, true},
		{"callid", CallScope, false},
		{"ConfID", CallScope, false},
		{"SIP-Call-ID", CallScope, true},
		{"", CallScope, false},
		{"D", CallScope, false},
		{"epid", CallScope, false},
		{"epid", EndpointScope, true},
		{"CallId", EndpointScope, false},
		{"s", EndpointScope, false},
		{"s", SystemScope, true},
		{"u", SystemScope, false},
	}
	for _, test := range tests {
		if _, ok := Lookup(test.name, test.scope); ok != test.want {
			t.Errorf("%q in scope %d: %v, want %v", test.name, test.scope, ok, test.want)
		}
	}
}
