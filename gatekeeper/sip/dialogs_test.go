package sip

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"tollgate/acctstack"
	"tollgate/cdr"
	"tollgate/gatekeeper"
)

// twoDialogs sets up a call that two callees behind one target have answered, both acknowledged.
func (r *rig) twoDialogs(callID string) (first, second *leg, invite *message) {
	r.t.Helper()
	r.caller.send(r.caller.invite(callID))
	invite = r.callee.expect("INVITE")
	for _, l := range []struct {
		to  **leg
		tag string
	}{{&first, "one"}, {&second, "two"}} {
		r.callee.sendText(strings.Replace(r.callee.answerText(invite, "200 OK", "Server: "+l.tag), "tag=tag-bob", "tag="+l.tag, 1))
		*l.to = r.caller.callerLeg(r.caller.expect("200"))
		(*l.to).send("ACK")
		r.callee.expect("ACK")
	}
	return first, second, invite
}

// answerAll takes n requests of that method and answers them; it tells how many came for each To tag.
func (a *agent) answerAll(n int, method, status string) map[string]int {
	a.t.Helper()
	tags := map[string]int{}
	for range n {
		m := a.expect(method)
		tags[string(m.toTag)+"<"+string(m.fromTag)]++
		a.answer(m, status)
	}
	return tags
}

