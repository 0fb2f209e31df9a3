package sip

import (
	"fmt"
	"testing"
	"time"

	"tollgate/acctstack"
	"tollgate/cdr"
	"tollgate/gatekeeper"
	"tollgate/wheel"
)

// byes answers the BYEs with which we end a call on both sides; one side may not be there to answer.
func (r *rig) byes(there ...*agent) {
	r.t.Helper()
	for _, a := range there {
		for m := a.receive(); ; m = a.receive() {
			if string(m.methodName) == "BYE" {
				a.answer(m, "200 OK")
				break
			}
		}
	}
}

// vanished checks what is left of a call whose callee has vanished, and that it was last heard at that time.
func (r *rig) vanished(heard time.Time) {
	r.t.Helper()
	stop := r.books.expect(r.t, acctstack.Start, acctstack.Alert, acctstack.Connect, acctstack.Stop)
	if stop.Cause != 102 || stop.Released != cdr.ReleasedByUnknown || !stop.EndEstimated {
		r.t.Errorf("cause %d, released by %d, estimated %t", stop.Cause, stop.Released, stop.EndEstimated)
	}
	if off := stop.Disconnected.Sub(heard).Abs(); off > 10*time.Millisecond {
		r.t.Errorf("the end is %s from when the callee was heard last", stop.Disconnected.Sub(heard))
	}
}

// talk lets both sides be heard, and a moment pass behind that.
func (r *rig) talk(caller *leg) time.Time {
	r.t.Helper()
	time.Sleep(20 * time.Millisecond) // no timer waits for this: record times are the system's
	caller.send("INFO")
	r.callee.answer(r.callee.expect("INFO"), "200 OK")
	r.caller.expect("200")
	heard := time.Now()
	time.Sleep(20 * time.Millisecond)
	return heard
}

func TestKeepAliveFindsADialogGone(t *testing.T) {
	r := newRig(t, journalled, kept)
	caller, _ := r.connect("gone")
	r.ping()
	heard := r.talk(caller)
	r.asked()
	r.caller.answer(r.caller.expect("OPTIONS"), "200 OK")
	r.callee.answer(r.callee.expect("OPTIONS"), "481 Call/Transaction Does Not Exist")
	r.byes(r.callee, r.caller)
	r.vanished(heard)
	r.forgotten(t)
}

// One OPTIONS, or two in a row, that get no answer, are no end; three are. Whatever else comes from the side counts.
func TestKeepAliveOfASilentCallee(t *testing.T) {
	for _, none := range []string{"", "408 Request Timeout"} {
		t.Run("answers "+none, func(t *testing.T) {
			r := newRig(t, kept)
			caller, callee := r.connect("silent")
			silence := func() {
				t.Helper()
				r.asked()
				r.caller.answer(r.caller.expect("OPTIONS"), "200 OK")
				if m := r.callee.expect("OPTIONS"); none != "" {
					r.callee.answer(m, none)
				} else {
					r.second.quiet() // the caller's answer has been read: it shall not be repeated
					r.advance(timeout + 2*wheel.Tick)
					r.callee.drain()
				}
			}
			silence()
			silence()
			for name, sign := range map[string]func(){
				"another answer": func() {
					r.asked()
					r.caller.answer(r.caller.expect("OPTIONS"), "200 OK")
					r.callee.answer(r.callee.expect("OPTIONS"), "501 Not Implemented")
				},
				"a request": func() {
					callee.send("INFO")
					r.caller.answer(r.caller.expect("INFO"), "200 OK")
					r.callee.expect("200")
				},
				"the answer to one": func() { r.talk(caller) },
			} {
				sign()
				silence()
				silence()
				r.caller.quiet()
				if len(r.gk.Calls()) != 1 {
					t.Fatalf("behind %s the count goes on", name)
				}
			}
			heard := r.talk(caller)
			silence()
			silence()
			r.books.expect(t, acctstack.Start, acctstack.Alert, acctstack.Connect)
			silence()
			r.byes(r.caller)
			r.vanished(heard)
		})
	}
}

// With a short interval a question is over before the next one begins.
func TestShortKeepAlive(t *testing.T) {
	r := newRig(t, func(_ *rig, _ *gatekeeper.Settings, s *Settings) { s.KeepAlive, s.KeepAliveFailures = 4*time.Second, 2 })
	caller, _ := r.connect("short")
	heard := r.talk(caller)
	took := r.asked()
	r.advance(t1 + 2*wheel.Tick) // so that only the next one counts as new
	took += r.asked()
	if took > 9*time.Second {
		t.Errorf("the second question came after %s", took)
	}
	r.advance(3*time.Second + 2*wheel.Tick)
	r.vanished(heard)
	r.byes(r.caller, r.callee)
}

