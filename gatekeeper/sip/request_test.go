package sip

import (
	"fmt"
	"strings"
	"testing"

	"tollgate/acctstack"
)

// What is answered without a transaction leaves nothing, and its retransmissions get the same answer.
func TestAnsweredWithoutATransaction(t *testing.T) {
	outside := func(method string) func(*rig) *req {
		return func(r *rig) *req { return r.caller.invite("x").with(func(q *req) { q.method = method }) }
	}
	invite := func(change func(q *req)) func(*rig) *req {
		return func(r *rig) *req { return r.caller.invite("x").with(change) }
	}
	tests := []struct {
		name   string
		status string
		make   func(r *rig) *req
		has    string
	}{
		{"OPTIONS", "200", func(r *rig) *req {
			return outside("OPTIONS")(r).with(func(q *req) { q.uri = "sip:" + r.address().String() })
		}, "Allow: INVITE"},
		{"REGISTER", "405", outside("REGISTER"), "Allow: INVITE"},
		{"BYE of no call", "481", outside("BYE"), ""},
		{"CANCEL of no call", "481", outside("CANCEL"), ""},
		{"inside no dialog", "481", invite(func(q *req) { q.to += ";tag=x" }), ""},
		{"scheme", "416", invite(func(q *req) { q.uri = "mailto:a@b" }), ""},
		{"no host", "400", invite(func(q *req) { q.uri = "sip:" }), ""},
		{"extension", "420", invite(func(q *req) { q.extra = []string{"Proxy-Require: foo, bar"} }), "Unsupported: foo, bar"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t)
			q := test.make(r)
			r.caller.send(q)
			first := r.caller.expect(test.status)
			if !strings.Contains(string(first.raw), test.has) {
				t.Errorf("no %q in\n%s", test.has, first.raw)
			}
			r.caller.send(q)
			if again := r.caller.expect(test.status); string(again.raw) != string(first.raw) {
				t.Errorf("answered otherwise:\n%s\n%s", first.raw, again.raw)
			}
			if servers, clients, sessions := r.sizes(); servers+clients+sessions != 0 {
				t.Errorf("%d servers, %d clients, %d sessions", servers, clients, sessions)
			}
			r.caller.send(q.sibling("ACK"))
			r.callee.quiet()
			r.books.expect(t)
		})
	}
}

func TestUntrustedCallerIsRefusedOnceForEachInvite(t *testing.T) {
	r := newRig(t, untrusting)
	q := r.caller.send(r.caller.invite("evil"))
	r.caller.expect("403")
	r.caller.send(q.sibling("ACK"))
	r.advance(timeout)
	if got := r.caller.drain(); len(got) != 0 {
		t.Errorf("also sent %v", got)
	}
	if record := r.books.expect(t, acctstack.Reject); record.Cause != causeRejected || record.SIPCallID != "evil" {
		t.Errorf("recorded as %+v", record)
	}
}

func TestCallWithoutRoute(t *testing.T) {
	r := newRig(t, unrouted)
	q := r.caller.send(r.caller.invite("nowhere"))
	r.caller.expect("404")
	r.caller.send(q.sibling("ACK"))
	if record := r.books.expect(t, acctstack.Reject); record.Cause != causeUnallocated {
		t.Errorf("recorded with cause %d", record.Cause)
	}
}

func TestMaxForwards(t *testing.T) {
	for _, test := range []struct{ method, to, want string }{
		{"INVITE", "<sip:b@c>", "483"},
		{"OPTIONS", "<sip:b@c>", "200"},
		{"OPTIONS", "<sip:b@c>;tag=x", "483"},
	} {
		t.Run(test.method+" "+test.to, func(t *testing.T) {
			r := newRig(t)
			q := r.caller.invite("x").with(func(q *req) { q.method, q.to = test.method, test.to })
			r.caller.sendText(strings.Replace(q.text(r.caller), "Max-Forwards: 70", "Max-Forwards: 0", 1))
			r.caller.expect(test.want)
		})
	}
}

