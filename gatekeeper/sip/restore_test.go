package sip

import (
	"fmt"
	"testing"
	"time"

	"tollgate/acctstack"
	"tollgate/cdr"
	"tollgate/gatekeeper"
)

func TestNothingGoesOnBeforeTheJournal(t *testing.T) {
	r := newRig(t, journalled)
	r.vault.wait()
	r.caller.send(r.caller.invite("order"))
	r.callee.quiet()
	r.books.expect(t)
	r.vault.let(t, nil)
	in := r.callee.expect("INVITE")

	r.vault.wait()
	r.callee.answer(in, "200 OK")
	r.callee.answer(in, "200 OK")
	r.callee.quiet()
	r.caller.quiet()
	r.vault.let(t, nil)
	caller := r.caller.callerLeg(r.caller.expect("200"))
	caller.send("ACK")
	r.callee.expect("ACK")

	r.vault.wait()
	bye := caller.send("BYE")
	r.caller.send(bye)
	r.caller.quiet()
	r.callee.quiet()
	r.books.expect(t, acctstack.Start, acctstack.Connect)
	r.vault.let(t, nil)
	r.callee.answer(r.callee.expect("BYE"), "200 OK")
	r.caller.expect("200")
	r.callee.quiet()
	r.books.expect(t, acctstack.Start, acctstack.Connect, acctstack.Stop)
	r.forgotten(t)
}

// forgotten checks that the journal has nothing of any call any more.
func (r *rig) forgotten(t *testing.T) {
	t.Helper()
	r.books.work.Wait()
	r.vault.still(t)
	r.vault.mu.Lock()
	defer r.vault.mu.Unlock()
	if n := len(r.vault.chains); n != 0 {
		t.Errorf("the journal has %d calls left", n)
	}
}

func TestACallThatTheJournalHasNoRoomForIsRefused(t *testing.T) {
	r := newRig(t, journalled)
	r.vault.fill()
	r.caller.send(r.caller.invite("full"))
	m := r.caller.expect("503")
	r.caller.send(r.caller.invite("full").with(func(q *req) { q.method, q.branch = "ACK", string(m.via.branch) }))
	r.callee.quiet()
	r.books.expect(t)
	if st := r.gk.Stats(); st.NoRoom != 1 || st.Current != 0 {
		t.Errorf("%+v", st)
	}
}

func TestACallIsGrantedWithoutAJournalIfTheOperatorSaysSo(t *testing.T) {
	r := newRig(t, journalled, func(_ *rig, calls *gatekeeper.Settings, _ *Settings) { calls.GrantUnjournalled = true })
	r.vault.fill()
	caller, _ := r.connect("granted")
	r.hangUp(caller)
	r.books.expect(t, acctstack.Start, acctstack.Alert, acctstack.Connect, acctstack.Stop)
	if st := r.gk.Stats(); st.Unjournalled != 1 {
		t.Errorf("%+v", st)
	}
}

func TestACallWhoseBeginningIsNotWrittenIsRefused(t *testing.T) {
	r := newRig(t, journalled)
	r.vault.wait()
	r.caller.send(r.caller.invite("broken"))
	r.vault.let(t, errNoRoom)
	r.caller.expect("503")
	r.callee.quiet()
	r.books.expect(t, acctstack.Start, acctstack.Stop)
	r.forgotten(t)
}

func TestAnAnswerGoesUpEvenIfItCannotBeWritten(t *testing.T) {
	r := newRig(t, journalled)
	r.caller.send(r.caller.invite("broken"))
	in := r.callee.expect("INVITE")
	r.vault.wait()
	r.callee.answer(in, "200 OK")
	r.vault.let(t, errNoRoom)
	caller := r.caller.callerLeg(r.caller.expect("200"))
	caller.send("ACK")
	r.callee.expect("ACK")
	r.hangUp(caller)
}

