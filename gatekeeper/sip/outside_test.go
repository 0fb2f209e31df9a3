package sip

import (
	"net/netip"
	"testing"

	"tollgate/gatekeeper"
)

// A request that begins no call goes where a call would go, with a record of nothing.
func TestRequestOutsideOfCalls(t *testing.T) {
	for _, method := range []string{"MESSAGE", "OPTIONS", "PUBLISH", "INFO", "WHATEVER"} {
		r := newRig(t)
		q := r.caller.invite("outside").with(func(q *req) { q.method = method })
		r.caller.send(q)
		in := r.callee.expect(method)
		if in.find(hdrRecordRoute) != nil || string(in.uri) != "sip:4930123@"+r.callee.addr.String() {
			t.Errorf("goes on as\n%s", in.raw)
		}
		r.callee.answer(in, "200 OK")
		r.caller.expect("200")
		r.caller.send(q) // again
		r.caller.expect("200")
		r.callee.quiet()
		r.books.expect(t)
	}
}

// A subscription is a dialog in whose way we stay: its NOTIFYs come back through us (RFC 6665).
func TestSubscription(t *testing.T) {
	r := newRig(t)
	q := r.caller.invite("subscription").with(func(q *req) { q.method = "SUBSCRIBE" })
	r.caller.send(q)
	in := r.callee.expect("SUBSCRIBE")
	r.callee.answer(in, "200 OK")
	caller := r.caller.callerLeg(r.caller.expect("200"))
	callee := r.callee.calleeLeg(in)
	callee.send("NOTIFY")
	r.caller.answer(r.caller.expect("NOTIFY"), "200 OK")
	r.callee.expect("200")
	caller.send("SUBSCRIBE")
	r.callee.answer(r.callee.expect("SUBSCRIBE"), "200 OK")
	r.caller.expect("200")
	caller.send("INVITE") // that is no call's dialog
	r.caller.expect("481")
	r.callee.quiet()
}

// Nobody whom we do not know uses us for requests outside of calls, nor is anybody reached whom we do not know.
func TestNoRelayOutsideOfCalls(t *testing.T) {
	t.Run("from a stranger", func(t *testing.T) {
		r := newRig(t, untrusting)
		r.caller.send(r.caller.invite("x").with(func(q *req) { q.method = "MESSAGE" }))
		r.caller.expect("403")
		r.callee.quiet()
	})
	t.Run("to a stranger", func(t *testing.T) {
		r := newRig(t, func(_ *rig, _ *gatekeeper.Settings, s *Settings) {
			s.Trusted = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
		})
		q := &req{method: "NOTIFY", uri: "sip:x@127.0.0.9:5060", branch: r.caller.branch(), from: "<sip:x@y>;tag=1", to: "<sip:x@y>;tag=2", callID: "relay", cseq: 1}
		r.caller.send(q)
		r.caller.expect("481")
	})
}

// A 503 to a request that is no INVITE goes to the next target too, and nothing at all says nothing (RFC 4320 4.2).
func TestFailoverOutsideOfCalls(t *testing.T) {
	r := newRig(t, twoTargets)
	r.caller.send(r.caller.invite("x").with(func(q *req) { q.method = "MESSAGE" }))
	r.callee.answer(r.callee.expect("MESSAGE"), "503 Service Unavailable")
	r.second.answer(r.second.expect("MESSAGE"), "202 Accepted")
	r.caller.expect("202")
}
