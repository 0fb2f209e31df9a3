package cdr

import (
	"net/netip"
	"testing"
	"time"
)

// captured is a call of a GnuGk 5.15 between two endpoints on one host, with the line that GnuGk wrote for it.
type captured struct {
	name string
	call Record
	line string // the status port's CDR line
	text string // the same call under capturedText, for the fields that do not depend on GnuGk's view of routes
}

func utc(hour, minute, second int) time.Time {
	return time.Date(2026, time.November, 22, hour, minute, second, 0, time.UTC)
}

func mustCallID(t testing.TB, text string) CallID {
	t.Helper()
	id, err := ParseCallID(text)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func mustTimes(t testing.TB, text string) *TimeFormat {
	t.Helper()
	f, err := parseTimeFormat(text, time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

const callGen = "H323Plus CallGen 2.3.0 (H323plus v1.28.0)"

// capturedText is the CDRString under which the calls were captured.
const capturedText = "%g|%n|%d|%t|%c|%r|%p|%s|%u|%{CallId}|%{ConfId}|%{setup-time}|%{alerting-time}|%{connect-time}|" +
	"%{disconnect-time}|%{ring-time}|%{caller-ip}:%{caller-port}|%{callee-ip}:%{callee-port}|%{src-info}|%{dest-info}|" +
	"%{Calling-Station-Id}|%{Called-Station-Id}|%{Dialed-Number}|%{caller-epid}|%{callee-epid}|%{call-attempts}|" +
	"%{last-cdr}|%{caller-vendor}|%{callee-vendor}|%{bandwidth}|%{caller-audio-codec}|%{callee-audio-codec}|" +
	"%{callee-media-ip}|%{codec}|%{encryption}"

func capturedCalls(t testing.TB) []captured {
	alice := []Alias{{"alice", H323ID}}
	bob := []Alias{{"bob", H323ID}}
	g711 := Media{Codec: "G711A", Bitrate: 64, Address: netip.MustParseAddrPort("127.0.0.11:5000")}
	routed := Record{
		Number: 1, SessionID: "6b023a0500000001",
		CallID: mustCallID(t, "0a 39 f1 04 7b e4 f1 11 8d 87 02 fc 00 00 00 01"),
		ConfID: mustCallID(t, "aa 3e f1 04 7b e4 f1 11 8d 87 02 fc 00 00 00 01"),
		Setup:  utc(0, 40, 44), Connected: utc(0, 40, 44), Disconnected: utc(0, 40, 59),
		Cause: 16, CauseTranslated: 16, Released: ReleasedByCaller,
		Caller: Party{Address: netip.MustParseAddrPort("127.0.0.1:49938"), EndpointID: "402461608_endp", Vendor: callGen, Audio: g711},
		Callee: Party{Address: netip.MustParseAddrPort("127.0.0.11:1720"), EndpointID: "4114001923_endp", Vendor: callGen, Audio: g711},
		User:   "bob", CallingStation: "bob", CalledStation: "alice", Dialed: "alice", Src: bob, Dest: alice,
		LastCDR: true, Bandwidth: 100000,
	}
	alerting := routed
	alerting.SessionID = "6b023a4a00000001"
	alerting.CallID = mustCallID(t, "0c ae 73 2e 7b e4 f1 11 9d 8a 02 fc 00 00 00 01")
	alerting.ConfID = mustCallID(t, "94 b2 73 2e 7b e4 f1 11 9d 8a 02 fc 00 00 00 01")
	alerting.Setup, alerting.Alerting = utc(0, 41, 53), utc(0, 41, 53)
	alerting.Connected, alerting.Disconnected = utc(0, 41, 59), utc(0, 42, 11)
	alerting.Caller.Address, alerting.Caller.EndpointID = netip.MustParseAddrPort("127.0.0.1:57970"), "2635624848_endp"
	alerting.Callee.EndpointID, alerting.Callee.Vendor = "2599868883_endp", "H323Plus simple 1.28.0 (H323plus v1.28.0)"
	alerting.CalledStation, alerting.Dialed, alerting.Dest = "4711", "4711", []Alias{{"4711", DialedDigits}}
	refused := alerting
	refused.SessionID = "6b023ae500000001"
	refused.CallID = mustCallID(t, "f0 29 80 8a 7b e4 f1 11 9d 8b 02 fc 00 00 00 01")
	refused.ConfID = mustCallID(t, "be 2e 80 8a 7b e4 f1 11 9d 8b 02 fc 00 00 00 01")
	refused.Setup, refused.Alerting = utc(0, 44, 28), utc(0, 44, 28)
	refused.Connected, refused.Disconnected = time.Time{}, utc(0, 44, 34)
	refused.Cause, refused.CauseTranslated, refused.Released = 21, 21, ReleasedByCallee
	refused.Caller.Address, refused.Caller.EndpointID = netip.MustParseAddrPort("127.0.0.1:48240"), "919961756_endp"
	refused.Callee.EndpointID = "944691681_endp"
	refused.Caller.Audio.Codec, refused.Callee.Audio.Codec = "", ""
	return []captured{
		{"routed", routed, "CDR|1|0a 39 f1 04 7b e4 f1 11 8d 87 02 fc 00 00 00 01|15|Sun, 22 Nov 2026 00:40:44 GMT|Sun, 22 Nov 2026 00:40:59 GMT|127.0.0.1:49938|402461608_endp|127.0.0.11:1720|4114001923_endp|alice:h323_ID|bob:h323_ID|AnchorGk;",
			"AnchorGk|1|15|15|16|1|0|6b023a0500000001|bob|0a 39 f1 04 7b e4 f1 11 8d 87 02 fc 00 00 00 01|aa 3e f1 04 7b e4 f1 11 8d 87 02 fc 00 00 00 01|00:40:44.000 UTC Sun Nov 22 2026||00:40:44.000 UTC Sun Nov 22 2026|00:40:59.000 UTC Sun Nov 22 2026|0|127.0.0.1:49938|127.0.0.11:1720|bob:h323_ID|alice:h323_ID|bob|alice|alice|402461608_endp|4114001923_endp|0|1|H323Plus CallGen 2.3.0 (H323plus v1.28.0)|H323Plus CallGen 2.3.0 (H323plus v1.28.0)|100000|G711A|G711A|127.0.0.11|G711A|Off"},
		{"alerting", alerting, "CDR|1|0c ae 73 2e 7b e4 f1 11 9d 8a 02 fc 00 00 00 01|12|Sun, 22 Nov 2026 00:41:59 GMT|Sun, 22 Nov 2026 00:42:11 GMT|127.0.0.1:57970|2635624848_endp|127.0.0.11:1720|2599868883_endp|4711:dialedDigits|bob:h323_ID|AnchorGk;",
			"AnchorGk|1|12|18|16|1|0|6b023a4a00000001|bob|0c ae 73 2e 7b e4 f1 11 9d 8a 02 fc 00 00 00 01|94 b2 73 2e 7b e4 f1 11 9d 8a 02 fc 00 00 00 01|00:41:53.000 UTC Sun Nov 22 2026|00:41:53.000 UTC Sun Nov 22 2026|00:41:59.000 UTC Sun Nov 22 2026|00:42:11.000 UTC Sun Nov 22 2026|6|127.0.0.1:57970|127.0.0.11:1720|bob:h323_ID|4711:dialedDigits|bob|4711|4711|2635624848_endp|2599868883_endp|0|1|H323Plus CallGen 2.3.0 (H323plus v1.28.0)|H323Plus simple 1.28.0 (H323plus v1.28.0)|100000|G711A|G711A|127.0.0.11|G711A|Off"},
		{"refused", refused, "CDR|1|f0 29 80 8a 7b e4 f1 11 9d 8b 02 fc 00 00 00 01|0|unconnected|Sun, 22 Nov 2026 00:44:34 GMT|127.0.0.1:48240|919961756_endp|127.0.0.11:1720|944691681_endp|4711:dialedDigits|bob:h323_ID|AnchorGk;",
			"AnchorGk|1|0|6|21|2|0|6b023ae500000001|bob|f0 29 80 8a 7b e4 f1 11 9d 8b 02 fc 00 00 00 01|be 2e 80 8a 7b e4 f1 11 9d 8b 02 fc 00 00 00 01|00:44:28.000 UTC Sun Nov 22 2026|00:44:28.000 UTC Sun Nov 22 2026||00:44:34.000 UTC Sun Nov 22 2026|6|127.0.0.1:48240|127.0.0.11:1720|bob:h323_ID|4711:dialedDigits|bob|4711|4711|919961756_endp|944691681_endp|0|1|H323Plus CallGen 2.3.0 (H323plus v1.28.0)|H323Plus simple 1.28.0 (H323plus v1.28.0)|100000|||127.0.0.11||Off"},
	}
}

func TestCapturedCalls(t *testing.T) {
	stamp := &Stamp{Name: "AnchorGk"}
	for _, c := range capturedCalls(t) {
		for _, esc := range []Escaping{Raw, Line} {
			t.Run(c.name, func(t *testing.T) {
				src := Source{Stamp: stamp, Call: &c.call}
				if got := string(AppendLine(nil, src, mustTimes(t, "RFC822"), esc)); got != c.line {
					t.Errorf("line\n%s, want\n%s", got, c.line)
				}
				format := Format{Times: mustTimes(t, "Cisco"), Escaping: esc}
				if got := string(Compile(capturedText, CallScope, format).Append(nil, src)); got != c.text {
					t.Errorf("text\n%s, want\n%s", got, c.text)
				}
			})
		}
	}
}
