package sip

import (
	"strings"
	"testing"
	"time"

	"tollgate/acctstack"
	"tollgate/cdr"
	"tollgate/gatekeeper"
)

func TestRefusedStart(t *testing.T) {
	r := newRig(t)
	r.books.fail(acctstack.Start)
	q := r.caller.send(r.caller.invite("refused"))
	m := r.caller.expect("503")
	if got := string(m.find(hdrReason)); got != `Q.850;cause=41;text="accounting"` {
		t.Errorf("Reason: %s", got)
	}
	if strings.Contains(string(m.raw), "Retry-After") {
		t.Error("there is a Retry-After")
	}
	r.caller.send(q.sibling("ACK"))
	r.callee.quiet()
	if cause, by := r.endOf(t, acctstack.Start, acctstack.Stop); cause != 41 || by != cdr.ReleasedByGatekeeper {
		t.Errorf("cause %d by %d", cause, by)
	}
}

func TestVerdictThatTakesItsTime(t *testing.T) {
	r := newRig(t)
	r.books.hold(acctstack.Start)
	q := r.caller.send(r.caller.invite("slow"))
	r.books.expect(t, acctstack.Start)
	r.advance(200 * time.Millisecond)
	r.caller.expect("100")
	for range 3 {
		r.caller.send(q)
		r.caller.expect("100") // the last answer, again
	}
	r.callee.quiet()
	r.books.settle()
	in := r.callee.expect("INVITE")
	r.callee.answer(in, "200 OK")
	r.hangUp(r.caller.callerLeg(r.caller.expect("200")))
	r.books.expect(t, acctstack.Start, acctstack.Connect, acctstack.Stop)
}

func TestVerdictThatNeverComes(t *testing.T) {
	r := newRig(t)
	r.books.hold(acctstack.Start)
	r.caller.send(r.caller.invite("hang"))
	r.books.expect(t, acctstack.Start)
	r.advance(31 * time.Second)
	if got := r.caller.drain(); got["480"] == 0 {
		t.Errorf("caller was sent %v", got)
	}
	r.books.settle()
	r.callee.quiet()
	if cause, _ := r.endOf(t, acctstack.Start, acctstack.Stop); cause != 41 {
		t.Errorf("cause %d", cause)
	}
}

func TestTimersOfAnInvite(t *testing.T) {
	r := newRig(t)
	q := r.caller.send(r.caller.invite("timers"))
	in := r.callee.expect("INVITE")
	sent := 0
	for _, wait := range []time.Duration{500, 1000, 2000, 4000, 8000} { // timer A
		r.advance(wait*time.Millisecond - 300*time.Millisecond)
		if n := r.callee.drain()["INVITE"]; n != 0 {
			t.Errorf("%d INVITEs before %d ms were over", n, wait)
		}
		r.advance(400 * time.Millisecond)
		sent += r.callee.drain()["INVITE"]
	}
	if sent != 5 {
		t.Errorf("%d retransmissions", sent)
	}
	r.callee.answer(in, "100 Trying")
	r.callee.quiet()
	r.advance(10 * time.Second)
	if n := r.callee.drain()["INVITE"]; n != 0 {
		t.Errorf("%d INVITEs behind a 100", n)
	}
	r.callee.answer(in, "486 Busy Here")
	r.callee.expect("ACK")
	r.callee.answer(in, "486 Busy Here")
	r.callee.expect("ACK") // again, and only there
	if got := r.caller.drain(); got["486"] != 1 || got["100"] != 1 {
		t.Errorf("caller was sent %v", got)
	}
	r.advance(500*time.Millisecond + 100*time.Millisecond)
	r.advance(time.Second + 100*time.Millisecond)
	if n := r.caller.drain()["486"]; n != 2 { // timer G
		t.Errorf("486 sent again %d times", n)
	}
	r.caller.send(q)
	r.caller.expect("486")
	r.caller.send(q.sibling("ACK"))
	r.caller.quiet()
	r.advance(10 * time.Second)
	r.caller.quiet()
	if servers, clients, _ := r.sizes(); servers != 0 || clients != 1 { // I is over, D is not
		t.Errorf("%d servers, %d clients", servers, clients)
	}
}