func TestRestartInACall(t *testing.T) {
	for _, side := range []string{"caller", "callee"} {
		t.Run(side, func(t *testing.T) {
			r := newRig(t, journalled)
			caller, callee := r.connect("survivor")
			r.books.expect(t, acctstack.Start, acctstack.Alert, acctstack.Connect)
			before := r.gk.Calls()[0]
			r.crash(nil)
			after := r.gk.Calls()
			if len(after) != 1 || after[0].Number != before.Number || after[0].SessionID != before.SessionID {
				t.Fatalf("before %+v\nafter %+v", before, after)
			}
			if side == "caller" {
				r.hangUp(caller)
			} else {
				r.hangUp(callee)
			}
			stop := r.books.expect(t, acctstack.Start, acctstack.Alert, acctstack.Connect, acctstack.Stop)
			if stop.SessionID != before.SessionID || stop.EndEstimated || stop.Clock != cdr.BootTime {
				t.Errorf("%+v", stop)
			}
			if d := stop.Connected.Sub(before.Connected); d < -time.Second || d > time.Second {
				t.Errorf("connected %s from before", d)
			}
			r.forgotten(t)
		})
	}
}

func TestRestartWhileRinging(t *testing.T) {
	r := newRig(t, journalled)
	invite := r.caller.send(r.caller.invite("ringing"))
	in := r.callee.expect("INVITE")
	r.callee.answer(in, "180 Ringing")
	r.caller.expect("180")
	r.books.expect(t, acctstack.Start, acctstack.Alert)
	r.crash(nil)
	r.callee.quiet()      // it has rung, so it has the INVITE
	r.caller.send(invite) // the caller's repetition makes no second call
	r.callee.quiet()
	r.callee.answer(in, "200 OK")
	caller := r.caller.callerLeg(r.caller.expect("200"))
	caller.send("ACK")
	r.callee.expect("ACK")
	r.hangUp(caller)
	stop := r.books.expect(t, acctstack.Start, acctstack.Alert, acctstack.Connect, acctstack.Stop)
	if stop.Attempts != 1 {
		t.Errorf("%d attempts", stop.Attempts)
	}
	r.forgotten(t)
}

func TestRestartBetweenTheAnswerInTheJournalAndItsWayUp(t *testing.T) {
	r := newRig(t, journalled)
	r.caller.send(r.caller.invite("answered"))
	in := r.callee.expect("INVITE")
	r.vault.wait()
	r.callee.answer(in, "200 OK")
	r.callee.quiet()
	r.crash(nil)
	r.callee.answer(in, "200 OK") // its repetition
	caller := r.caller.callerLeg(r.caller.expect("200"))
	caller.send("ACK")
	r.callee.expect("ACK")
	r.hangUp(caller)
	r.books.expect(t, acctstack.Start, acctstack.Connect, acctstack.Stop)
	r.forgotten(t)
}

func TestRestartBetweenTheEndInTheJournalAndItsWayOn(t *testing.T) {
	r := newRig(t, journalled)
	caller, _ := r.connect("ended")
	r.vault.wait()
	bye := caller.send("BYE")
	r.caller.quiet()
	r.crash(nil)
	r.books.expect(t, acctstack.Start, acctstack.Alert, acctstack.Connect, acctstack.Stop)
	r.callee.answer(r.callee.expect("BYE"), "200 OK") // ours: the caller may never repeat his
	r.caller.send(bye)
	r.callee.answer(r.callee.expect("BYE"), "481 Call/Transaction Does Not Exist")
	r.caller.expect("200")
	r.books.expect(t, acctstack.Start, acctstack.Alert, acctstack.Connect, acctstack.Stop)
	r.forgotten(t)
}

