package sip

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"tollgate/acctstack"
	"tollgate/gatekeeper"
)

const benchSDP = "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\n"

func benchInvite() *req {
	return &req{method: "INVITE", uri: "sip:4930123@192.0.2.1:5060", branch: "z9hG4bK-524287-1---0123456789abcdef", from: `"Alice" <sip:alice@example.com>;tag=0123456789`,
		to: "<sip:4930123@192.0.2.1>", callID: "0123456789abcdef@192.0.2.9", cseq: 1, contact: "<sip:alice@127.0.0.1:9>",
		extra: []string{"Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE", "User-Agent: Phone 1.0", "Supported: replaces, timer", "Content-Type: application/sdp"}, body: benchSDP}
}

func BenchmarkParseInvite(b *testing.B) {
	raw := []byte(benchInvite().text(&agent{addr: netip.MustParseAddrPort("127.0.0.1:9")}))
	var m message
	b.ReportAllocs()
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		if err := m.parse(raw); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkForwardInvite(b *testing.B) {
	var m message
	if err := m.parse([]byte(benchInvite().text(&agent{addr: netip.MustParseAddrPort("127.0.0.1:9")}))); err != nil {
		b.Fatal(err)
	}
	l := fronts("192.0.2.1:5060").listeners[0]
	h := hop{uri: []byte("sip:4930123@192.0.2.2:5060"), branch: 2, listener: l, recordRoute: l, from: netip.MustParseAddrPort("127.0.0.1:9")}
	var out []byte
	b.ReportAllocs()
	for b.Loop() {
		out = appendForward(out[:0], &m, &h)
	}
}

// silent is an accounting stack that nobody listens to.
type silent struct{}

func (silent) Wants(acctstack.Kind) bool                          { return false }
func (silent) Submit(*acctstack.Event, acctstack.Receiver)        {}
func (s silent) Hold() func(*acctstack.Event, acctstack.Receiver) { return s.Submit }

// BenchmarkCall is INVITE, 180, 200, ACK, BYE, 200 through the steps of the front; what it sends leaves through a socket
// for nobody. The ends of its transactions are not counted: they come with the ticks of 32 s.
func BenchmarkCall(b *testing.B) {
	nowhere := netip.MustParseAddrPort("127.0.0.1:9")
	settings := &Settings{Trusted: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Routes: routesTo(b, "sip:"+nowhere.String())}
	gk := gatekeeper.New(gatekeeper.Identity{Name: "b"}, &gatekeeper.Settings{SignalTimeout: 30 * time.Second, AlertingTimeout: time.Minute, MaxPending: 10}, gatekeeper.Surroundings{Accounting: silent{}, Sink: noSink{}}, 1, zap.NewNop())
	f := New(gk, settings, "b", zap.NewNop())
	if err := f.Listen([]netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")}); err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	var m message
	l, now := f.listeners[0], time.Now()
	step := func(text []byte) { f.datagram(&m, text, nowhere, l) }
	caller := &agent{addr: nowhere}
	answer := func(via, status, cseq, contact string) []byte {
		return []byte("SIP/2.0 " + status + "\r\n" + via + "Via: SIP/2.0/UDP 127.0.0.1:9;rport=9;branch=z9hG4bKx;received=127.0.0.1\r\nRecord-Route: <sip:" + l.hostPort + ";lr>\r\nFrom: <sip:a@b>;tag=f\r\n" +
			"To: <sip:c@d>;tag=t\r\nCall-ID: 0123456789abcdef@192.0.2.9\r\nCSeq: " + cseq + "\r\n" + contact + "Content-Type: application/sdp\r\n\r\n" + benchSDP)
	}
	invite := benchInvite().with(func(q *req) { q.from = "<sip:a@b>;tag=f" })
	inside := func(method string, cseq int) *req {
		return invite.with(func(q *req) {
			q.method, q.cseq, q.uri, q.to = method, cseq, "sip:bob@127.0.0.1:9", "<sip:c@d>;tag=t"
			q.branch, q.extra, q.body = "z9hG4bK"+method, []string{"Route: <sip:" + l.hostPort + ";lr>"}, ""
		})
	}
	first, ack, bye := []byte(invite.text(caller)), []byte(inside("ACK", 1).text(caller)), []byte(inside("BYE", 2).text(caller))
	via := func() string { // the front's own, from the datagram that it has just written
		_, rest, _ := strings.Cut(string(f.shards[0].out), "\r\n")
		line, _, _ := strings.Cut(rest, "\r\n")
		return line + "\r\n"
	}
	b.ReportAllocs()
	for b.Loop() {
		step(first)
		v := via()
		step(answer(v, "180 Ringing", "1 INVITE", "Contact: <sip:bob@127.0.0.1:9>\r\n"))
		step(answer(v, "200 OK", "1 INVITE", "Contact: <sip:bob@127.0.0.1:9>\r\n"))
		step(ack)
		step(bye)
		step(answer(via(), "200 OK", "2 BYE", ""))
		b.StopTimer()
		now = now.Add(timeout + time.Second) // the transactions end
		f.shards[0].Tick(now)
		b.StartTimer()
	}
	if s := gk.Stats(); s.Successful == 0 || s.Current != 0 {
		b.Fatalf("%+v", s)
	}
}
