package sip

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// agent is a user agent that only does what the test tells it to.
type agent struct {
	r    *rig
	t    *testing.T
	name string
	conn *net.UDPConn
	addr netip.AddrPort
	made int
	to   netip.AddrPort // of the front, if it is not its first listener
}

func (r *rig) newAgent(name string) *agent { return r.newAgentAt(name, "127.0.0.1") }

func (r *rig) newAgentAt(name, ip string) *agent {
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(ip)})
	if err != nil {
		r.t.Fatal(err)
	}
	return &agent{r: r, t: r.t, name: name, conn: conn, addr: unmapped(conn.LocalAddr().(*net.UDPAddr).AddrPort())}
}

func unmapped(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }

// target is the agent as a target of a route.
func (a *agent) target() string { return "sip:" + a.addr.String() }

func (a *agent) contact() string { return fmt.Sprintf("<sip:%s@%s>", a.name, a.addr) }

// req is a request to be sent. Empty fields are left out.
type req struct {
	method, uri, branch, from, to, callID, contact string
	cseq                                           int
	extra                                          []string
	body                                           string
}

func (a *agent) branch() string {
	a.made++
	return fmt.Sprintf("z9hG4bK-%s-%d", a.name, a.made)
}

// invite is an INVITE that begins a call.
func (a *agent) invite(callID string) *req {
	return &req{method: "INVITE", uri: "sip:4930123@" + a.r.address().String(), branch: a.branch(),
		from: `"Alice" <sip:` + a.name + `@example.com>;tag=tag-` + a.name, to: "<sip:4930123@example.com>", callID: callID, cseq: 1, contact: a.contact()}
}

func (q *req) with(change func(q *req)) *req {
	other := *q
	change(&other)
	return &other
}

// sibling is the CANCEL, or the ACK of a refusal, of an INVITE.
func (q *req) sibling(method string) *req {
	return q.with(func(q *req) { q.method, q.extra, q.body, q.contact = method, nil, "", "" })
}

func (q *req) text(a *agent) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;rport;branch=%s\r\n", q.method, q.uri, a.addr, q.branch)
	fmt.Fprintf(&b, "Max-Forwards: 70\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %d %s\r\n", q.from, q.to, q.callID, q.cseq, q.method)
	if q.contact != "" {
		fmt.Fprintf(&b, "Contact: %s\r\n", q.contact)
	}
	for _, line := range q.extra {
		b.WriteString(line + "\r\n")
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(q.body), q.body)
	return b.String()
}

func (a *agent) sendText(text string) {
	a.t.Helper()
	to := a.to
	if !to.IsValid() {
		to = a.r.address()
	}
	if _, err := a.conn.WriteToUDPAddrPort([]byte(text), to); err != nil {
		a.t.Fatal(err)
	}
}

func (a *agent) send(q *req) *req {
	a.t.Helper()
	a.sendText(q.text(a))
	return q
}

// receiveText takes the next datagram.
func (a *agent) receiveText() string {
	a.t.Helper()
	buffer := make([]byte, 65536)
	_ = a.conn.SetReadDeadline(time.Now().Add(patience))
	n, err := a.conn.Read(buffer)
	if err != nil {
		a.t.Fatalf("%s: %v", a.name, err)
	}
	return string(buffer[:n])
}

// receive takes the next datagram, which must be well formed.
func (a *agent) receive() *message {
	a.t.Helper()
	text := a.receiveText()
	m := &message{}
	if err := m.parse([]byte(text)); err != nil {
		a.t.Fatalf("%s: %v in %q", a.name, err, text)
	}
	return m
}

// expect takes the next datagram, which must begin with that: a method, or a status.
func (a *agent) expect(want string) *message {
	a.t.Helper()
	m := a.receive()
	got := string(m.methodName)
	if !m.request {
		got = fmt.Sprint(m.status)
	}
	if got != want {
		a.t.Fatalf("%s received %s, want %s:\n%s", a.name, got, want, m.raw)
	}
	return m
}

// quiet fails if anything has been sent to the agent. The one reader of the front answers in order, so what comes before
// the answer to our own request was sent before it.
func (a *agent) quiet() {
	a.t.Helper()
	branch := a.branch()
	a.send(&req{method: "OPTIONS", uri: "sip:" + a.r.address().String(), branch: branch, from: "<sip:x@y>;tag=1", to: "<sip:x@y>", callID: "quiet-" + branch, cseq: 1})
	if m := a.receive(); m.request || !strings.HasPrefix(string(m.callID), "quiet-") {
		a.t.Fatalf("%s received an unexpected\n%s", a.name, m.raw)
	}
}