// A caller that has not acknowledged the answer is not asked: it may not have heard it.
func TestNoKeepAliveBeforeTheAck(t *testing.T) {
	r := newRig(t, func(_ *rig, _ *gatekeeper.Settings, s *Settings) { s.KeepAlive = time.Second })
	r.caller.send(r.caller.invite("early"))
	in := r.callee.expect("INVITE")
	r.callee.answer(in, "200 OK")
	caller := r.caller.callerLeg(r.caller.expect("200"))
	r.advance(10 * time.Second)
	r.callee.quiet()
	r.caller.quiet()
	caller.send("ACK")
	r.callee.expect("ACK")
	r.ping()
	r.hangUp(caller)
}

// Calls that begin together are not asked together.
func TestKeepAlivesAreSpread(t *testing.T) {
	r := newRig(t, kept)
	const calls = 40
	var legs []*leg
	for i := range calls {
		l, _ := r.connect(fmt.Sprint("spread", i))
		legs = append(legs, l)
	}
	asked := map[time.Duration]int{}
	for n := 0; n < calls; {
		at, s := r.asked(), r.shard()
		at = r.now.Sub(r.now.Add(-at)) // of this turn
		s.Lock()
		now := 0
		for _, tx := range s.clients {
			if tx.probe != nil && tx.party == &tx.probe.dialog.callee {
				now++
			}
		}
		s.Unlock()
		for range now {
			r.callee.answer(r.callee.expect("OPTIONS"), "200 OK")
			r.caller.answer(r.caller.expect("OPTIONS"), "200 OK")
		}
		n += now
		asked[at] += now
		if now > calls/4 {
			t.Errorf("%d of %d calls are asked at once", now, calls)
		}
	}
	for _, l := range legs {
		r.hangUp(l)
	}
}

// A call of which nobody has asked for anything is asked at the end of the session interval, and goes on if both sides are
// there: a call whose two telephones have died does not last for ever.
func TestNoCallLastsForEver(t *testing.T) {
	r := newRig(t, func(_ *rig, _ *gatekeeper.Settings, s *Settings) { s.SessionExpires = 30 * time.Minute })
	caller, _ := r.connect("for ever")
	for range 2 {
		if took := r.asked(); took < 30*time.Minute-time.Second || took > 30*time.Minute+time.Second {
			t.Errorf("asked after %s", took)
		}
		r.callee.answerAll(1, "OPTIONS", "200 OK")
		r.caller.answerAll(1, "OPTIONS", "404 Not Found")
	}
	heard := r.talk(caller)
	r.asked()
	r.caller.answerAll(1, "OPTIONS", "200 OK")
	r.callee.expect("OPTIONS")
	r.advance(timeout + 2*wheel.Tick)
	r.byes(r.caller)
	r.vanished(heard)
}

// The keep-alive goes on in the next run.
func TestKeepAliveBehindARestart(t *testing.T) {
	r := newRig(t, journalled, kept)
	caller, _ := r.connect("restart")
	r.vault.age = time.Minute
	r.crash(nil)
	r.ping() // the question behind the restart
	heard := r.talk(caller)
	for n := range 3 {
		if took := r.asked(); took > time.Minute {
			t.Errorf("asked after %s", took)
		}
		r.caller.answerAll(1, "OPTIONS", "200 OK")
		r.callee.expect("OPTIONS")
		r.advance(timeout + 2*wheel.Tick)
		r.callee.drain()
		if calls := len(r.gk.Calls()); n < 2 && calls != 1 {
			t.Fatalf("ended behind %d questions", n+1)
		}
	}
	r.byes(r.caller)
	r.vanished(heard)
}

// The keep-alive of a call that ends meanwhile changes nothing.
func TestKeepAliveThatCrossesTheEnd(t *testing.T) {
	r := newRig(t, kept)
	caller, _ := r.connect("crosses")
	r.asked()
	toCallee, toCaller := r.callee.expect("OPTIONS"), r.caller.expect("OPTIONS")
	r.hangUp(caller)
	r.callee.answer(toCallee, "481 Call/Transaction Does Not Exist")
	r.caller.answer(toCaller, "481 Call/Transaction Does Not Exist")
	r.callee.quiet()
	r.caller.quiet()
	if cause, by := r.endOf(t, acctstack.Start, acctstack.Alert, acctstack.Connect, acctstack.Stop); cause != 16 || by != cdr.ReleasedByCaller {
		t.Errorf("cause %d by %d", cause, by)
	}
}
