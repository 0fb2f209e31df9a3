package sip

import (
	"strings"
	"testing"

	"tollgate/acctstack"
)

// A second copy of an INVITE must never be a way past the accounting.
func TestCopyOfAnInviteMakesNoCall(t *testing.T) {
	copyOf := func(r *rig, q *req) *req {
		return q.with(func(q *req) { q.branch, q.uri = r.caller.branch(), "sip:0900@127.0.0.1" })
	}
	refuse := func(r *rig, second *req) {
		r.caller.send(second)
		r.caller.expect("482")
		r.caller.send(second.sibling("ACK"))
		r.callee.quiet()
	}
	t.Run("while the start is undecided", func(t *testing.T) {
		r := newRig(t)
		r.books.hold(acctstack.Start)
		first := r.caller.send(r.caller.invite("copy"))
		refuse(r, copyOf(r, first))
		r.books.decide(t, false)
		r.caller.expect("503")
		r.caller.send(first.sibling("ACK"))
		r.books.expect(t, acctstack.Start, acctstack.Stop)
	})
	t.Run("while it rings", func(t *testing.T) {
		r := newRig(t)
		first := r.caller.send(r.caller.invite("copy"))
		in := r.callee.expect("INVITE")
		refuse(r, copyOf(r, first))
		r.callee.answer(in, "486 Busy Here")
		r.callee.expect("ACK")
		r.caller.expect("486")
	})
	t.Run("while it is up", func(t *testing.T) {
		r := newRig(t)
		first := r.caller.invite("copy")
		caller, _ := r.connect("copy")
		refuse(r, copyOf(r, first))
		r.hangUp(caller)
	})
}

// A proxy behind us that sends the INVITE back to us makes a spiral, which belongs to its call.
func TestSpiralJoinsItsCall(t *testing.T) {
	r := newRig(t)
	r.caller.send(r.caller.invite("spiral"))
	in := r.callee.expect("INVITE")
	via := "Via: SIP/2.0/UDP " + r.callee.addr.String() + ";branch=z9hG4bKproxy\r\n"
	start, rest, _ := strings.Cut(string(in.raw), "\r\n")
	r.callee.sendText(start + "\r\n" + via + rest)
	again := r.callee.expect("INVITE")
	r.callee.answer(again, "200 OK")
	back := r.callee.expect("200") // as the proxy
	text := string(back.raw)
	_, below, _ := strings.Cut(text, "branch=z9hG4bKproxy")
	_, below, _ = strings.Cut(below, "\r\n")
	r.callee.sendText("SIP/2.0 200 OK\r\n" + below)
	caller := r.caller.callerLeg(r.caller.expect("200"))
	r.books.expect(t, acctstack.Start, acctstack.Connect)
	if n := len(r.gk.Calls()); n != 1 {
		t.Fatalf("%d calls", n)
	}
	r.hangUp(caller)
	r.books.expect(t, acctstack.Start, acctstack.Connect, acctstack.Stop)
}
