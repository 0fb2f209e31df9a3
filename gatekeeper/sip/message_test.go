package sip

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
)

// lines joins header lines to a message with an empty body.
func lines(l ...string) string { return strings.Join(l, "\r\n") + "\r\n\r\n" }

// minimal is a request with the headers that must be there, and more.
func minimal(more ...string) string {
	return lines(append([]string{"OPTIONS sip:a@b SIP/2.0", "Via: SIP/2.0/UDP h;branch=z9hG4bK1", "From: <sip:a@b>;tag=f", "To: <sip:c@d>", "Call-ID: id", "CSeq: 7 OPTIONS"}, more...)...)
}

func TestParseLegalOddities(t *testing.T) {
	tests := []struct {
		name, text string
		check      func(m *message) bool
	}{
		{"minimal", minimal(), func(m *message) bool {
			return m.request && m.method == methodOptions && string(m.uri) == "sip:a@b" && string(m.callID) == "id" && m.cseq == 7 && m.maxForwards == -1 && string(m.fromTag) == "f" && m.toTag == nil
		}},
		{"bare LF", strings.ReplaceAll(minimal(), "\r\n", "\n") + "body", func(m *message) bool { return string(m.body) == "body" && string(m.callID) == "id" }},
		{"empty lines in front", "\r\n\n\r\n" + minimal(), func(m *message) bool { return string(m.methodName) == "OPTIONS" }},
		{"compact names", "INVITE sip:a@b SIP/2.0\r\nv: SIP/2.0/UDP h:5;branch=z9hG4bK1\r\nF: <sip:a@b>;tag=f\r\nt: <sip:c@d>;tag=t\r\ni: id\r\nCSeq: 7 INVITE\r\nm: <sip:me@h>\r\nL: 2\r\nc: application/sdp\r\n\r\nabcd",
			func(m *message) bool {
				return m.via.port == 5 && string(m.toTag) == "t" && string(m.body) == "ab" && m.contact() == "sip:me@h" && string(m.find(hdrContentType)) == "application/sdp"
			}},
		{"names without case", strings.NewReplacer("Via:", "VIA:", "From:", "fRoM:", "Call-ID:", "call-id:", "CSeq:", "cseq:").Replace(minimal("MAX-FORWARDS: 9")), func(m *message) bool {
			return m.maxForwards == 9 && string(m.callID) == "id"
		}},
		{"blanks around the colon", strings.Replace(minimal(), "Call-ID: id", "Call-ID \t :  \t id \t ", 1), func(m *message) bool { return string(m.callID) == "id" }},
		{"no blank behind the colon", strings.Replace(minimal(), "Call-ID: id", "Call-ID:id", 1), func(m *message) bool { return string(m.callID) == "id" }},
		{"folded lines", strings.Replace(minimal(), "CSeq: 7 OPTIONS", "CSeq:\r\n 7\r\n\tOPTIONS\r\nSubject: a\r\n b\n  c", 1), func(m *message) bool {
			return m.cseq == 7 && string(m.headers[5].name(m)) == "Subject" && strings.Join(strings.Fields(string(m.value(&m.headers[5]))), " ") == "a b c"
		}},
		{"folded Via", strings.Replace(minimal(), "UDP h;branch", "UDP h\r\n ;branch", 1), func(m *message) bool { return string(m.via.branch) == "z9hG4bK1" }},
		{"parameters in capitals", strings.NewReplacer(";tag=f", " ; TAG = f", ";branch=", ";BRANCH=").Replace(minimal()), func(m *message) bool {
			return string(m.fromTag) == "f" && string(m.via.branch) == "z9hG4bK1"
		}},
		{"From without brackets", strings.Replace(minimal(), "<sip:a@b>;tag=f", "sip:a@b;x=y;tag=f", 1), func(m *message) bool {
			return string(m.fromTag) == "f" && string(addressIn(m.from)) == "sip:a@b"
		}},
		{"display name that looks like parameters", strings.Replace(minimal(), "<sip:a@b>;tag=f", `"A;tag=x,<sip:e@f>\";tag=y" <sip:a@b;tag=z?q=1>;tag=f`, 1), func(m *message) bool {
			return string(m.fromTag) == "f" && string(addressIn(m.from)) == "sip:a@b;tag=z?q=1"
		}},
		{"display name in other scripts", strings.Replace(minimal(), "<sip:a@b>;tag=f", "Jürgen <sip:a@b>;tag=f", 1), func(m *message) bool { return string(m.fromTag) == "f" }},
		{"no length", minimal() + "all of it", func(m *message) bool { return string(m.body) == "all of it" }},
		{"length shorter than the datagram", minimal("Content-Length: 3") + "all of it", func(m *message) bool { return string(m.body) == "all" }},
		{"no empty line", strings.TrimSuffix(minimal(), "\r\n"), func(m *message) bool { return string(m.callID) == "id" && len(m.body) == 0 }},
		{"no end of line at all", strings.TrimSuffix(minimal(), "\r\n\r\n"), func(m *message) bool { return m.cseq == 7 }},
		{"empty header", minimal("Subject:", "Allow:   "), func(m *message) bool { return len(m.headers) == 7 && len(m.value(&m.headers[6])) == 0 }},
		{"extension method", strings.ReplaceAll(minimal(), "OPTIONS", "NEWMETHOD"), func(m *message) bool { return m.method == methodOther && string(m.methodName) == "NEWMETHOD" }},
		{"method in lower case is another one", strings.ReplaceAll(minimal(), "OPTIONS", "invite"), func(m *message) bool { return m.method == methodOther }},
		{"version in lower case", strings.Replace(minimal(), "a@b SIP/2.0", "a@b sip/2.0", 1), func(m *message) bool { return m.request }},
		{"answer", "SIP/2.0 200 Good, SIP/2.0 better\r\n" + strings.SplitN(minimal(), "\r\n", 2)[1], func(m *message) bool {
			return !m.request && m.status == 200 && string(m.reason) == "Good, SIP/2.0 better"
		}},
		{"answer without a phrase", "SIP/2.0 200\r\n" + strings.SplitN(minimal(), "\r\n", 2)[1], func(m *message) bool { return m.status == 200 && len(m.reason) == 0 }},
		{"leading zeros", strings.Replace(minimal("Max-Forwards: 00000000000070"), "7 OPTIONS", "00000000007 OPTIONS", 1), func(m *message) bool { return m.cseq == 7 && m.maxForwards == 70 }},
		{"tab in CSeq", strings.Replace(minimal(), "7 OPTIONS", "7\t OPTIONS", 1), func(m *message) bool { return m.cseq == 7 && string(m.cseqMethod) == "OPTIONS" }},
		{"long names", strings.ReplaceAll(minimal(strings.Repeat("X", 300)+": y"), "OPTIONS", strings.Repeat("M", 200)), func(m *message) bool { return len(m.methodName) == 200 && len(m.headers) == 6 }},
		{"blanks in the start line", strings.Replace(minimal(), "OPTIONS sip:a@b SIP/2.0", "OPTIONS   sip:a@b   SIP/2.0 ", 1), func(m *message) bool { return string(m.uri) == "sip:a@b" }},
		{"blanks in the status line", "SIP/2.0  200  OK\r\n" + strings.SplitN(minimal(), "\r\n", 2)[1], func(m *message) bool { return m.status == 200 }},
		{"headers in the Request-URI", strings.Replace(minimal(), "sip:a@b", "sips:a?b@c;d?Route=%3Csip:e%3E", 1), func(m *message) bool { return string(m.uri) == "sips:a?b@c;d" }},
		{"question mark of another scheme", strings.Replace(minimal(), "sip:a@b", "http://a?b", 1), func(m *message) bool { return string(m.uri) == "http://a?b" }},
		{"escaped NUL in a display name", strings.Replace(minimal(), "<sip:a@b>;tag=f", "\"a\\\x00\\\\\" <sip:a@b>;tag=f", 1), func(m *message) bool {
			return string(m.fromTag) == "f" && string(addressIn(m.from)) == "sip:a@b"
		}},
		{"empty parameters of a Via", strings.Replace(minimal(), ";branch", ";;branch", 1), func(m *message) bool { return string(m.via.branch) == "z9hG4bK1" }},
		{"Via of several", strings.Replace(minimal(), ";branch", ", SIP/2.0/TCP [::1]:5;branch", 1), func(m *message) bool { return string(m.via.host) == "h" && countVias(m) == 2 }},
		{"answer with a Via that we need not read", "SIP/2.0 200 OK\r\n" + strings.SplitN(strings.Replace(minimal(), ";branch", ",x;branch", 1), "\r\n", 2)[1], func(m *message) bool { return countVias(m) == 2 }},
		{"value with colons", minimal("X: a:b:c"), func(m *message) bool { return string(m.value(&m.headers[5])) == "a:b:c" }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var m message
			if err := m.parse([]byte(test.text)); err != nil {
				t.Fatal(err)
			}
			if !test.check(&m) {
				t.Errorf("read as %+v\n%s", m, m.raw)
			}
		})
	}
}