func TestRestartBeforeTheVerdict(t *testing.T) {
	for _, ok := range []bool{true, false} {
		r := newRig(t, journalled)
		r.books.hold(acctstack.Start)
		invite := r.caller.send(r.caller.invite("undecided"))
		r.books.expect(t, acctstack.Start)
		r.crash(nil)
		r.books.expect(t, acctstack.Start, acctstack.Start)
		r.books.mu.Lock()
		a, b := r.books.events[0], r.books.events[1]
		r.books.mu.Unlock()
		if a.ID != b.ID || a.Record.SessionID != b.Record.SessionID {
			t.Fatalf("%s and %s are not the same start", a.ID, b.ID)
		}
		r.caller.send(invite)
		r.books.hold()
		if ok {
			r.books.decide(t, true)
			r.callee.answer(r.callee.expect("INVITE"), "486 Busy Here")
			r.callee.expect("ACK")
			r.caller.send(invite.sibling("ACK").with(func(q *req) { q.to = string(r.caller.expect("486").to) }))
		} else {
			r.books.decide(t, false)
			r.caller.send(invite.sibling("ACK").with(func(q *req) { q.to = string(r.caller.expect("503").to) }))
			r.callee.quiet()
		}
		r.books.expect(t, acctstack.Start, acctstack.Start, acctstack.Stop)
		r.forgotten(t)
	}
}

func TestRestartAtTheSecondTarget(t *testing.T) {
	r := newRig(t, journalled, twoTargets)
	r.caller.send(r.caller.invite("second"))
	r.callee.answer(r.callee.expect("INVITE"), "503 Service Unavailable")
	r.callee.expect("ACK")
	in := r.second.expect("INVITE")
	r.crash(nil)
	again := r.second.expect("INVITE")
	if string(again.via.branch) != string(in.via.branch) {
		t.Fatalf("the branch was %s and is %s", in.via.branch, again.via.branch)
	}
	r.second.answer(in, "200 OK")
	caller := r.caller.callerLeg(r.caller.expect("200"))
	caller.send("ACK")
	r.second.expect("ACK")
	caller.send("BYE")
	r.second.answer(r.second.expect("BYE"), "200 OK")
	r.caller.expect("200")
	if stop := r.books.expect(t, acctstack.Start, acctstack.Connect, acctstack.Stop); stop.Attempts != 2 {
		t.Errorf("%d attempts", stop.Attempts)
	}
}

// The two sides of a call that was restored are asked whether it is still up.
func TestProbe(t *testing.T) {
	tests := []struct {
		name           string
		caller, callee string // what they answer; "" is nothing
		gone           bool
	}{
		{"both are there", "200 OK", "200 OK", false},
		{"an old peer", "501 Not Implemented", "405 Method Not Allowed", false},
		{"the caller has hung up", "481 Call/Transaction Does Not Exist", "200 OK", true},
		{"the callee has hung up", "200 OK", "481 Call/Transaction Does Not Exist", true},
		{"nobody is there", "", "", true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t, journalled)
			caller, _ := r.connect("probed")
			r.vault.age = time.Minute // the caller has acknowledged the answer long ago
			var crashed time.Time
			r.crash(func() { crashed = time.Now(); time.Sleep(20 * time.Millisecond) })
			r.advance(firstProbe + 200*time.Millisecond)
			toCallee, toCaller := r.callee.expect("OPTIONS"), r.caller.expect("OPTIONS")
			if toCallee.cseq != 1+1+cseqSkip || toCaller.cseq != 1+cseqSkip {
				t.Errorf("CSeq %d and %d", toCallee.cseq, toCaller.cseq)
			}
			if test.caller == "" {
				r.advance(40 * time.Second)
				r.callee.drain()
				r.caller.drain()
			} else {
				r.callee.answer(toCallee, test.callee)
				r.caller.answer(toCaller, test.caller)
			}
			if !test.gone {
				r.hangUp(caller)
				stop := r.books.expect(t, acctstack.Start, acctstack.Alert, acctstack.Connect, acctstack.Stop)
				if stop.EndEstimated {
					t.Error("the end of a call that we saw is no estimate")
				}
				return
			}
			stop := r.books.expect(t, acctstack.Start, acctstack.Alert, acctstack.Connect, acctstack.Stop)
			if late := stop.Disconnected.Sub(crashed) + r.vault.age; !stop.EndEstimated || late > 10*time.Millisecond {
				t.Errorf("estimated %t, %s behind the crash", stop.EndEstimated, late)
			}
			if test.caller != "" {
				r.callee.answer(r.callee.expect("BYE"), "200 OK")
				r.caller.answer(r.caller.expect("BYE"), "200 OK")
			}
			r.forgotten(t)
		})
	}
}