func TestAckThatNeverComes(t *testing.T) {
	r := newRig(t)
	r.caller.send(r.caller.invite("noack"))
	r.callee.answer(r.callee.expect("INVITE"), "404 Not Found")
	r.callee.expect("ACK")
	r.caller.expect("404")
	r.advance(timeout + time.Second) // timer H
	if n := r.caller.drain()["404"]; n != 10 {
		t.Errorf("sent again %d times", n)
	}
	if servers, _, _ := r.sizes(); servers != 0 {
		t.Errorf("%d server transactions", servers)
	}
	if cause, by := r.endOf(t, acctstack.Start, acctstack.Stop); cause != 1 || by != cdr.ReleasedByCallee {
		t.Errorf("cause %d by %d", cause, by)
	}
}

// A ringing that never ends: AlertingTimeout is shorter than timer C.
func TestRingingForEver(t *testing.T) {
	r := newRig(t)
	q := r.caller.send(r.caller.invite("ring"))
	in := r.callee.expect("INVITE")
	r.callee.answer(in, "180 Ringing")
	r.caller.expect("180")
	r.advance(180*time.Second + 200*time.Millisecond)
	r.caller.expect("480")
	r.caller.send(q.sibling("ACK"))
	r.callee.answer(r.callee.expect("CANCEL"), "200 OK")
	r.callee.answer(in, "487 Request Terminated")
	r.callee.expect("ACK")
	r.caller.quiet()
	if cause, by := r.endOf(t, acctstack.Start, acctstack.Alert, acctstack.Stop); cause != 41 || by != cdr.ReleasedByGatekeeper {
		t.Errorf("cause %d by %d", cause, by)
	}
}

func TestCauseOfARefusedCall(t *testing.T) {
	tests := []struct {
		status, reason string
		want           int
		relayed        string
	}{
		{"486 Busy Here", "", 17, "486"},
		{"480 Temporarily Unavailable", "Reason: SIP;cause=480, Q.850 ;cause=19;text=\"no, answer\"", 19, "480"},
		{"603 Decline", "Reason: q.850;CAUSE=21", 21, "603"},
		{"404 Not Found", "Reason: Q.850;cause=0", 1, "404"},
		{"404 Not Found", "Reason: Q.850;cause=999", 1, "404"},
		{"499 Whatever", "", 127, "499"},
		{"503 Service Unavailable", "", 41, "500"},
		{"302 Moved Temporarily", "", 127, "302"},
	}
	for _, test := range tests {
		t.Run(test.status+" "+test.reason, func(t *testing.T) {
			r := newRig(t)
			q := r.caller.send(r.caller.invite("cause"))
			in := r.callee.expect("INVITE")
			extra := []string{test.reason}
			if test.reason == "" {
				extra = nil
			}
			r.callee.answer(in, test.status, extra...)
			r.callee.expect("ACK")
			r.caller.expect(test.relayed)
			r.caller.send(q.sibling("ACK"))
			if cause, by := r.endOf(t, acctstack.Start, acctstack.Stop); cause != test.want || by != cdr.ReleasedByCallee {
				t.Errorf("cause %d by %d", cause, by)
			}
		})
	}
}

func TestByeFromTheCallee(t *testing.T) {
	r := newRig(t)
	_, callee := r.connect("bye")
	q := callee.request("BYE")
	q.extra = append(q.extra, "Reason: Q.850;cause=31")
	r.callee.send(q)
	bye := r.caller.expect("BYE")
	for range 2 { // retransmissions are absorbed
		r.callee.send(q)
	}
	r.caller.quiet()
	r.caller.answer(bye, "200 OK")
	r.callee.expect("200")
	r.callee.send(q)
	r.callee.expect("200")
	if cause, by := r.endOf(t, acctstack.Start, acctstack.Alert, acctstack.Connect, acctstack.Stop); cause != 31 || by != cdr.ReleasedByCallee {
		t.Errorf("cause %d by %d", cause, by)
	}
}

