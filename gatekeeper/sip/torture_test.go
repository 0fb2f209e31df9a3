package sip

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tollgate/acctstack"
	"tollgate/cdr"
	"tollgate/gatekeeper"
)

// torture is one message of RFC 4475 and what a stateful, record-routing proxy that is no registrar does with it. Where
// the RFC leaves a choice, asks says which one was taken and why.
type torture struct {
	name, section, asks string
	parse               error                 // what the parser says
	sees                func(m *message) bool // what it reads; nil: nothing of interest
	passes              bool                  // the request goes on
	user                string                // the user part that it goes on with
	answers             []int                 // one of these; none: the message is dropped, unless it goes on
	extra               string                // a line of the answer
}

var (
	refused = []int{405} // REGISTER, as we are no registrar and there is none behind us
	bad     = []int{400}
)

func contactIs(uri string) func(m *message) bool {
	return func(m *message) bool { return m.contact() == uri }
}

func count(m *message, id headerID) (n int) {
	for i := range m.headers {
		if m.headers[i].id == id {
			n++
		}
	}
	return n
}

var validTorture = []torture{
	{name: "wsinv", section: "3.1.1.1", asks: "well formed; 481, as its To has a tag and we know the calls that run through us", answers: []int{481}, sees: func(m *message) bool {
		return m.maxForwards == 68 && m.cseq == 9 && string(m.fromTag) == "98asjd8" && string(m.toTag) == "1918181833n" && string(m.via.branch) == "390skdjuw" &&
			string(m.via.host) == "192.0.2.2" && m.contact() == "sip:jdrosen@example.com" && countVias(m) == 3 && len(m.body) == 150
	}},
	{name: "intmeth", section: "3.1.1.2", asks: "well formed; a proxy passes unknown methods on", passes: true, user: "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/", sees: func(m *message) bool {
		return m.method == methodOther && string(m.methodName) == "!interesting-Method0123456789_*+`.%indeed'~" && string(m.fromTag) == "_token~1'+`*%!-." &&
			string(m.callID) == `intmeth.word%ZK-!.*_+'@word`+"`"+`~)(><:\/"][?}{` && string(m.via.branch) == "z9hG4bK-.!%66*_+`'~" &&
			strings.HasSuffix(string(m.uri), "(doesn't-it)@example.com")
	}},
	{name: "esc01", section: "3.1.1.3", asks: "the escaped user is a user, and no sips URI", passes: true, user: "sips%3Auser%40example.com",
		sees: contactIs("sip:cal%6Cer@host5.example.net;%6C%72;n%61me=v%61lue%25%34%31")},
	{name: "escnull", section: "3.1.1.4", asks: "escaped NULs are part of a user", answers: refused, sees: contactIs("sip:%00@host5.example.com")},
	{name: "esc02", section: "3.1.1.5", asks: "% in a method or a header name escapes nothing: both are unknown", passes: true, sees: func(m *message) bool {
		return string(m.methodName) == "RE%47IST%45R" && count(m, hdrContact) == 2
	}},
	{name: "lwsdisp", section: "3.1.1.6", asks: "no blank is needed in front of <", passes: true, user: "user", sees: func(m *message) bool {
		return string(addressIn(m.from)) == "sip:caller@example.com" && string(m.fromTag) == "323"
	}},
	{name: "longreq", section: "3.1.1.7", asks: "well formed, however long its parts are", passes: true, user: "user", sees: func(m *message) bool {
		return countVias(m) == 34 && len(m.callID) == len("longreq.onelongcallid")+20*len("really") && len(m.body) == 150
	}},
	{name: "dblreq", section: "3.1.1.8", asks: "the octets behind the REGISTER are ignored, although they are an INVITE", answers: refused, sees: func(m *message) bool {
		return string(m.methodName) == "REGISTER" && len(m.body) == 0
	}},
	{name: "semiuri", section: "3.1.1.9", asks: "the semicolon belongs to the user, and is no parameter of the URI", passes: true, user: "user", sees: func(m *message) bool {
		return string(m.uri) == "sip:user;par=u%40example.net@example.com"
	}},
	{name: "transports", section: "3.1.1.10", asks: "unknown transports in Vias are no concern of ours", passes: true, user: "user", sees: func(m *message) bool {
		return countVias(m) == 5 && string(m.via.host) == "t1.example.com"
	}},
	{name: "mpart01", section: "3.1.1.11", asks: "a binary body of several parts is a body", passes: true, user: "kumiko", sees: func(m *message) bool {
		return len(m.body) == 553 && strings.Contains(string(m.body), "\x02\x08\x01\x95\x00\x71")
	}},
	{name: "unreason", section: "3.1.1.12", asks: "the phrase is UTF-8 and means nothing", sees: func(m *message) bool {
		return m.status == 200 && string(m.reason) == "= 2**3 * 5**2 но сто девяносто девять - простое"
	}},
	{name: "noreason", section: "3.1.1.13", asks: "the phrase may be empty", sees: func(m *message) bool { return m.status == 100 && len(m.reason) == 0 }},
}