func TestMalformedIsAnsweredOrDropped(t *testing.T) {
	tests := []struct {
		name   string
		change func(text string) string
		want   string // "": dropped
	}{
		{"version", func(s string) string { return strings.Replace(s, " SIP/2.0\r\n", " SIP/3.0\r\n", 1) }, "505"},
		{"CSeq", func(s string) string { return strings.Replace(s, "CSeq: 1 ", "CSeq: x ", 1) }, "400"},
		{"CSeq of another method", func(s string) string { return strings.Replace(s, "CSeq: 1 INVITE", "CSeq: 1 BYE", 1) }, "400"},
		{"CSeq too large", func(s string) string { return strings.Replace(s, "CSeq: 1 ", "CSeq: 2147483648 ", 1) }, "400"},
		{"no From", func(s string) string { return strings.Replace(s, "From:", "Frum:", 1) }, "400"},
		{"two To", func(s string) string { return strings.Replace(s, "Contact:", "To:", 1) }, "400"},
		{"longer than it is", func(s string) string { return strings.Replace(s, "Content-Length: 0", "Content-Length: 1", 1) }, "400"},
		{"negative length", func(s string) string { return strings.Replace(s, "Content-Length: 0", "Content-Length: -1", 1) }, "400"},
		{"header without colon", func(s string) string { return strings.Replace(s, "Contact:", "Contact", 1) }, "400"},
		{"NUL", func(s string) string { return strings.Replace(s, "Contact:", "Contact:\x00", 1) }, "400"},
		{"bare CR", func(s string) string { return strings.Replace(s, "Contact:", "Contact:\r", 1) }, "400"},
		{"hops", func(s string) string { return strings.Replace(s, "Max-Forwards: 70", "Max-Forwards: 700", 1) }, "400"},
		{"many headers", func(s string) string {
			return strings.Replace(s, "Contact:", strings.Repeat("X: y\r\n", 200)+"Contact:", 1)
		}, "400"},
		{"no Via", func(s string) string { return strings.Replace(s, "Via:", "Vie:", 1) }, ""},
		{"bad Via", func(s string) string { return strings.Replace(s, "SIP/2.0/UDP", "SIP/2.0-UDP", 1) }, ""},
		{"start line", func(s string) string { return strings.Replace(s, " SIP/2.0\r\n", "\r\n", 1) }, "400"},
		{"ACK", func(s string) string {
			return strings.Replace(strings.Replace(s, "INVITE", "ACK", 1), "CSeq: 1 INVITE", "CSeq: 2 BYE", 1)
		}, ""},
		{"answer", func(s string) string {
			_, rest, _ := strings.Cut(s, "\r\n")
			return "SIP/2.0 99 What\r\n" + rest
		}, ""},
		{"keep-alive", func(string) string { return "\r\n\r\n" }, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t)
			text := test.change(r.caller.invite("x").text(r.caller))
			r.caller.sendText(text)
			if test.want != "" {
				if got := r.caller.receiveText(); !strings.HasPrefix(got, "SIP/2.0 "+test.want) {
					t.Errorf("answered\n%s", got)
				}
			}
			if got := r.caller.drain(); len(got) != 0 {
				t.Errorf("also %v", got)
			}
			r.callee.quiet()
			malformed := r.front.Counters().Malformed
			if want := uint64(1); malformed != want && test.name != "keep-alive" {
				t.Errorf("%d malformed", malformed)
			}
		})
	}
}

// A request before the answer goes to the called side and changes nothing in the record.
func TestByeBeforeTheAnswerEndsNoCall(t *testing.T) {
	r := newRig(t)
	q := r.caller.send(r.caller.invite("early"))
	in := r.callee.expect("INVITE")
	r.callee.answer(in, "180 Ringing")
	early := r.caller.callerLeg(r.caller.expect("180"))
	early.send("BYE")
	bye := r.callee.expect("BYE")
	r.callee.answer(bye, "200 OK")
	r.caller.expect("200")
	t.Run("487", func(t *testing.T) {
		r.books.expect(t, acctstack.Start, acctstack.Alert)
	})
	r.callee.answer(in, "487 Request Terminated")
	r.callee.expect("ACK")
	r.caller.expect("487")
	r.caller.send(q.sibling("ACK"))
	r.books.expect(t, acctstack.Start, acctstack.Alert, acctstack.Stop)
}

// A called side that answers although the caller has said BYE is connected, and the record says so.
func TestAnswerBehindAnEarlyBye(t *testing.T) {
	r := newRig(t)
	r.caller.send(r.caller.invite("early"))
	in := r.callee.expect("INVITE")
	r.callee.answer(in, "180 Ringing")
	r.caller.callerLeg(r.caller.expect("180")).send("BYE")
	r.callee.answer(r.callee.expect("BYE"), "481 Call/Transaction Does Not Exist")
	r.caller.expect("481")
	r.callee.answer(in, "200 OK")
	caller := r.caller.callerLeg(r.caller.expect("200"))
	caller.cseq++ // the early BYE
	r.books.expect(t, acctstack.Start, acctstack.Alert, acctstack.Connect)
	r.hangUp(caller)
	r.books.expect(t, acctstack.Start, acctstack.Alert, acctstack.Connect, acctstack.Stop)
}

func TestRFC2543PeersWithoutTags(t *testing.T) {
	for _, side := range []string{"caller", "callee"} {
		t.Run("BYE of the "+side, func(t *testing.T) {
			r := newRig(t)
			q := r.caller.invite("old").with(func(q *req) { q.from, q.branch = "<sip:alice@example.com>", "1" })
			r.caller.send(q)
			in := r.callee.expect("INVITE")
			r.callee.sendText(strings.Replace(r.callee.answerText(in, "200 OK"), ";tag=tag-bob", "", 1))
			caller := r.caller.callerLeg(r.caller.expect("200"))
			callee := r.callee.calleeLeg(in)
			callee.from = string(in.to)
			caller.send("ACK")
			r.callee.expect("ACK")
			r.hangUp(map[string]*leg{"caller": caller, "callee": callee}[side])
			r.books.expect(t, acctstack.Start, acctstack.Connect, acctstack.Stop)
		})
	}
}

// Two calls may share a Call-ID and the caller's tag; each has its own record and end.
func TestTwoCallsOfOneCallID(t *testing.T) {
	r := newRig(t)
	var legs []*leg
	for i := range 2 {
		q := r.caller.invite("same").with(func(q *req) { q.cseq = i + 1 })
		r.caller.send(q)
		in := r.callee.expect("INVITE")
		r.callee.sendText(strings.Replace(r.callee.answerText(in, "200 OK"), "tag=tag-bob", fmt.Sprintf("tag=bob%d", i), 1))
		legs = append(legs, r.caller.callerLeg(r.caller.expect("200")))
	}
	for i, l := range legs {
		l.cseq += 5
		r.hangUp(l)
		if n := len(r.gk.Calls()); n != 1-i {
			t.Fatalf("%d calls behind BYE %d", n, i)
		}
	}
}