func TestByesThatCross(t *testing.T) {
	r := newRig(t)
	caller, callee := r.connect("cross")
	caller.send("BYE")
	callee.send("BYE")
	atCallee, atCaller := r.callee.expect("BYE"), r.caller.expect("BYE")
	r.callee.answer(atCallee, "200 OK")
	r.caller.expect("200")
	if _, _, sessions := r.sizes(); sessions != 1 {
		t.Errorf("%d sessions while a BYE is under way", sessions)
	}
	r.caller.answer(atCaller, "200 OK")
	r.callee.expect("200")
	if _, by := r.endOf(t, acctstack.Start, acctstack.Alert, acctstack.Connect, acctstack.Stop); by == cdr.ReleasedByGatekeeper {
		t.Errorf("by %d", by)
	}
}

// A BYE that nobody answers gets no answer from us either, and the call is over.
func TestByeToADeadPeer(t *testing.T) {
	r := newRig(t)
	caller, _ := r.connect("dead")
	caller.send("BYE")
	r.callee.expect("BYE")
	r.advance(timeout + time.Second)
	if n := r.callee.drain()["BYE"]; n != 10 { // timer E up to F
		t.Errorf("%d retransmissions", n)
	}
	r.caller.quiet()
	if servers, clients, sessions := r.sizes(); servers+clients+sessions != 0 {
		t.Errorf("left: %d %d %d", servers, clients, sessions)
	}
}

func TestReinvite(t *testing.T) {
	r := newRig(t)
	caller, callee := r.connect("re")
	for _, l := range []struct {
		leg *leg
		to  *agent
	}{{caller, r.callee}, {callee, r.caller}} {
		t.Run(l.leg.a.name, func(t *testing.T) {
			q := l.leg.send("INVITE")
			in := l.to.expect("INVITE")
			l.to.answer(in, "488 Not Acceptable Here")
			l.to.expect("ACK")
			l.leg.a.expect("488")
			l.leg.a.send(q.sibling("ACK"))
			l.leg.send("INVITE")
			in = l.to.expect("INVITE")
			l.to.answer(in, "200 OK")
			l.to.answer(in, "200 OK") // again
			l.leg.a.expect("200")
			l.leg.a.expect("200")
			l.leg.send("ACK")
			l.to.expect("ACK")
		})
	}
	r.books.expect(t, acctstack.Start, acctstack.Alert, acctstack.Connect)
	r.hangUp(callee)
	r.books.expect(t, acctstack.Start, acctstack.Alert, acctstack.Connect, acctstack.Stop)
}

func TestReinviteThatNobodyAnswers(t *testing.T) {
	r := newRig(t)
	caller, _ := r.connect("re")
	caller.send("INVITE")
	r.callee.expect("INVITE")
	r.advance(timeout + time.Second)
	if got := r.caller.drain(); got["408"] == 0 {
		t.Errorf("caller was sent %v", got)
	}
	r.callee.drain()
	r.hangUp(caller)
}

func TestOtherRequestsInsideTheDialog(t *testing.T) {
	r := newRig(t)
	caller, callee := r.connect("info")
	caller.send("INFO")
	r.callee.answer(r.callee.expect("INFO"), "200 OK")
	r.caller.expect("200")
	q := callee.request("UPDATE")
	q.contact = "<sip:new@" + r.second.addr.String() + ">"
	r.callee.send(q)
	r.caller.answer(r.caller.expect("UPDATE"), "200 OK")
	r.callee.expect("200")
	if !r.gk.Disconnect(1) {
		t.Fatal("no call")
	}
	bye := r.second.expect("BYE") // the new target
	r.second.answer(bye, "200 OK")
	if string(bye.uri) != "sip:new@"+r.second.addr.String() || bye.cseq != uint32(caller.request("BYE").cseq) {
		t.Errorf("BYE is %s", bye.raw)
	}
	other := r.caller.expect("BYE")
	r.caller.answer(other, "200 OK")
}