func expectTags(t *testing.T, what string, got map[string]int, want ...string) {
	t.Helper()
	for _, tags := range want {
		if got[tags] != 1 {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
}

func TestHangUpInEveryDialog(t *testing.T) {
	r := newRig(t, journalled)
	r.twoDialogs("both")
	if !r.gk.Disconnect(1) {
		t.Fatal("no call")
	}
	expectTags(t, "callee", r.callee.answerAll(2, "BYE", "200 OK"), "one<tag-alice", "two<tag-alice")
	expectTags(t, "caller", r.caller.answerAll(2, "BYE", "200 OK"), "tag-alice<one", "tag-alice<two")
	r.caller.quiet()
	if _, _, sessions := r.sizes(); sessions != 0 {
		t.Errorf("%d sessions", sessions)
	}
	r.books.expect(t, acctstack.Start, acctstack.Connect, acctstack.Stop)
}

// The caller keeps the second callee, as one does who wants that one: the record is with him from then on.
func TestTheEndOfTheFirstDialogLeavesTheCallToTheSecond(t *testing.T) {
	for _, crash := range []bool{false, true} {
		t.Run(fmt.Sprint("crash ", crash), func(t *testing.T) {
			r := newRig(t, journalled)
			first, second, _ := r.twoDialogs("first")
			before := r.gk.Calls()[0]
			r.hangUp(first)
			r.books.expect(t, acctstack.Start, acctstack.Connect)
			if crash {
				r.vault.still(t)
				r.crash(nil)
			}
			after := r.gk.Calls()[0]
			if before.Callee.Vendor != "one" || after.Callee.Vendor != "two" || !crash && !after.Connected.Equal(before.Connected) {
				t.Errorf("before %+v\nafter %+v", before, after)
			}
			second.send("INFO")
			r.callee.answer(r.callee.expect("INFO"), "200 OK")
			r.caller.expect("200")
			r.hangUp(second)
			stop := r.books.expect(t, acctstack.Start, acctstack.Connect, acctstack.Stop)
			if stop.Callee.Vendor != "two" || stop.Callee.Address != r.callee.addr || stop.Released != cdr.ReleasedByCaller {
				t.Errorf("%+v", stop)
			}
			r.forgotten(t)
		})
	}
}

// A callee of a fork that hangs up ends his dialog, and the operator the other one.
func TestByeOfACalleeOfAFork(t *testing.T) {
	r := newRig(t)
	_, _, in := r.twoDialogs("leaves")
	callee := r.callee.calleeLeg(in)
	callee.from = string(in.to) + ";tag=one"
	r.hangUp(callee)
	r.books.expect(t, acctstack.Start, acctstack.Connect)
	r.gk.Disconnect(1)
	expectTags(t, "callee", r.callee.answerAll(1, "BYE", "200 OK"), "two<tag-alice")
	expectTags(t, "caller", r.caller.answerAll(1, "BYE", "200 OK"), "tag-alice<two")
	r.caller.quiet()
	r.callee.quiet()
}

func TestBothDialogsSurviveARestart(t *testing.T) {
	r := newRig(t, journalled)
	_, second, _ := r.twoDialogs("survive")
	r.vault.age = time.Minute
	r.crash(nil)
	r.advance(firstProbe + 200*time.Millisecond)
	expectTags(t, "callee", r.callee.answerAll(2, "OPTIONS", "200 OK"), "one<tag-alice", "two<tag-alice")
	for range 2 { // the caller has hung up the first one meanwhile
		m := r.caller.expect("OPTIONS")
		if string(m.fromTag) == "one" {
			r.caller.answer(m, "481 Call/Transaction Does Not Exist")
		} else {
			r.caller.answer(m, "200 OK")
		}
	}
	expectTags(t, "callee", r.callee.answerAll(1, "BYE", "200 OK"), "one<tag-alice")
	expectTags(t, "caller", r.caller.answerAll(1, "BYE", "481 Call/Transaction Does Not Exist"), "tag-alice<one")
	r.books.expect(t, acctstack.Start, acctstack.Connect)
	r.hangUp(second)
	stop := r.books.expect(t, acctstack.Start, acctstack.Connect, acctstack.Stop)
	if stop.EndEstimated || stop.Callee.Vendor != "two" {
		t.Errorf("%+v", stop)
	}
	r.forgotten(t)
}

// The answer of a second callee that comes behind the end of the call would open a dialog without a record.
func TestAnswerBehindTheEndIsHungUp(t *testing.T) {
	r := newRig(t)
	r.caller.send(r.caller.invite("late"))
	in := r.callee.expect("INVITE")
	r.callee.answerAs(in, "one", "200 OK")
	first := r.caller.callerLeg(r.caller.expect("200"))
	first.send("ACK")
	r.callee.expect("ACK")
	r.hangUp(first)
	r.callee.answerAs(in, "two", "200 OK")
	if m := r.callee.expect("ACK"); string(m.toTag) != "two" {
		t.Errorf("ACK to %s", m.to)
	}
	r.callee.answerAll(1, "BYE", "200 OK")
	r.callee.answerAs(in, "two", "200 OK") // again
	r.callee.expect("ACK")
	r.callee.quiet()
	r.caller.quiet()
}

func TestDialogsOfACallAreBounded(t *testing.T) {
	r := newRig(t)
	r.caller.send(r.caller.invite("many"))
	in := r.callee.expect("INVITE")
	for i := range maxCallees {
		r.callee.answerAs(in, fmt.Sprint("t", i), "200 OK")
		r.caller.callerLeg(r.caller.expect("200")).send("ACK")
		r.callee.expect("ACK")
	}
	r.callee.answerAs(in, "more", "200 OK")
	r.callee.expect("ACK")
	r.callee.answerAll(1, "BYE", "200 OK")
	r.caller.quiet()
	r.gk.Disconnect(1)
	r.callee.answerAll(maxCallees, "BYE", "200 OK")
	r.caller.answerAll(maxCallees, "BYE", "200 OK")
}

// The caller acknowledges one of two answers: the other dialog ends when its time is over, the call does not.
func TestOneOfTwoAnswersIsNeverAcknowledged(t *testing.T) {
	r := newRig(t)
	r.caller.send(r.caller.invite("half"))
	in := r.callee.expect("INVITE")
	r.callee.answerAs(in, "one", "200 OK")
	r.caller.expect("200")
	r.callee.answerAs(in, "two", "200 OK")
	second := r.caller.callerLeg(r.caller.expect("200"))
	second.send("ACK")
	r.callee.expect("ACK")
	r.advance(timeout + 200*time.Millisecond)
	expectTags(t, "callee", r.callee.answerAll(1, "BYE", "200 OK"), "one<tag-alice")
	r.caller.answerAll(1, "BYE", "481 Call/Transaction Does Not Exist")
	r.books.expect(t, acctstack.Start, acctstack.Connect)
	r.hangUp(second)
	if stop := r.books.expect(t, acctstack.Start, acctstack.Connect, acctstack.Stop); stop.Cause != 16 {
		t.Errorf("cause %d", stop.Cause)
	}
}

// RFC 3261 13.3.1.4: an answer that is never acknowledged ends the call. Its repetitions begin the time anew, as any of them
// may be the one that gets through.
func TestAnswerThatIsNeverAcknowledged(t *testing.T) {
	r := newRig(t)
	r.caller.send(r.caller.invite("unacked"))
	in := r.callee.expect("INVITE")
	r.callee.answer(in, "200 OK")
	r.caller.expect("200")
	r.advance(20 * time.Second)
	r.callee.answer(in, "200 OK")
	r.caller.expect("200")
	r.advance(timeout - time.Second)
	r.callee.quiet()
	r.books.expect(t, acctstack.Start, acctstack.Connect)
	r.advance(time.Second + 200*time.Millisecond)
	for _, a := range []*agent{r.callee, r.caller} {
		bye := a.expect("BYE")
		if got := string(bye.find(hdrReason)); !strings.HasPrefix(got, "Q.850;cause=102;") {
			t.Errorf("Reason: %s", got)
		}
		a.answer(bye, "200 OK")
	}
	stop := r.books.expect(t, acctstack.Start, acctstack.Connect, acctstack.Stop)
	if stop.Cause != 102 || stop.Released != cdr.ReleasedByGatekeeper || stop.EndEstimated || stop.Duration() < 1 {
		t.Errorf("%+v", stop)
	}
}

// After a restart nobody knows whether the ACK has passed: the sides are asked.
func TestAckOfTheFormerRunIsNotMissed(t *testing.T) {
	r := newRig(t, journalled)
	caller, _ := r.connect("acked before")
	r.crash(nil)
	r.advance(firstProbe + 200*time.Millisecond)
	r.callee.answerAll(1, "OPTIONS", "200 OK")
	r.caller.answerAll(1, "OPTIONS", "200 OK")
	r.callee.quiet()
	r.advance(timeout + 200*time.Millisecond)
	r.callee.answerAll(1, "OPTIONS", "200 OK")
	r.caller.answerAll(1, "OPTIONS", "200 OK")
	r.callee.quiet()
	r.books.expect(t, acctstack.Start, acctstack.Alert, acctstack.Connect)
	r.hangUp(caller)
	if stop := r.books.expect(t, acctstack.Start, acctstack.Alert, acctstack.Connect, acctstack.Stop); stop.EndEstimated {
		t.Errorf("%+v", stop)
	}
}

// No BYE goes on before the journal has the end of the call: neither that of the other side nor one that comes again.
func TestEveryByeWaitsForTheJournal(t *testing.T) {
	r := newRig(t, journalled)
	caller, callee := r.connect("byes")
	r.vault.wait()
	caller.send("BYE")
	r.caller.quiet()
	callee.send("BYE")
	caller.send("BYE") // another transaction
	r.caller.quiet()
	r.callee.quiet()
	r.vault.let(t, nil)
	r.callee.answerAll(2, "BYE", "200 OK")
	r.caller.expect("BYE")
	r.caller.expect("200")
	r.caller.expect("200")
	r.books.expect(t, acctstack.Start, acctstack.Alert, acctstack.Connect, acctstack.Stop)
	r.forgotten(t)
}

// The gatekeeper's own end, too, comes before what its peers send meanwhile.
func TestByeThatCrossesOursWaitsForTheJournal(t *testing.T) {
	r := newRig(t, journalled)
	caller, _ := r.connect("ours first")
	r.vault.wait()
	r.gk.Disconnect(1)
	caller.send("BYE")
	r.caller.quiet()
	r.callee.quiet()
	r.vault.let(t, nil)
	ours, theirs := r.callee.expect("BYE"), r.callee.expect("BYE")
	if ours.find(hdrReason) == nil || countVias(theirs) != 2 {
		t.Errorf("\n%s\n%s", ours.raw, theirs.raw)
	}
	r.callee.answer(ours, "200 OK")
	r.callee.answer(theirs, "481 Call/Transaction Does Not Exist")
	r.caller.answerAll(1, "BYE", "200 OK")
	r.caller.expect("200") // it has what it wants
	if cause, by := r.endOf(t, acctstack.Start, acctstack.Alert, acctstack.Connect, acctstack.Stop); cause != gatekeeper.CauseNormal || by != cdr.ReleasedByGatekeeper {
		t.Errorf("cause %d by %d", cause, by)
	}
}

// Two re-INVITEs cross: both are refused with 491 (RFC 3261 14.1), and the call stays.
func TestReinvitesThatCross(t *testing.T) {
	r := newRig(t)
	caller, callee := r.connect("glare")
	a, b := caller.send("INVITE"), callee.send("INVITE")
	toCallee, toCaller := r.callee.expect("INVITE"), r.caller.expect("INVITE")
	r.callee.answer(toCallee, "491 Request Pending")
	r.callee.expect("ACK")
	r.caller.expect("491")
	r.caller.send(a.sibling("ACK"))
	r.caller.answer(toCaller, "491 Request Pending")
	r.caller.expect("ACK")
	r.callee.expect("491")
	r.callee.send(b.sibling("ACK"))
	r.books.expect(t, acctstack.Start, acctstack.Alert, acctstack.Connect)
	r.hangUp(caller)
}