func TestTimersOfARestoredCallGoOn(t *testing.T) {
	r := newRig(t, journalled, func(_ *rig, calls *gatekeeper.Settings, _ *Settings) { calls.DurationLimit = 20 * time.Second })
	r.connect("limited")
	r.crash(nil)
	r.advance(firstProbe + 200*time.Millisecond)
	r.callee.answer(r.callee.expect("OPTIONS"), "200 OK")
	r.caller.answer(r.caller.expect("OPTIONS"), "200 OK")
	r.caller.quiet()
	r.books.expect(t, acctstack.Start, acctstack.Alert, acctstack.Connect)
	r.advance(16 * time.Second) // the rest of the limit
	r.books.expect(t, acctstack.Start, acctstack.Alert, acctstack.Connect, acctstack.Stop)
	r.vault.still(t)
	r.advance(timeout + time.Second) // the time that the ACK may take, as nobody knows whether it came
	r.callee.answer(r.callee.expect("BYE"), "200 OK")
	r.caller.answer(r.caller.expect("BYE"), "200 OK")
	if stop := r.books.expect(t, acctstack.Start, acctstack.Alert, acctstack.Connect, acctstack.Stop); stop.Cause != 47 {
		t.Errorf("cause %d", stop.Cause)
	}
}

// A call that we have ended a moment after its answer: the BYEs wait for the ACK, or for its time.
func TestOurByesGoOutAfterARestart(t *testing.T) {
	for name, ack := range map[string]bool{"no ACK": false, "ACK": true} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, journalled)
			caller, _ := r.connect("ours")
			r.vault.wait()
			if !r.gk.Disconnect(1) {
				t.Fatal("no call")
			}
			r.crash(nil)
			if ack {
				caller.send("ACK") // a repetition
				r.callee.expect("ACK")
			} else {
				r.advance(timeout + time.Second)
			}
			r.callee.answer(r.callee.expect("BYE"), "200 OK")
			r.caller.answer(r.caller.expect("BYE"), "200 OK")
		})
	}
}

// unwanted are events that no module of the stack is eligible for.
func unwanted(kinds ...acctstack.Kind) rigOption {
	return func(r *rig, _ *gatekeeper.Settings, _ *Settings) { r.books.unwanted = acctstack.KindsOf(kinds...) }
}

func TestACallRingsOnThoughNoModuleWantsAlert(t *testing.T) {
	r := newRig(t, journalled, unwanted(acctstack.Alert))
	r.caller.send(r.caller.invite("ringing"))
	in := r.callee.expect("INVITE")
	r.callee.answer(in, "180 Ringing")
	r.caller.expect("180")
	r.vault.age = time.Minute // AlertingTimeout is three
	r.crash(nil)
	r.caller.quiet()
	r.advance(10 * time.Second)
	r.callee.quiet()
	r.callee.answer(in, "200 OK")
	for r.caller.receive().status != 200 { // behind a 100
	}
	r.books.expect(t, acctstack.Start, acctstack.Connect)
	r.gk.Disconnect(1)
	r.books.expect(t, acctstack.Start, acctstack.Connect, acctstack.Stop)
	r.vault.still(t)
	r.advance(timeout + time.Second)
	r.callee.answer(r.callee.expect("BYE"), "200 OK")
	r.caller.answer(r.caller.expect("BYE"), "200 OK")
}

func TestACallThatIsNotWrittenIsRefusedWithoutAModuleForItsStart(t *testing.T) {
	r := newRig(t, journalled, unwanted(acctstack.Start, acctstack.Stop))
	r.vault.wait()
	r.caller.send(r.caller.invite("broken"))
	r.vault.let(t, errNoRoom)
	r.callee.quiet()
	r.caller.expect("503")
}

// The caller has given up by the time of the restart: nobody is to be rung up for him.
func TestAnOldCallWithoutAVerdictIsNotSentOn(t *testing.T) {
	r := newRig(t, journalled)
	r.books.hold(acctstack.Start)
	r.caller.send(r.caller.invite("old"))
	r.books.expect(t, acctstack.Start)
	r.vault.age = time.Hour
	r.books.hold()
	r.crash(nil)
	r.books.expect(t, acctstack.Start, acctstack.Start, acctstack.Stop)
	r.callee.quiet()
	r.forgotten(t)
}

