package sip

import (
	"context"
	"fmt"
	"testing"
	"time"

	"tollgate/acctstack"
	"tollgate/cdr"
	"tollgate/gatekeeper"
	"tollgate/wheel"
)

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
	r.advance(2 * wheel.Tick)
	for _, wait := range []time.Duration{500, 1000, 2000, 4000, 8000} { // timer A
		r.advance(wait*time.Millisecond - 300*time.Millisecond)
		if n := r.callee.drain()["INVITE"]; n != 0 {
			t.Errorf("%d INVITEs before %d ms were over", n, wait)
		}
		r.advance(300 * time.Millisecond)
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

// A re-INVITE that rings for ever is cancelled when timer C is over (RFC 3261 16.8).
func TestReinviteThatRingsForEver(t *testing.T) {
	r := newRig(t)
	caller, _ := r.connect("c")
	q := caller.send("INVITE")
	in := r.callee.expect("INVITE")
	r.callee.answer(in, "180 Ringing")
	r.caller.expect("180")
	r.advance(timerC - time.Second)
	r.callee.quiet()
	r.callee.answer(in, "180 Ringing") // begins it again
	r.caller.expect("180")
	r.advance(timerC - time.Second)
	r.callee.quiet()
	r.advance(1200 * time.Millisecond)
	r.callee.answer(r.callee.expect("CANCEL"), "200 OK")
	r.callee.answer(in, "487 Request Terminated")
	r.callee.expect("ACK")
	r.caller.expect("487")
	r.caller.send(q.sibling("ACK"))
	r.hangUp(caller)
}

// Timer E goes on at T2 once something has come back.
func TestTimersOfARequestThatIsNoInvite(t *testing.T) {
	r := newRig(t)
	caller, _ := r.connect("e")
	caller.send("INFO")
	info := r.callee.expect("INFO")
	r.advance(700 * time.Millisecond)
	if n := r.callee.drain()["INFO"]; n != 1 {
		t.Errorf("%d retransmissions", n)
	}
	r.callee.answer(info, "100 Trying")
	r.callee.quiet()
	r.advance(12 * time.Second)
	if n := r.callee.drain()["INFO"]; n != 3 {
		t.Errorf("%d retransmissions behind a 100", n)
	}
	r.callee.answer(info, "200 OK")
	r.caller.expect("200")
	r.hangUp(caller)
}

// At the end of the program the peers have a moment: a BYE that was lost is sent again, and Settle waits for its answer.
func TestSettleWaitsForThePeers(t *testing.T) {
	r := newRig(t)
	r.connect("settled")
	r.gk.Shutdown(t.Context(), gatekeeper.Drain{})
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		r.front.Settle(t.Context())
	}()
	r.caller.answer(r.caller.expect("BYE"), "200 OK")
	r.callee.expect("BYE") // lost
	r.advance(t1 + 2*wheel.Tick)
	select {
	case <-answered:
		t.Fatal("Settle did not wait for the callee")
	case <-time.After(5 * wheel.Tick):
	}
	r.callee.answer(r.callee.expect("BYE"), "200 OK")
	select {
	case <-answered:
	case <-time.After(patience):
		t.Fatal("Settle waits though everybody has answered")
	}
}

func TestSettleGivesUp(t *testing.T) {
	r := newRig(t)
	r.connect("gone")
	r.gk.Shutdown(t.Context(), gatekeeper.Drain{})
	ctx, cancel := context.WithTimeout(t.Context(), 3*wheel.Tick)
	defer cancel()
	r.front.Settle(ctx)
	if ctx.Err() == nil {
		t.Error("Settle ended with a BYE on its way")
	}
	r.caller.expect("BYE")
	r.callee.expect("BYE")
}

// A call that is ended between its answer and its ACK: nobody is sent a BYE before the ACK has gone through.
func TestHangUpWaitsForTheAck(t *testing.T) {
	for _, acked := range []bool{true, false} {
		t.Run(fmt.Sprint(acked), func(t *testing.T) {
			r := newRig(t)
			r.caller.send(r.caller.invite("unacked"))
			in := r.callee.expect("INVITE")
			r.callee.answer(in, "200 OK")
			ok := r.caller.expect("200")
			if !r.gk.Disconnect(1) {
				t.Fatal("no call")
			}
			r.callee.quiet()
			r.caller.quiet()
			if acked {
				r.caller.callerLeg(ok).send("ACK")
				r.callee.expect("ACK")
			} else {
				r.advance(timeout + time.Second)
			}
			r.callee.answer(r.callee.expect("BYE"), "200 OK")
			r.caller.answer(r.caller.expect("BYE"), "200 OK")
			if cause, by := r.endOf(t, acctstack.Start, acctstack.Connect, acctstack.Stop); cause != 16 || by != cdr.ReleasedByGatekeeper {
				t.Errorf("cause %d by %d", cause, by)
			}
		})
	}
}