var invalidTorture = []torture{
	{name: "badinv01", section: "3.1.2.1", asks: "400: behind the commas of the Via there is no Via", parse: errVia, answers: bad},
	{name: "clerr", section: "3.1.2.2", asks: "400: the datagram ends before the body does", parse: errLength, answers: bad},
	{name: "ncl", section: "3.1.2.3", asks: "400: no length is negative", parse: errLength, answers: bad},
	{name: "scalar02", section: "3.1.2.4", asks: "400 for the CSeq, which does not fit", parse: errCSeq, answers: bad},
	{name: "scalarlg", section: "3.1.2.5", asks: "an answer whose CSeq does not fit is discarded", parse: errCSeq},
	{name: "quotbal", section: "3.1.2.6", asks: "400 rather than to guess where the quote ends: a tag may stand behind it or not", parse: errAddress, answers: bad},
	{name: "ltgtruri", section: "3.1.2.7", asks: "400 rather than to strip the brackets: the called party of a record is not guessed", parse: errURI, answers: bad},
	{name: "lwsruri", section: "3.1.2.8", asks: "400 rather than to close the gap, for the same reason", parse: errStartLine, answers: bad},
	{name: "lwsstart", section: "3.1.2.9", asks: "passed on without the extra blanks, as nothing is ambiguous", passes: true, user: "user"},
	{name: "trws", section: "3.1.2.10", asks: "passed on without the extra blanks, as nothing is ambiguous", passes: true, user: "remote-target", sees: func(m *message) bool {
		return string(m.uri) == "sip:remote-target@example.com"
	}},
	{name: "escruri", section: "3.1.2.11", asks: "passed on without the headers of its Request-URI, which are not heeded: a common mistake that harms nobody", passes: true, user: "user",
		sees: func(m *message) bool { return string(m.uri) == "sip:user@example.com" }},
	{name: "baddate", section: "3.1.2.12", asks: "passed on: a proxy does not read Date", passes: true, user: "user"},
	{name: "regbadct", section: "3.1.2.13", asks: "its Contact is a registrar's concern", answers: refused, sees: contactIs("sip:user@example.com")},
	{name: "badaspec", section: "3.1.2.14", asks: "passed on: the header goes on as it is, and without the blanks its address is clear", passes: true, user: "user", sees: func(m *message) bool {
		return string(addressIn(m.to)) == "sip:t.watson@example.org" && len(m.toTag) == 0
	}},
	{name: "baddn", section: "3.1.2.15", asks: "passed on: a display name without quotes goes on as it is, since its address and tag are clear", passes: true, user: "t.watson", sees: func(m *message) bool {
		return string(addressIn(m.from)) == "sip:a.g.bell@example.com" && string(m.fromTag) == "43"
	}},
	{name: "badvers", section: "3.1.2.16", asks: "505, although its Via is of that version too", parse: errVersion, answers: []int{505}},
	{name: "mismatch01", section: "3.1.2.17", asks: "400: CSeq names another method", parse: errCSeq, answers: bad},
	{name: "mismatch02", section: "3.1.2.18", asks: "400 or 501: CSeq names another method than the unknown one", parse: errCSeq, answers: []int{400, 501}},
	{name: "bigcode", section: "3.1.2.19", asks: "an answer whose status does not fit is discarded", parse: errStartLine},
}

