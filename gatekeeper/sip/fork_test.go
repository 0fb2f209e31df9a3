package sip

import (
	"strings"
	"testing"
	"time"

	"tollgate/acctstack"
)

// answerAs is an answer of another callee behind the same target: a fork.
func (a *agent) answerAs(m *message, tag, status string) {
	a.t.Helper()
	a.sendText(strings.Replace(a.answerText(m, status), "tag=tag-"+a.name, "tag="+tag, 1))
}

// A fork's second callee belongs to the call; only the end of the first one ends it.
func TestForkWithTwoAnswers(t *testing.T) {
	r := newRig(t)
	r.caller.send(r.caller.invite("fork"))
	in := r.callee.expect("INVITE")
	r.callee.answerAs(in, "one", "200 OK")
	first := r.caller.callerLeg(r.caller.expect("200"))
	r.callee.answerAs(in, "two", "200 OK")
	second := r.caller.callerLeg(r.caller.expect("200"))
	for _, l := range []*leg{first, second} {
		l.send("ACK")
		r.callee.expect("ACK")
	}
	second.send("BYE")
	bye := r.callee.expect("BYE")
	if !strings.Contains(string(bye.to), "tag=two") {
		t.Errorf("BYE to %s", bye.to)
	}
	r.callee.answer(bye, "200 OK")
	r.caller.expect("200")
	r.books.expect(t, acctstack.Start, acctstack.Connect)
	r.hangUp(first)
	r.books.expect(t, acctstack.Start, acctstack.Connect, acctstack.Stop)
}

// The 2xx of a call is repeated until its ACK comes, and each repetition goes up (RFC 6026).
func TestAnswerThatIsRepeated(t *testing.T) {
	r := newRig(t)
	q := r.caller.send(r.caller.invite("again"))
	in := r.callee.expect("INVITE")
	r.callee.answer(in, "200 OK")
	caller := r.caller.callerLeg(r.caller.expect("200"))
	for range 3 {
		r.callee.answer(in, "200 OK")
		r.caller.expect("200")
	}
	r.caller.send(q) // a late retransmission is absorbed
	r.callee.quiet()
	r.caller.quiet()
	caller.send("ACK")
	r.callee.expect("ACK")
	caller.send("ACK") // an ACK goes on each time
	r.callee.expect("ACK")
	r.books.expect(t, acctstack.Start, acctstack.Connect)
	r.hangUp(caller)
	r.callee.answer(in, "200 OK")
	r.caller.expect("200")
	r.advance(timeout + time.Second)
	r.callee.answer(in, "200 OK") // a stray by now
	r.callee.quiet()
	r.caller.quiet()
	if n := r.front.Counters().Strays; n != 1 {
		t.Errorf("%d strays", n)
	}
}

// Answers to requests that were never sent go nowhere.
func TestStrayAnswers(t *testing.T) {
	r := newRig(t)
	for _, branch := range []string{"z9hG4bK0000000000000002", "z9hG4bK", "x", "z9hG4bKzzzzzzzzzzzzzzzz"} {
		r.callee.sendText("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1:5060;branch=" + branch + "\r\nVia: SIP/2.0/UDP " + r.caller.addr.String() +
			"\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\nCall-ID: stray\r\nCSeq: 1 INVITE\r\n\r\n")
	}
	r.callee.quiet()
	r.caller.quiet()
	if n := r.front.Counters().Strays; n != 4 {
		t.Errorf("%d strays", n)
	}
}

// A stranger who knows a call's identifiers can end it no more than its dialogs allow, and relays nothing without them.
func TestNoRelayWithoutADialog(t *testing.T) {
	r := newRig(t)
	for _, method := range []string{"INVITE", "BYE", "UPDATE", "ACK", "INFO"} {
		q := &req{method: method, uri: "sip:x@" + r.second.addr.String(), branch: r.caller.branch(), from: "<sip:x@y>;tag=1", to: "<sip:x@y>;tag=2", callID: "relay", cseq: 1,
			extra: []string{"Route: <sip:" + r.address().String() + ";lr>", "Route: <sip:" + r.second.addr.String() + ";lr>"}}
		r.caller.send(q)
	}
	if got := r.caller.drain(); got["481"] != 4 {
		t.Errorf("answered %v", got)
	}
	r.second.quiet()
}

// A pre-loaded Route of an INVITE is not followed to an address that we do not know: the table decides where calls go.
func TestNoRelayByRoute(t *testing.T) {
	r := newRig(t)
	q := r.caller.invite("preloaded")
	q.extra = []string{"Route: <sip:" + r.address().String() + ";lr>", "Route: <sip:192.0.2.77;lr>"}
	r.caller.send(q)
	in := r.callee.expect("INVITE")
	if in.find(hdrRoute) != nil {
		t.Errorf("goes on as\n%s", in.raw)
	}
	r.second.quiet()
	r.callee.answer(in, "486 Busy Here")
	r.caller.expect("486")
}

// The other way round too: what the front adds to an INVITE is what its answers are matched by.
func TestWhatTheTargetReceives(t *testing.T) {
	r := newRig(t)
	r.caller.send(r.caller.invite("seen"))
	in := r.callee.expect("INVITE")
	if string(in.uri) != "sip:4930123@"+r.callee.addr.String() || in.maxForwards != 69 || countVias(in) != 2 {
		t.Errorf("received\n%s", in.raw)
	}
	if got := string(in.find(hdrRecordRoute)); got != "<sip:"+r.address().String()+";lr>" {
		t.Errorf("Record-Route: %s", got)
	}
	r.callee.answer(in, "486 Busy Here")
	r.caller.expect("486")
}

// A tag that no callee has given makes no dialog, before the call's answer and behind it.
func TestNoDialogWithATagOfOnesOwn(t *testing.T) {
	forged := func(r *rig, method string) {
		q := r.caller.invite("forged").with(func(q *req) {
			q.method, q.branch, q.to, q.cseq, q.uri = method, r.caller.branch(), q.to+";tag=mine", 9, "sip:0900@"+r.second.addr.String()
		})
		r.caller.send(q)
		if method != "ACK" {
			r.caller.expect("481")
		}
	}
	r := newRig(t)
	r.books.hold(acctstack.Start)
	r.caller.send(r.caller.invite("forged"))
	r.books.expect(t, acctstack.Start)
	forged(r, "INVITE")
	r.books.settle()
	in := r.callee.expect("INVITE")
	forged(r, "INVITE")
	r.callee.answer(in, "200 OK")
	caller := r.caller.callerLeg(r.caller.expect("200"))
	for _, method := range []string{"INVITE", "BYE", "ACK"} {
		forged(r, method)
	}
	r.caller.quiet()
	r.second.quiet()
	r.books.expect(t, acctstack.Start, acctstack.Connect)
	r.hangUp(caller)
}

// A BYE that is challenged comes again with credentials.
func TestChallengedBye(t *testing.T) {
	for _, again := range []bool{true, false} {
		r := newRig(t)
		caller, _ := r.connect("407")
		caller.send("BYE")
		r.callee.answer(r.callee.expect("BYE"), "407 Proxy Authentication Required")
		r.caller.expect("407")
		if again {
			r.hangUp(caller)
		}
		r.advance(timeout + time.Second)
		if _, _, sessions := r.sizes(); sessions != 0 {
			t.Errorf("%d sessions", sessions)
		}
		r.books.expect(t, acctstack.Start, acctstack.Alert, acctstack.Connect, acctstack.Stop)
	}
}