func (h *header) name(m *message) []byte { return m.raw[h.nameAt:h.nameEnd] }

func TestParseMalformed(t *testing.T) {
	tests := []struct {
		name, text string
		want       error
	}{
		{"nothing", "", errEmpty},
		{"keep-alive", "\r\n\r\n", errEmpty},
		{"too long", "X" + strings.Repeat("y", maxMessage), errEmpty},
		{"keep-alive of NULs", "\x00\x00\r\n", errEmpty},
		{"one word", "HELLO\r\n\r\n", errStartLine},
		{"no version", "INVITE sip:a@b\r\n\r\n", errStartLine},
		{"other protocol", "GET / HTTP/1.1\r\n\r\n", errStartLine},
		{"no URI", "INVITE  SIP/2.0\r\n\r\n", errStartLine},
		{"quote in the URI", "INVITE sip:\"a@b SIP/2.0\r\n\r\n", errURI},
		{"brackets around the URI", "INVITE <sip:a@b> SIP/2.0\r\n\r\n", errURI},
		{"NUL in a phrase", "SIP/2.0 200 O\x00K\r\n\r\n", errStartLine},
		{"blank in the URI", "INVITE sip:a @b SIP/2.0\r\n\r\n", errStartLine},
		{"method is no token", "IN(ITE sip:a@b SIP/2.0\r\n\r\n", errStartLine},
		{"CR in the start line", "INVITE sip:a\r@b SIP/2.0\r\n\r\n", errStartLine},
		{"NUL in the start line", "INVITE sip:a\x00@b SIP/2.0\r\n\r\n", errStartLine},
		{"version", strings.Replace(minimal(), "SIP/2.0", "SIP/7.0", 1), errVersion},
		{"answer's version", "SIP/7.0 200 OK\r\n\r\n", errVersion},
		{"status of four digits", "SIP/2.0 2000 OK\r\n\r\n", errStartLine},
		{"status 700", "SIP/2.0 700 OK\r\n\r\n", errStartLine},
		{"status 099", "SIP/2.0 099 OK\r\n\r\n", errStartLine},
		{"status with a sign", "SIP/2.0 +20 OK\r\n\r\n", errStartLine},
		{"line without colon", minimal("What"), errHeader},
		{"name of nothing", minimal(": what"), errHeader},
		{"blank in a name", minimal("A B: what"), errHeader},
		{"fold of nothing", "OPTIONS sip:a@b SIP/2.0\r\n Via: x\r\n\r\n", errHeader},
		{"CR in a header", minimal("A: b\rVia: c"), errControl},
		{"two CR", minimal("A: b\r"), errControl},
		{"NUL in a header", minimal("A: b\x00"), errControl},
		{"NUL in a display name", minimal("Contact: \"\x00\" <sip:a@b>"), errControl},
		{"NUL behind an escaped backslash", minimal("Contact: \"\\\\\x00\" <sip:a@b>"), errControl},
		{"escaped CR", minimal("Contact: \"\\\rVia: x\" <sip:a@b>"), errControl},
		{"escaped NUL and no address", minimal("Contact: \"\\\x00\";x"), errControl},
		{"escaped NUL and an open quote", minimal("Contact: \"\\\x00<sip:a@b>"), errControl},
		{"escaped NUL and another one", minimal("Contact: \"\\\x00\" <sip:a\x00@b>"), errControl},
		{"escaped NUL in a Call-ID", strings.Replace(minimal(), "Call-ID: id", "Call-ID: \"\\\x00\"<", 1), errControl},
		{"CR in a fold", minimal("A: b\r\n c\rd"), errControl},
		{"129 headers", minimal(strings.Split(strings.Repeat("A: b\n", maxHeaders-4), "\n")[:maxHeaders-4]...), errTooMany},
		{"two Call-ID", minimal("i: other"), errRepeated},
		{"two CSeq", minimal("CSeq: 7 OPTIONS"), errRepeated},
		{"two lengths", minimal("l: 0", "Content-Length: 0"), errRepeated},
		{"no Via", strings.Replace(minimal(), "Via", "Vio", 1), errMissing},
		{"Via of another version", strings.Replace(minimal(), "SIP/2.0/UDP", "SIP/3.0/UDP", 1), errVia},
		{"nothing behind a Via's comma", strings.Replace(minimal(), ";branch", ",;branch", 1), errVia},
		{"open quote in From", strings.Replace(minimal(), "<sip:a@b>", "\"a <sip:a@b>", 1), errAddress},
		{"open bracket in To", strings.Replace(minimal(), "<sip:c@d>", "<sip:c@d", 1), errAddress},
		{"no Call-ID", strings.Replace(minimal(), "Call-ID", "Call-Id2", 1), errMissing},
		{"empty Call-ID", strings.Replace(minimal(), "Call-ID: id", "Call-ID: ", 1), errMissing},
		{"no CSeq", strings.Replace(minimal(), "CSeq", "CSeg", 1), errMissing},
		{"CSeq without a method", strings.Replace(minimal(), "7 OPTIONS", "7", 1), errCSeq},
		{"CSeq of another method", strings.Replace(minimal(), "7 OPTIONS", "7 BYE", 1), errCSeq},
		{"CSeq of 2^31", strings.Replace(minimal(), "7 OPTIONS", "2147483648 OPTIONS", 1), errCSeq},
		{"CSeq of eleven digits", strings.Replace(minimal(), "7 OPTIONS", "10000000007 OPTIONS", 1), errCSeq},
		{"CSeq below 0", strings.Replace(minimal(), "7 OPTIONS", "-7 OPTIONS", 1), errCSeq},
		{"hops", minimal("Max-Forwards: 256"), errForwards},
		{"hops below 0", minimal("Max-Forwards: -1"), errForwards},
		{"length past the end", minimal("Content-Length: 4") + "abc", errLength},
		{"length below 0", minimal("Content-Length: -1"), errLength},
		{"length in words", minimal("Content-Length: ten"), errLength},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var m message
			if err := m.parse([]byte(test.text)); !errors.Is(err, test.want) {
				t.Errorf("%v, want %v", err, test.want)
			}
		})
	}
}