var laterTorture = []torture{
	{name: "badbranch", section: "3.2.1", asks: "nothing behind the magic cookie: matched as RFC 2543 did", passes: true, user: "user", sees: func(m *message) bool {
		return string(m.via.branch) == magicCookie
	}},
	{name: "insuf", section: "3.3.1", asks: "400: no Call-ID, From or To", parse: errMissing, answers: bad},
	{name: "unkscm", section: "3.3.2", asks: "416: an unknown scheme", answers: []int{416}},
	{name: "novelsc", section: "3.3.3", asks: "416: a scheme that is none of SIP's; 400 if it is not read as a URI at all", answers: []int{400, 416}},
	{name: "unksm2", section: "3.3.4", asks: "unknown schemes in From, To and Contact are an endpoint's concern", answers: refused, sees: func(m *message) bool {
		return string(addressIn(m.to)) == "isbn:2983792873" && string(addressIn(m.from)) == "http://www.example.com" && string(m.fromTag) == "3234233"
	}},
	{name: "bext01", section: "3.3.5", asks: "420 with what Proxy-Require names, and not what Require does", answers: []int{420},
		extra: "Unsupported: noProxiesSupportThis, norDoAnyProxiesSupportThis\r\n"},
	{name: "invut", section: "3.3.6", asks: "passed on: the body is an endpoint's concern", passes: true, user: "user"},
	{name: "regaut01", section: "3.3.7", asks: "an unknown scheme of Authorization is as good as none", answers: refused},
	{name: "multi01", section: "3.3.8", asks: "400: two each of what may stand once", parse: errRepeated, answers: bad},
	{name: "mcl01", section: "3.3.9", asks: "400: two lengths", parse: errRepeated, answers: bad},
	{name: "bcast", section: "3.3.10", asks: "dropped, and never sent to the broadcast address that the second Via names", sees: func(m *message) bool {
		return m.status == 200 && countVias(m) == 2
	}},
	{name: "zeromf", section: "3.3.11", asks: "answered as if we were its end (RFC 3261 11), where 483 is for other methods", answers: []int{200},
		sees: func(m *message) bool { return m.maxForwards == 0 }},
	{name: "cparam01", section: "3.3.12", asks: "a parameter of the Contact header", answers: refused, sees: contactIs("sip:+19725552222@gw1.example.net")},
	{name: "cparam02", section: "3.3.13", asks: "a parameter of the Contact URI", answers: refused, sees: contactIs("sip:+19725552222@gw1.example.net;unknownparam")},
	{name: "regescrt", section: "3.3.14", asks: "headers in the Contact URI, which a Request-URI never takes", answers: refused, sees: contactIs("sip:user@example.com")},
	{name: "sdp01", section: "3.3.15", asks: "passed on: Accept is an endpoint's concern", passes: true, user: "user"},
	{name: "inv2543", section: "3.4.1", asks: "passed on with a Max-Forwards: no tag, no branch and no length are RFC 2543's ways", passes: true, user: "UserB", sees: func(m *message) bool {
		return m.maxForwards == -1 && m.fromTag == nil && m.via.branch == nil && len(m.body) == 105
	}},
}

func allTorture() []torture { return slices.Concat(validTorture, invalidTorture, laterTorture) }

