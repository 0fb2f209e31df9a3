package sip

import (
	"testing"
	"time"

	"tollgate/acctstack"
	"tollgate/cdr"
)

func (r *rig) cancel(invite *req) {
	r.t.Helper()
	r.caller.send(invite.sibling("CANCEL"))
	r.caller.expect("200")
}

func (r *rig) endOf(t *testing.T, kinds ...acctstack.Kind) (cause int, by cdr.ReleaseSource) {
	t.Helper()
	record := r.books.expect(t, kinds...)
	return record.Cause, record.Released
}

func TestCancelWhileTheStartIsUndecided(t *testing.T) {
	for _, ok := range []bool{true, false} {
		r := newRig(t)
		r.books.hold(acctstack.Start)
		q := r.caller.send(r.caller.invite("pending"))
		r.books.expect(t, acctstack.Start)
		r.caller.send(q.sibling("CANCEL"))
		answer := r.caller.expect("200")
		refused := r.caller.expect("487")
		if string(answer.toTag) != string(refused.toTag) {
			t.Errorf("tags %s and %s", answer.toTag, refused.toTag)
		}
		r.caller.send(q.sibling("CANCEL")) // a retransmission
		r.caller.expect("200")
		r.caller.send(q.sibling("ACK"))
		r.books.expect(t, acctstack.Start) // the stop waits behind it
		r.books.decide(t, ok)
		if cause, by := r.endOf(t, acctstack.Start, acctstack.Stop); cause != 16 || by != cdr.ReleasedByCaller {
			t.Errorf("cause %d by %d", cause, by)
		}
		r.callee.quiet()
	}
}

func TestCancelBeforeAnyProvisional(t *testing.T) {
	r := newRig(t)
	q := r.caller.send(r.caller.invite("c"))
	in := r.callee.expect("INVITE")
	r.cancel(q)
	r.callee.quiet() // no CANCEL before a provisional answer (RFC 3261 9.1)
	r.callee.answer(in, "100 Trying")
	cancel := r.callee.expect("CANCEL")
	if string(cancel.via.branch) != string(in.via.branch) || string(cancel.uri) != string(in.uri) || cancel.cseq != in.cseq {
		t.Errorf("CANCEL is of another transaction:\n%s\n%s", in.raw, cancel.raw)
	}
	r.callee.answer(cancel, "200 OK")
	r.callee.answer(in, "487 Request Terminated")
	ack := r.callee.expect("ACK")
	if string(ack.via.branch) != string(in.via.branch) || string(ack.toTag) != "tag-bob" {
		t.Errorf("ACK is\n%s", ack.raw)
	}
	r.caller.expect("487")
	r.caller.send(q.sibling("ACK"))
	if cause, by := r.endOf(t, acctstack.Start, acctstack.Stop); cause != 16 || by != cdr.ReleasedByCaller {
		t.Errorf("cause %d by %d", cause, by)
	}
}

func TestCancelWhileItRings(t *testing.T) {
	r := newRig(t)
	q := r.caller.send(r.caller.invite("c"))
	in := r.callee.expect("INVITE")
	r.callee.answer(in, "180 Ringing")
	r.caller.expect("180")
	r.cancel(q)
	r.callee.answer(r.callee.expect("CANCEL"), "200 OK")
	r.callee.answer(in, "487 Request Terminated")
	r.callee.expect("ACK")
	r.caller.expect("487")
	r.caller.send(q.sibling("ACK"))
	r.books.expect(t, acctstack.Start, acctstack.Alert, acctstack.Stop)
}

func TestAnswerThatCrossesTheCancel(t *testing.T) {
	r := newRig(t)
	q := r.caller.send(r.caller.invite("c"))
	in := r.callee.expect("INVITE")
	r.callee.answer(in, "180 Ringing")
	r.caller.expect("180")
	r.cancel(q)
	r.callee.answer(in, "200 OK")
	r.callee.answer(r.callee.expect("CANCEL"), "481 Call/Transaction Does Not Exist")
	caller := r.caller.callerLeg(r.caller.expect("200"))
	caller.send("ACK")
	r.callee.expect("ACK")
	r.books.expect(t, acctstack.Start, acctstack.Alert, acctstack.Connect)
	r.hangUp(caller)
	r.books.expect(t, acctstack.Start, acctstack.Alert, acctstack.Connect, acctstack.Stop)
}

func TestCancelOfAnAnsweredCallChangesNothing(t *testing.T) {
	r := newRig(t)
	q := r.caller.send(r.caller.invite("c"))
	r.callee.answer(r.callee.expect("INVITE"), "200 OK")
	caller := r.caller.callerLeg(r.caller.expect("200"))
	r.cancel(q)
	r.callee.quiet()
	r.caller.quiet()
	r.hangUp(caller)
}

// A called side that takes the CANCEL and never ends the INVITE ends 64*T1 later for us (RFC 3261 9.1).
func TestCancelWithout487(t *testing.T) {
	for _, deaf := range []bool{false, true} {
		r := newRig(t)
		q := r.caller.send(r.caller.invite("c"))
		in := r.callee.expect("INVITE")
		r.callee.answer(in, "180 Ringing")
		r.caller.expect("180")
		r.advance(20 * time.Second)
		r.cancel(q)
		cancel := r.callee.expect("CANCEL")
		if !deaf {
			r.callee.answer(cancel, "200 OK")
			r.callee.quiet()
		}
		r.advance(timeout - time.Second)
		r.caller.quiet()
		r.advance(2 * time.Second)
		r.caller.expect("487")
		if cause, by := r.endOf(t, acctstack.Start, acctstack.Alert, acctstack.Stop); cause != 16 || by != cdr.ReleasedByCaller {
			t.Errorf("cause %d by %d", cause, by)
		}
	}
}

// A called side that never sends anything can be sent no CANCEL; timer B ends the call.
func TestCancelOfACallThatNobodyTakes(t *testing.T) {
	r := newRig(t)
	q := r.caller.send(r.caller.invite("c"))
	r.callee.expect("INVITE")
	r.cancel(q)
	r.advance(timeout + time.Second)
	got := r.callee.drain()
	if got["CANCEL"] != 0 {
		t.Errorf("sent %v", got)
	}
	seen := r.caller.drain()
	if seen["487"] == 0 && seen["480"] == 0 {
		t.Errorf("caller was sent %v", seen)
	}
	r.books.expect(t, acctstack.Start, acctstack.Stop)
}

// A 200 that comes after the caller has been refused is hung up, once, whatever the called side repeats.
func TestAnswerToACallThatWeHaveEnded(t *testing.T) {
	r := newRig(t)
	q := r.caller.send(r.caller.invite("late"))
	in := r.callee.expect("INVITE")
	r.callee.answer(in, "100 Trying")
	r.callee.quiet()
	r.advance(31 * time.Second)
	r.caller.expect("100")
	r.caller.expect("480")
	r.caller.send(q.sibling("ACK"))
	r.callee.expect("CANCEL")
	for range 3 {
		r.callee.answer(in, "200 OK")
	}
	r.callee.sendText(r.callee.answerText(in, "200 OK", "X: y"))
	got := r.callee.drain()
	if got["ACK"] != 4 || got["BYE"] != 1 {
		t.Errorf("callee was sent %v", got)
	}
	if cause, by := r.endOf(t, acctstack.Start, acctstack.Stop); cause != 41 || by != cdr.ReleasedByGatekeeper {
		t.Errorf("cause %d by %d", cause, by)
	}
}