// Whatever is wrong, and wherever: the answer finds its way and repeats what can be repeated, once.
func TestMalformedIsReadToItsEnd(t *testing.T) {
	for _, change := range [][2]string{
		{"Via:", "No colon\r\nVia:"}, {"Via:", "Max-Forwards: x\r\nVia:"}, {"Via:", "l: x\r\nVia:"}, {"Via:", "From: x\r\nVia:"}, {"Via:", "A: \x00\r\nVia:"},
		{"OPTIONS sip:a@b", "OPTIONS sip:a @b"}, {"OPTIONS sip:a@b", "OPTIONS <sip:a@b>"}, {" SIP/2.0\r\n", " SIP/9.0\r\n"}, {"h;branch", "h,,;branch"},
	} {
		var m message
		if err := m.parse([]byte(strings.Replace(minimal(), change[0], change[1], 1))); err == nil {
			t.Errorf("%q is taken", change[1])
		}
		answer := string(appendReply(nil, &m, netip.MustParseAddrPort("192.0.2.9:7777"), reply{status: 400, reason: "Bad Request", toTag: "t"}))
		for _, line := range []string{"\r\nVia: SIP/2.0/UDP h", "\r\nFrom: ", "\r\nTo: <sip:c@d>;tag=t\r\n", "\r\nCall-ID: id\r\n", "\r\nCSeq: 7 OPTIONS\r\n"} {
			if strings.Count(answer, line) != 1 {
				t.Errorf("%q is answered\n%s", change[1], answer)
			}
		}
	}
}