// message is the text of the RFC, octet by octet.
func (c *torture) message(t testing.TB) string {
	text, err := os.ReadFile(filepath.Join("testdata", "torture", c.name+".dat"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestTortureMessagesAreAllThere(t *testing.T) {
	files, err := filepath.Glob("testdata/torture/*.dat")
	if err != nil || len(files) != 49 || len(allTorture()) != 49 {
		t.Errorf("%d files, %d cases: %v", len(files), len(allTorture()), err)
	}
	for _, c := range allTorture() {
		head, _, _ := strings.Cut(c.message(t), "\r\n\r\n")
		if strings.Count(head, "\n") != strings.Count(head, "\r\n") || strings.Count(head, "\r\n") < 4 {
			t.Errorf("%s has lost its line ends", c.name)
		}
	}
}

func TestTortureParser(t *testing.T) {
	for _, c := range allTorture() {
		t.Run(c.section+" "+c.name, func(t *testing.T) {
			var m message
			if err := m.parse([]byte(c.message(t))); err != c.parse {
				t.Fatalf("%v, want %v: %s", err, c.parse, c.asks)
			}
			if c.sees != nil && !c.sees(&m) {
				t.Errorf("%s; read as %+v\n%s", c.asks, m, m.raw)
			}
		})
	}
}

// A request that goes on is the one that came, whatever its method, but for what RFC 3261 16.6 changes.
func TestTortureRequestsGoOn(t *testing.T) {
	from := netip.MustParseAddrPort("203.0.113.7:40000")
	l := fronts("192.0.2.77:5060").listeners[0]
	for _, c := range allTorture() {
		text := c.message(t)
		if strings.HasPrefix(text, "SIP/") || c.parse != nil || c.name == "zeromf" {
			continue
		}
		m := parsed(t, text)
		h := &hop{uri: m.uri, branch: 2, listener: l, from: from}
		if m.method == methodInvite {
			h.recordRoute = l
		}
		on := string(appendForward(nil, m, h))
		if want := goingOn(text, string(m.uri), l, magicCookie+"0000000000000002", from); on != want {
			t.Errorf("%s goes on as\n%q, want\n%q", c.name, on, want)
		}
		var after message
		if err := after.parse([]byte(on)); err != nil {
			t.Errorf("%s goes on as what nobody takes: %v", c.name, err)
		}
		sameMessage(t, m, &after)
	}
}

// An answer that goes up is the one that came, less our own Via.
func TestTortureAnswersGoUp(t *testing.T) {
	for _, c := range allTorture() {
		text := c.message(t)
		if !strings.HasPrefix(text, "SIP/") || c.parse != nil {
			continue
		}
		line, rest, _ := strings.Cut(text, "\r\n")
		m := parsed(t, line+"\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n"+rest)
		if up := string(appendUpstream(nil, m, &edits{})); up != text {
			t.Errorf("%s goes up as\n%s", c.name, up)
		}
	}
}

// apart puts the called side where no message of the RFC points to, and trusts the sender's network alone.
func apart(r *rig, _ *gatekeeper.Settings, s *Settings) {
	_ = r.callee.conn.Close()
	r.callee = r.newAgentAt("bob", "127.44.76.1")
	s.Routes = routesTo(r.t, r.callee.target())
	s.Trusted = []netip.Prefix{netip.MustParsePrefix("127.44.75.0/24")}
}

// torturer is an agent at the port that the message's Via names, where answers without rport go (RFC 3261 18.2.2), on a
// loopback address of its own.
func (r *rig) torturer(text string) *agent {
	port := "5060"
	if via := regexp.MustCompile(`(?m)^Via: SIP/2.0/UDP [^;:\r]*:(\d+)`).FindStringSubmatch(text); via != nil {
		port = via[1]
	}
	for n := range 250 {
		conn, err := net.ListenPacket("udp4", fmt.Sprintf("127.44.75.%d:%s", n+1, port))
		if err != nil {
			continue // somebody else's test
		}
		r.t.Cleanup(func() { _ = conn.Close() })
		udp := conn.(*net.UDPConn)
		return &agent{r: r, t: r.t, name: "torturer", conn: udp, addr: unmapped(udp.LocalAddr().(*net.UDPAddr).AddrPort())}
	}
	r.t.Fatalf("port %s is in use on all of 127.44.75.0/24", port)
	return nil
}

func TestTorture(t *testing.T) {
	for _, c := range allTorture() {
		t.Run(c.section+" "+c.name, func(t *testing.T) {
			text := c.message(t)
			r := newRig(t, apart)
			a := r.torturer(text)
			a.sendText(text)
			switch {
			case c.passes:
				r.passes(t, a, &c, text)
			case len(c.answers) > 0:
				c.isAnswered(t, a, text)
			}
			a.quiet()
			r.callee.quiet()
		})
	}
}

// isAnswered checks the answer: its status, and that it repeats the Vias as RFC 3261 8.2.6.2 wants.
func (c *torture) isAnswered(t *testing.T, a *agent, text string) {
	t.Helper()
	answer := a.receiveText()
	status, _ := strconv.Atoi(strings.SplitN(answer, " ", 3)[1])
	if !slices.Contains(c.answers, status) || !strings.HasPrefix(answer, "SIP/2.0 ") {
		t.Errorf("%s, one of %d; answered\n%s", c.asks, c.answers, answer)
	}
	if status == 405 && !strings.Contains(answer, "\r\nAllow: ") || !strings.Contains(answer, c.extra) {
		t.Errorf("the answer does not say what is possible:\n%s", answer)
	}
	if got, want := viasOf(answer), received(viasOf(text), a.addr); !slices.Equal(got, want) {
		t.Errorf("the Vias of the answer are\n%q, want\n%q", got, want)
	}
}

// passes checks that the request goes on, to the octet, that its answer comes back, and that a call is accounted.
func (r *rig) passes(t *testing.T, a *agent, c *torture, text string) {
	t.Helper()
	got := r.callee.receiveText()
	in := parsed(t, got)
	uri := "sip:" + strings.TrimPrefix(c.user+"@"+r.callee.addr.String(), "@")
	if want := goingOn(text, uri, r.front.listeners[0], string(in.via.branch), a.addr); got != want {
		t.Fatalf("goes on as\n%q, want\n%q", got, want)
	}
	r.callee.answer(in, "486 Busy Here")
	if in.method == methodInvite {
		r.callee.expect("ACK")
	}
	answer := a.receiveText()
	if !strings.HasPrefix(answer, "SIP/2.0 486 Busy Here\r\n") {
		t.Fatalf("answered\n%s", answer)
	}
	if got, want := viasOf(answer), received(viasOf(text), a.addr); !slices.Equal(got, want) {
		t.Errorf("the Vias of the answer are\n%q, want\n%q", got, want)
	}
	if in.method != methodInvite {
		r.books.expect(t)
		return
	}
	record := r.books.expect(t, acctstack.Start, acctstack.Stop)
	if want := unescape(c.user); record.Dialed != want {
		t.Errorf("the record says that %q was dialled, want %q", record.Dialed, want)
	}
	audio := cdr.Media{Codec: "PCMU", Address: netip.MustParseAddrPort("192.0.2.1:49217")}
	if got := record.Caller; c.name == "esc01" && (got.Audio != audio || got.Video.Codec != "LPC" || record.User != "I have spaces") {
		t.Errorf("the record says %+v, %q", got, record.User)
	}
}

// headOf is the head of a message, its lines unfolded, and the body.
func headOf(text string) (lines []string, body string) {
	head, body, _ := strings.Cut(text, "\r\n\r\n")
	head = strings.NewReplacer("\r\n ", "   ", "\r\n\t", "  \t").Replace(head)
	return strings.Split(head, "\r\n"), body
}

var viaName = regexp.MustCompile(`(?i)^(via|v) *: *`)

// viasOf are the values of the Via lines.
func viasOf(text string) (vias []string) {
	lines, _ := headOf(text)
	for _, line := range lines {
		if name := viaName.FindString(line); name != "" {
			vias = append(vias, line[len(name):])
		}
	}
	return vias
}

// received marks the first Via with where the request came from: no message of the RFC comes from where it says.
func received(vias []string, from netip.AddrPort) []string {
	first, rest, list := strings.Cut(vias[0], ",")
	if strings.HasSuffix(first, ";rport") {
		first += fmt.Sprintf("=%d", from.Port())
	}
	vias[0] = first + ";received=" + from.Addr().String()
	if list {
		vias[0] += "," + rest
	}
	return vias
}

// goingOn is the request as it has to go on, worked out from its text: a new Request-URI, our Via and Record-Route, the
// sender's Via marked, one hop less, the length restated; all else is as it came.
func goingOn(text, uri string, l *listener, branch string, from netip.AddrPort) string {
	lines, body := headOf(text)
	method, _, _ := strings.Cut(lines[0], " ")
	out := []string{fmt.Sprintf("%s %s SIP/2.0", method, uri),
		fmt.Sprintf("Via: SIP/2.0/UDP %s;branch=%s", l.hostPort, branch)}
	if method == "INVITE" {
		out = append(out, fmt.Sprintf("Record-Route: <sip:%s;lr>", l.hostPort))
	}
	hops := regexp.MustCompile(`(?i)^max-forwards *: *(\d+)$`)
	length := regexp.MustCompile(`(?i)^(?:content-length|l) *: *(\d+)$`)
	if !slices.ContainsFunc(lines, hops.MatchString) {
		out = append(out, "Max-Forwards: 70")
	}
	marked := false
	for _, line := range lines[1:] {
		switch name, _, _ := strings.Cut(line, ":"); {
		case viaName.MatchString(line) && !marked:
			marked = true
			out = append(out, "Via: "+received(viasOf(text), from)[0])
		case hops.MatchString(line):
			n, _ := strconv.Atoi(hops.FindStringSubmatch(line)[1])
			out = append(out, fmt.Sprintf("Max-Forwards: %d", n-1))
		case name == "Route": // the operator's routes decide
		case length.MatchString(line):
			n, _ := strconv.Atoi(length.FindStringSubmatch(line)[1])
			body = body[:n]
			out = append(out, fmt.Sprintf("Content-Length: %d", n))
		default:
			out = append(out, line)
		}
	}
	return strings.Join(out, "\r\n") + "\r\n\r\n" + body
}