// drain takes what has come so far and counts the requests and answers by method or status.
func (a *agent) drain() map[string]int {
	a.t.Helper()
	branch := a.branch()
	a.send(&req{method: "OPTIONS", uri: "sip:" + a.r.address().String(), branch: branch, from: "<sip:x@y>;tag=1", to: "<sip:x@y>", callID: "quiet-" + branch, cseq: 1})
	counts := map[string]int{}
	for {
		m := a.receive()
		switch {
		case strings.HasPrefix(string(m.callID), "quiet-"):
			return counts
		case m.request:
			counts[string(m.methodName)]++
		default:
			counts[fmt.Sprint(m.status)]++
		}
	}
}

// answer answers a request. The To tag is the agent's.
func (a *agent) answer(m *message, status string, extra ...string) {
	a.t.Helper()
	a.sendText(a.answerText(m, status, extra...))
}

func (a *agent) answerText(m *message, status string, extra ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "SIP/2.0 %s\r\n", status)
	for i := range m.headers {
		switch h := &m.headers[i]; h.id {
		case hdrVia, hdrFrom, hdrCallID, hdrCSeq, hdrRecordRoute:
			fmt.Fprintf(&b, "%s\r\n", m.line(h))
		case hdrTo:
			b.Write(m.line(h))
			if len(m.toTag) == 0 && status[:3] != "100" {
				b.WriteString(";tag=tag-" + a.name)
			}
			b.WriteString("\r\n")
		}
	}
	fmt.Fprintf(&b, "Contact: %s\r\n", a.contact())
	for _, line := range extra {
		b.WriteString(line + "\r\n")
	}
	b.WriteString("Content-Length: 0\r\n\r\n")
	return b.String()
}

// leg is one side's view of an answered call: what a request inside the dialog needs.
type leg struct {
	a                     *agent
	from, to, callID, uri string
	routes                []string
	cseq                  int
}

// callerLeg is the caller's view, from the 2xx that it received.
func (a *agent) callerLeg(ok *message) *leg {
	l := &leg{a: a, from: string(ok.from), to: string(ok.to), callID: string(ok.callID), uri: string(addressIn(ok.find(hdrContact))), cseq: int(ok.cseq)}
	set := ok.routeSet(hdrRecordRoute)
	for i := len(set) - 1; i >= 0; i-- {
		l.routes = append(l.routes, "Route: "+string(set[i]))
	}
	return l
}

// calleeLeg is the callee's view, from the INVITE that it received.
func (a *agent) calleeLeg(invite *message) *leg {
	l := &leg{a: a, from: string(invite.to) + ";tag=tag-" + a.name, to: string(invite.from), callID: string(invite.callID), uri: string(addressIn(invite.find(hdrContact)))}
	for _, r := range invite.routeSet(hdrRecordRoute) {
		l.routes = append(l.routes, "Route: "+string(r))
	}
	return l
}

// request is the next request of that side; an ACK keeps the INVITE's CSeq number.
func (l *leg) request(method string) *req {
	if method != "ACK" {
		l.cseq++
	}
	return &req{method: method, uri: l.uri, branch: l.a.branch(), from: l.from, to: l.to, callID: l.callID, cseq: l.cseq, extra: l.routes}
}

func (l *leg) send(method string) *req {
	l.a.t.Helper()
	return l.a.send(l.request(method))
}

// connect sets up a call and gives both sides' views of it.
func (r *rig) connect(callID string) (caller, callee *leg) {
	r.t.Helper()
	r.caller.send(r.caller.invite(callID))
	in := r.callee.expect("INVITE")
	r.callee.answer(in, "180 Ringing")
	r.caller.expect("180")
	r.callee.answer(in, "200 OK")
	caller = r.caller.callerLeg(r.caller.expect("200"))
	caller.send("ACK")
	r.callee.expect("ACK")
	return caller, r.callee.calleeLeg(in)
}

// hangUp ends the call from that side.
func (r *rig) hangUp(l *leg) {
	r.t.Helper()
	other := r.callee
	if l.a == r.callee {
		other = r.caller
	}
	l.send("BYE")
	other.answer(other.expect("BYE"), "200 OK")
	l.a.expect("200")
}
