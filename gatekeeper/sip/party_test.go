package sip

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"tollgate/acctstack"
	"tollgate/cdr"
)

// Requests inside a call go to its parties. One that names a third party would be a call without a record, or would end
// the record of a call that goes on.
func TestRequestsInsideACallReachItsPartiesOnly(t *testing.T) {
	for _, method := range []string{"INVITE", "BYE", "INFO"} {
		t.Run(method, func(t *testing.T) {
			r := newRig(t)
			caller, callee := r.connect("party")
			for _, l := range []*leg{caller, callee} {
				for _, uri := range []string{fmt.Sprintf("sip:00999@%s", r.second.addr), fmt.Sprintf("sip:x@%s", l.a.addr)} {
					q := l.request(method)
					q.uri = uri
					l.a.send(q)
					l.a.expect("403")
				}
			}
			q := caller.request("ACK")
			q.uri = fmt.Sprintf("sip:00999@%s", r.second.addr)
			r.caller.send(q)
			r.second.quiet()
			r.callee.quiet()
			r.books.expect(t, acctstack.Start, acctstack.Alert, acctstack.Connect)
			r.hangUp(caller)
		})
	}
}

// A party may move: its new Contact, in a re-INVITE or in the answer to one, is where it is reached from then on.
func TestPartiesMayMove(t *testing.T) {
	r := newRig(t)
	caller, _ := r.connect("moves")
	caller.send("INVITE")
	in := r.callee.expect("INVITE")
	r.callee.sendText(strings.Replace(r.callee.answerText(in, "200 OK"), r.callee.addr.String()+">\r\nContent", r.second.addr.String()+">\r\nContent", 1))
	r.caller.expect("200")
	caller.uri = fmt.Sprintf("sip:bob@%s", r.second.addr)
	caller.send("ACK")
	r.second.expect("ACK")
	caller.send("BYE")
	r.second.answer(r.second.expect("BYE"), "200 OK")
	r.caller.expect("200")
}

// A side that refuses the BYE which has closed the record is hung up by us.
func TestRefusedByeIsRepeatedByUs(t *testing.T) {
	r := newRig(t)
	caller, _ := r.connect("refused")
	caller.send("BYE")
	r.callee.answer(r.callee.expect("BYE"), "420 Bad Extension")
	r.caller.expect("420")
	in := r.callee.expect("BYE")
	if in.cseq != uint32(caller.cseq)+1 || string(in.fromTag) != "tag-alice" {
		t.Errorf("our BYE has CSeq %d, From tag %s", in.cseq, in.fromTag)
	}
	r.callee.answer(in, "200 OK")
	r.callee.quiet()
	if _, clients, sessions := r.sizes(); clients+sessions != 1 { // the INVITE's transaction
		t.Errorf("left: %d client transactions, %d sessions", clients, sessions)
	}
	r.books.expect(t, acctstack.Start, acctstack.Alert, acctstack.Connect, acctstack.Stop)
}

// A call that its caller has cancelled is the caller's end, also if the callee never says a word.
func TestCancelOfASilentCallee(t *testing.T) {
	r := newRig(t)
	q := r.caller.send(r.caller.invite("mute"))
	r.callee.expect("INVITE")
	r.caller.send(q.sibling("CANCEL"))
	r.caller.expect("200")
	r.advance(time.Second)
	r.caller.expect("100")
	r.advance(30 * time.Second) // SignalTimeout, before timer B
	r.caller.expect("487")
	r.caller.send(q.sibling("ACK"))
	r.callee.drain()
	if cause, by := r.endOf(t, acctstack.Start, acctstack.Stop); cause != 16 || by != cdr.ReleasedByCaller {
		t.Errorf("cause %d by %d", cause, by)
	}
}