// DisconnectCall and the like send a BYE to both sides, each as if from the other.
func TestHangUpByTheGatekeeper(t *testing.T) {
	r := newRig(t)
	caller, callee := r.connect("drop")
	if !r.gk.Disconnect(1) {
		t.Fatal("no call")
	}
	toCallee, toCaller := r.callee.expect("BYE"), r.caller.expect("BYE")
	for _, check := range []struct {
		bye  *message
		want *leg
		cseq uint32
	}{{toCallee, caller, 2}, {toCaller, callee, 1}} {
		bye, want := check.bye, check.want
		if string(bye.from) != want.from || string(bye.to) != want.to || string(bye.uri) != want.uri || bye.cseq != check.cseq {
			t.Errorf("BYE is\n%s\nwant %+v", bye.raw, want)
		}
		if got := string(bye.find(hdrReason)); !strings.HasPrefix(got, "Q.850;cause=16;text=") {
			t.Errorf("Reason: %s", got)
		}
	}
	r.callee.answer(toCallee, "200 OK")
	r.caller.answer(toCaller, "481 Call/Transaction Does Not Exist")
	r.caller.quiet()
	if _, _, sessions := r.sizes(); sessions != 0 {
		t.Errorf("%d sessions", sessions)
	}
	if cause, by := r.endOf(t, acctstack.Start, acctstack.Alert, acctstack.Connect, acctstack.Stop); cause != 16 || by != cdr.ReleasedByGatekeeper {
		t.Errorf("cause %d by %d", cause, by)
	}
}

// A BYE of a peer that crosses ours still gets through.
func TestHangUpThatCrossesABye(t *testing.T) {
	r := newRig(t)
	caller, _ := r.connect("drop")
	r.gk.Disconnect(1)
	ours := r.callee.expect("BYE")
	toCaller := r.caller.expect("BYE")
	caller.send("BYE")
	theirs := r.callee.expect("BYE")
	r.callee.answer(theirs, "200 OK")
	r.caller.expect("200")
	r.callee.answer(ours, "481 Call/Transaction Does Not Exist")
	r.caller.answer(toCaller, "200 OK")
	r.caller.quiet()
}

func TestShutdownEndsEveryCall(t *testing.T) {
	r := newRig(t)
	r.connect("up")
	ringing := r.caller.send(r.caller.invite("ringing"))
	in := r.callee.expect("INVITE")
	r.callee.answer(in, "180 Ringing")
	r.caller.expect("180")
	r.books.hold(acctstack.Start)
	pending := r.caller.send(r.caller.invite("pending"))
	r.books.await(t, "third start", func() bool { return len(r.books.held) == 1 })
	done := make(chan struct{})
	go func() { defer close(done); r.gk.Shutdown(t.Context(), gatekeeper.Drain{}) }()
	seen := map[string]int{}
	for seen["480"] < 2 || seen["BYE"] < 1 {
		m := r.caller.receive()
		if m.request {
			seen[string(m.methodName)]++
		} else if m.status == 480 {
			seen["480"]++
		}
	}
	r.books.settle()
	<-done
	r.caller.send(ringing.sibling("ACK"))
	r.caller.send(pending.sibling("ACK"))
	r.caller.send(r.caller.invite("behind"))
	r.caller.expect("503")
	if got := r.callee.drain(); got["BYE"] != 1 || got["CANCEL"] != 1 || got["INVITE"] != 0 {
		t.Errorf("callee was sent %v", got)
	}
}

