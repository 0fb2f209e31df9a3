package sip

import (
	"testing"
	"time"

	"tollgate/acctstack"
	"tollgate/cdr"
)

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
}

// A target that says nothing is left for the next one; what it says later does no harm.
func TestTargetThatSaysNothing(t *testing.T) {
	dead := func(t *testing.T) (r *rig, late *message, in *message) {
		r = newRig(t, twoTargets)
		r.caller.send(r.caller.invite("fail"))
		late = r.callee.expect("INVITE")
		r.advance(5200 * time.Millisecond)
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