// A call passes its limit while nobody is here: the outage is not billed.
func TestDurationLimitPassedWhileDown(t *testing.T) {
	r := newRig(t, journalled, func(_ *rig, calls *gatekeeper.Settings, _ *Settings) { calls.DurationLimit = time.Hour })
	r.connect("limited")
	r.vault.age, r.vault.upFor = 10*time.Hour, 10*time.Minute // killed 10 minutes into the call, down for 9:50
	r.crash(nil)
	r.advance(firstProbe - time.Second)
	r.books.expect(t, acctstack.Start, acctstack.Alert, acctstack.Connect)
	r.advance(2 * time.Second)
	stop := r.books.expect(t, acctstack.Start, acctstack.Alert, acctstack.Connect, acctstack.Stop)
	if d := stop.Disconnected.Sub(stop.Connected); d > time.Hour || !stop.EndEstimated || stop.Cause != 47 {
		t.Errorf("billed %s, estimated %t, cause %d", d, stop.EndEstimated, stop.Cause)
	}
	r.vault.still(t)
	r.callee.drain()
	r.caller.drain()
}

// The callee has refused the call, but the end was not written any more. After 5 s it would take an INVITE for a new one.
func TestARefusedCallDoesNotRingAgain(t *testing.T) {
	r := newRig(t, journalled)
	q := r.caller.send(r.caller.invite("busy"))
	in := r.callee.expect("INVITE")
	r.vault.wait()
	r.callee.answer(in, "486 Busy Here")
	r.callee.expect("ACK")
	m := r.caller.expect("486")
	r.caller.send(q.sibling("ACK").with(func(q *req) { q.to = string(m.to) }))
	r.caller.quiet()
	r.vault.age = t4 + time.Second
	r.crash(func() {
		for id, chain := range r.vault.chains {
			r.vault.chains[id] = chain[:len(chain)-1]
		}
	})
	r.callee.quiet()
	r.gk.Disconnect(1)
	r.caller.drain()
	r.callee.drain()
}

// The 2xx waits for the journal when the crash comes, and the callee has not repeated it yet when the caller is asked.
func TestProbeOfACallerThatHasNotHeardTheAnswer(t *testing.T) {
	r := newRig(t, journalled)
	r.caller.send(r.caller.invite("unheard"))
	in := r.callee.expect("INVITE")
	r.vault.wait()
	r.callee.answer(in, "200 OK")
	r.callee.quiet()
	r.crash(nil)
	r.advance(firstProbe + 200*time.Millisecond)
	toCallee, toCaller := r.callee.expect("OPTIONS"), r.caller.expect("OPTIONS")
	r.callee.answer(toCallee, "200 OK")
	r.caller.answer(toCaller, "481 Call/Transaction Does Not Exist")
	r.callee.quiet()
	r.callee.answer(in, "200 OK")
	caller := r.caller.callerLeg(r.caller.expect("200"))
	caller.send("ACK")
	r.callee.expect("ACK")
	r.hangUp(caller)
}

// A peer that names a new remote target all the time does not fill the journal.
func TestRemoteTargetsInTheJournalAreBounded(t *testing.T) {
	r := newRig(t, journalled)
	caller, _ := r.connect("grows")
	for i := range maxMoves + 20 {
		q := caller.request("UPDATE")
		q.contact = fmt.Sprintf("<sip:alice@%s;x=%d>", r.caller.addr, i)
		r.caller.send(q)
		r.callee.answer(r.callee.expect("UPDATE"), "200 OK")
		r.caller.expect("200")
	}
	r.vault.mu.Lock()
	for _, chain := range r.vault.chains {
		if len(chain) > maxMoves+10 {
			t.Errorf("%d entries", len(chain))
		}
	}
	r.vault.mu.Unlock()
	r.hangUp(caller)
}