func TestSecondTarget(t *testing.T) {
	t.Run("503", func(t *testing.T) {
		r := newRig(t, twoTargets)
		r.caller.send(r.caller.invite("fail"))
		r.callee.answer(r.callee.expect("INVITE"), "503 Service Unavailable")
		r.callee.expect("ACK")
		in := r.second.expect("INVITE")
		r.second.answer(in, "200 OK")
		caller := r.caller.callerLeg(r.caller.expect("200"))
		record := r.books.expect(t, acctstack.Start, acctstack.Connect)
		if record.Attempts != 2 || record.Callee.Address != r.second.addr {
			t.Errorf("%d attempts, at %s", record.Attempts, record.Callee.Address)
		}
		caller.send("ACK")
		r.second.expect("ACK")
		caller.send("BYE")
		r.second.answer(r.second.expect("BYE"), "200 OK")
		r.caller.expect("200")
	})
	t.Run("486 is the callee's word", func(t *testing.T) {
		r := newRig(t, twoTargets)
		r.caller.send(r.caller.invite("fail"))
		r.callee.answer(r.callee.expect("INVITE"), "486 Busy Here")
		r.caller.expect("486")
		r.second.quiet()
	})
	t.Run("all fail", func(t *testing.T) {
		r := newRig(t, twoTargets)
		r.caller.send(r.caller.invite("fail"))
		r.callee.answer(r.callee.expect("INVITE"), "503 Service Unavailable")
		r.second.answer(r.second.expect("INVITE"), "503 Service Unavailable")
		r.caller.expect("500") // RFC 3261 16.7 step 6
		r.books.expect(t, acctstack.Start, acctstack.Stop)
	})
	t.Run("CANCEL", func(t *testing.T) {
		r := newRig(t, twoTargets)
		q := r.caller.send(r.caller.invite("fail"))
		in := r.callee.expect("INVITE")
		r.callee.answer(in, "100 Trying")
		r.callee.quiet()
		r.cancel(q)
		r.callee.expect("CANCEL")
		r.callee.answer(in, "503 Service Unavailable")
		r.caller.expect("500")
		r.second.quiet()
		if cause, by := r.endOf(t, acctstack.Start, acctstack.Stop); cause != 16 || by != cdr.ReleasedByCaller {
			t.Errorf("cause %d by %d", cause, by)
		}
	})
	dead := func(t *testing.T) (r *rig, late *message, in *message) {
		r = newRig(t, twoTargets)
		r.caller.send(r.caller.invite("fail"))
		late = r.callee.expect("INVITE")
		r.advance(nextTarget + 200*time.Millisecond)
		r.callee.drain()
		return r, late, r.second.expect("INVITE")
	}
	answer := func(r *rig, a *agent, in *message) *leg {
		a.answer(in, "200 OK")
		for {
			if m := r.caller.receive(); m.status == 200 {
				return r.caller.callerLeg(m)
			}
		}
	}
	t.Run("dead", func(t *testing.T) {
		r, _, in := dead(t)
		answer(r, r.second, in)
		r.gk.Disconnect(1)
		record := r.books.expect(t, acctstack.Start, acctstack.Connect, acctstack.Stop)
		if record.Attempts != 2 {
			t.Errorf("%d attempts", record.Attempts)
		}
		r.callee.quiet()
	})
	t.Run("slow to ring", func(t *testing.T) {
		r, late, in := dead(t)
		r.callee.answer(late, "180 Ringing")
		r.callee.expect("CANCEL")
		r.callee.answer(late, "487 Request Terminated")
		r.callee.expect("ACK")
		r.books.expect(t, acctstack.Start) // no alert
		answer(r, r.second, in)
		r.gk.Disconnect(1)
		r.books.expect(t, acctstack.Start, acctstack.Connect, acctstack.Stop)
	})
	t.Run("slow to answer", func(t *testing.T) {
		r, late, in := dead(t)
		r.second.answer(in, "100 Trying")
		r.second.quiet()
		answer(r, r.callee, late)
		r.second.answer(r.second.expect("CANCEL"), "200 OK")
		r.second.answer(in, "487 Request Terminated")
		r.second.expect("ACK")
		record := r.books.expect(t, acctstack.Start, acctstack.Connect)
		if record.Callee.Address != r.callee.addr {
			t.Errorf("record says %s", record.Callee.Address)
		}
		r.gk.Disconnect(1)
	})
	t.Run("dead, then refused", func(t *testing.T) {
		r, _, in := dead(t)
		r.second.answer(in, "486 Busy Here")
		if got := r.caller.drain(); got["486"] != 1 {
			t.Errorf("caller was sent %v", got)
		}
		r.books.expect(t, acctstack.Start, acctstack.Stop)
	})
	t.Run("both dead", func(t *testing.T) {
		r, _, _ := dead(t)
		r.advance(26 * time.Second)
		if got := r.caller.drain(); got["480"] == 0 {
			t.Errorf("caller was sent %v", got)
		}
		r.books.expect(t, acctstack.Start, acctstack.Stop)
	})
}