func TestOffsetsOfTheLongestMessage(t *testing.T) {
	head, tail := strings.TrimSuffix(minimal(), "\r\n")+"X: ", "\r\nZ: z\r\n\r\n"
	text := head + strings.Repeat("y", maxMessage-len(head)-len(tail)) + tail
	var m message
	if err := m.parse([]byte(text)); err != nil {
		t.Fatal(err)
	}
	last := &m.headers[len(m.headers)-1]
	if string(last.name(&m)) != "Z" || string(m.value(last)) != "z" || len(m.body) != 0 {
		t.Errorf("the last header is %q, the body %q", m.line(last), m.body)
	}
}

func TestVia(t *testing.T) {
	from := netip.MustParseAddrPort("192.0.2.9:7777")
	tests := []struct {
		name, value  string
		host, branch string
		port         uint16
		written      string // as it goes on; "": as it came
		answer       string // where answers go
	}{
		{"plain", "SIP/2.0/UDP 192.0.2.9:5062;branch=z9hG4bK1", "192.0.2.9", "z9hG4bK1", 5062, "", "192.0.2.9:5062"},
		{"default port", "SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1", "192.0.2.9", "z9hG4bK1", 0, "", "192.0.2.9:5060"},
		{"name", "SIP/2.0/UDP pc.example.com;branch=b", "pc.example.com", "b", 0, "SIP/2.0/UDP pc.example.com;branch=b;received=192.0.2.9", "192.0.2.9:5060"},
		{"other address", "SIP/2.0/UDP 10.0.0.1:99;branch=b", "10.0.0.1", "b", 99, "SIP/2.0/UDP 10.0.0.1:99;branch=b;received=192.0.2.9", "192.0.2.9:99"},
		{"rport", "SIP/2.0/UDP 10.0.0.1:99;rport;branch=b", "10.0.0.1", "b", 99, "SIP/2.0/UDP 10.0.0.1:99;rport=7777;branch=b;received=192.0.2.9", "192.0.2.9:7777"},
		{"rport at the end", "SIP/2.0/UDP 192.0.2.9;branch=b;RPORT", "192.0.2.9", "b", 0, "SIP/2.0/UDP 192.0.2.9;branch=b;RPORT=7777;received=192.0.2.9", "192.0.2.9:7777"},
		{"rport with blanks", "SIP/2.0/UDP 192.0.2.9 ; rport ; branch = b", "192.0.2.9", "b", 0, "SIP/2.0/UDP 192.0.2.9 ; rport=7777 ; branch = b;received=192.0.2.9", "192.0.2.9:7777"},
		{"blanks", "SIP / 2.0 / UDP first.example.com: 4000;ttl=16;maddr=224.2.0.1 ;branch=b", "first.example.com", "b", 4000, "SIP / 2.0 / UDP first.example.com: 4000;ttl=16;maddr=224.2.0.1 ;branch=b;received=192.0.2.9", "192.0.2.9:4000"},
		{"tab", "SIP/2.0/UDP\t192.0.2.9;branch=b", "192.0.2.9", "b", 0, "", "192.0.2.9:5060"},
		{"list", "SIP/2.0/UDP 192.0.2.9;branch=b , SIP/2.0/TCP x;branch=c", "192.0.2.9", "b", 0, "", "192.0.2.9:5060"},
		{"list with rport", "SIP/2.0/UDP 192.0.2.9;rport,SIP/2.0/TCP x;rport", "192.0.2.9", "", 0, "SIP/2.0/UDP 192.0.2.9;rport=7777;received=192.0.2.9,SIP/2.0/TCP x;rport", "192.0.2.9:7777"},
		{"quoted", `SIP/2.0/UDP 192.0.2.9;x="a;branch=no,b";branch=b`, "192.0.2.9", "b", 0, "", "192.0.2.9:5060"},
		{"IPv6", "SIP/2.0/UDP [2001:db8::1]:5061;branch=b", "[2001:db8::1]", "b", 5061, "SIP/2.0/UDP [2001:db8::1]:5061;branch=b;received=192.0.2.9", "192.0.2.9:5061"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var m message
			text := strings.Replace(minimal(), "SIP/2.0/UDP h;branch=z9hG4bK1", test.value, 1)
			if err := m.parse([]byte(text)); err != nil {
				t.Fatal(err)
			}
			if string(m.via.host) != test.host || m.via.port != test.port || string(m.via.branch) != test.branch {
				t.Errorf("read as %s port %d branch %s", m.via.host, m.via.port, m.via.branch)
			}
			want := test.written
			if want == "" {
				want = test.value
			}
			if got := string(appendReceivedVia(nil, &m, from)); got != "Via: "+want {
				t.Errorf("written as %s", got)
			}
			if got := replyTo(&m, from).String(); got != test.answer {
				t.Errorf("answers go to %s", got)
			}
		})
	}
	for _, bad := range []string{"", "SIP/2.0/UDP", "SIP/2.0 h", "SIP/3.0/UDP h", "HTTP/2.0/UDP h", "SIP/2.0/UDP h:0", "SIP/2.0/UDP h:65536", "SIP/2.0/UDP h:x", "SIP/2.0/UDP [::1", "SIP/2.0/UDP [::1]5060", "SIP/2.0/UDP ;branch=b", "SIP/2.0/UDP :5060"} {
		var v via
		if err := v.parse([]byte(bad)); err == nil {
			t.Errorf("%q is read as %+v", bad, v)
		}
	}
}

// A topmost Via that says IPv6 loopback in another spelling needs no received.
func TestReceivedOverIPv6(t *testing.T) {
	for via, want := range map[string]string{
		"SIP/2.0/UDP [0:0::1]:5062":       "SIP/2.0/UDP [0:0::1]:5062",
		"SIP/2.0/UDP [::2]:5062":          "SIP/2.0/UDP [::2]:5062;received=::1",
		"SIP/2.0/UDP [::1]:5062;rport":    "SIP/2.0/UDP [::1]:5062;rport=5070;received=::1",
		"SIP/2.0/UDP example.com;rport=9": "SIP/2.0/UDP example.com;rport=9;received=::1",
	} {
		var m message
		if err := m.parse([]byte(strings.Replace(minimal(), "SIP/2.0/UDP h;branch=z9hG4bK1", via, 1))); err != nil {
			t.Fatal(err)
		}
		if got := string(appendReceivedVia(nil, &m, netip.MustParseAddrPort("[::1]:5070"))); got != "Via: "+want {
			t.Errorf("%s is written as %s", via, got)
		}
	}
}
