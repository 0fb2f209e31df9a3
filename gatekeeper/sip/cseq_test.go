package sip

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tollgate/acctstack"
	"tollgate/bootclock"
	"tollgate/gatekeeper"
	"tollgate/wheel"
)

// What the other side sees is a row of numbers that rises, each request keeps its own, and an answer's finds its way back.
func TestNumbersRise(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var n numbers
		seen, next := uint32(0), uint32(1)
		kept := map[uint32]uint32{} // the sender's number to ours, for as long as it is in memory
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			if rapid.Bool().Draw(t, "own") {
				number, _ := n.own()
				if number <= seen {
					t.Fatalf("our %d comes behind %d", number, seen)
				}
				if seen = number; n.shift() > n.bound {
					t.Fatalf("the journal knows of %d, the shift is %d", n.bound, n.shift())
				}
				if len(n.steps) == maxSteps {
					kept = map[uint32]uint32{}
				}
				continue
			}
			number := next
			next += rapid.Uint32Range(1, 5).Draw(t, "gap")
			n.saw(number)
			sent := n.onward(number)
			if sent <= seen {
				t.Fatalf("%d goes on as %d, behind %d", number, sent, seen)
			}
			seen, kept[number] = sent, sent
			for own, other := range kept {
				if n.onward(own) != other || n.back(other) != own {
					t.Fatalf("%d went on as %d, and is %d and %d now", own, other, n.onward(own), n.back(other))
				}
			}
		}
	})
}

func TestNumbersEnd(t *testing.T) {
	n := numbers{last: maxCSeq - 1}
	for range 3 {
		if number, _ := n.own(); number != maxCSeq {
			t.Errorf("number %d", number)
		}
	}
	n.saw(maxCSeq)
	if got := n.onward(maxCSeq); got > maxCSeq {
		t.Errorf("number %d", got)
	}
}

// kept is a rig whose calls are asked with OPTIONS every minute.
func kept(_ *rig, _ *gatekeeper.Settings, s *Settings) { s.KeepAlive = time.Minute }

// asked moves the clock to the next OPTIONS of ours and tells how long it took. Its repetitions do not come yet.
func (r *rig) asked() time.Duration {
	r.t.Helper()
	r.second.quiet() // what was sent before has been read
	before, s := r.now, r.shard()
	for r.now.Sub(before) < time.Hour {
		r.advance(wheel.Tick)
		s.Lock()
		n := 0
		for _, tx := range s.clients {
			if tx.probe != nil && tx.wait == t1 {
				n++
			}
		}
		s.Unlock()
		if n > 0 {
			return r.now.Sub(before)
		}
	}
	r.t.Fatal("nobody is asked")
	return 0
}

// ping lets a keep-alive come and answers it on both sides.
func (r *rig) ping() (toCallee, toCaller *message) {
	r.t.Helper()
	r.asked()
	toCallee, toCaller = r.callee.expect("OPTIONS"), r.caller.expect("OPTIONS")
	r.callee.answer(toCallee, "200 OK")
	r.caller.answer(toCaller, "200 OK")
	return toCallee, toCaller
}

func expectCSeq(t *testing.T, m *message, want uint32) {
	t.Helper()
	if m.cseq != want {
		t.Errorf("CSeq %d, want %d, in\n%s", m.cseq, want, m.raw)
	}
}

// Every request behind an OPTIONS of ours goes on with a higher number than it came with, and nobody sees a gap or a
// repetition; the answers come back with the number that the request had (RFC 3261 12.2.1.1, 12.2.2, 17.1.3).
func TestRequestsBehindAKeepAlive(t *testing.T) {
	r := newRig(t, kept)
	caller, callee := r.connect("mapped") // the INVITE was 1, the callee has sent nothing
	toCallee, toCaller := r.ping()
	expectCSeq(t, toCallee, 2)
	expectCSeq(t, toCaller, 1)
	toCallee, toCaller = r.ping()
	expectCSeq(t, toCallee, 3)
	expectCSeq(t, toCaller, 2)
	for _, test := range []struct {
		leg   *leg
		to    *agent
		came  uint32
		goes  uint32
		label string
	}{{caller, r.callee, 2, 4, "from the caller"}, {callee, r.caller, 1, 3, "from the callee"}} {
		q := test.leg.send("INFO")
		in := test.to.expect("INFO")
		expectCSeq(t, in, test.goes)
		test.leg.a.send(q) // again: absorbed
		test.to.quiet()
		test.to.answer(in, "200 OK")
		expectCSeq(t, test.leg.a.expect("200"), test.came)
		test.leg.a.send(q)
		expectCSeq(t, test.leg.a.expect("200"), test.came)
	}
	r.ping()
	ack := caller.request("ACK")
	ack.cseq = 1 // of the call's INVITE, once more
	r.caller.send(ack)
	expectCSeq(t, r.callee.expect("ACK"), 1)
	r.hangUp(caller)
}

// A re-INVITE with everything that refers to its number, and keep-alives in between.
func TestReinviteAmongKeepAlives(t *testing.T) {
	r := newRig(t, kept)
	caller, callee := r.connect("among")
	r.ping()
	invite := caller.send("INVITE") // 2
	in := r.callee.expect("INVITE")
	expectCSeq(t, in, 3)
	r.callee.answer(in, "183 Session Progress", "RSeq: 77", "Require: 100rel")
	expectCSeq(t, r.caller.expect("183"), 2)
	r.ping()
	prack := caller.request("PRACK") // 3
	prack.extra = append(prack.extra, "RAck: 77 2 INVITE")
	r.caller.send(prack)
	m := r.callee.expect("PRACK")
	expectCSeq(t, m, 5)
	if got := string(m.find(hdrRAck)); got != "77 3 INVITE" {
		t.Errorf("RAck: %s", got)
	}
	r.callee.answer(m, "200 OK")
	expectCSeq(t, r.caller.expect("200"), 3)
	r.callee.answer(in, "200 OK")
	expectCSeq(t, r.caller.expect("200"), 2)
	r.ping()
	for range 2 {
		r.caller.send(invite.sibling("ACK").with(func(q *req) { q.branch, q.extra = r.caller.branch(), caller.routes }))
		expectCSeq(t, r.callee.expect("ACK"), 3)
	}
	// One that is cancelled.
	q := caller.send("INVITE") // 4
	in = r.callee.expect("INVITE")
	expectCSeq(t, in, 7)
	r.callee.answer(in, "180 Ringing")
	r.caller.expect("180")
	r.caller.send(q.sibling("CANCEL"))
	r.caller.expect("200")
	cancel := r.callee.expect("CANCEL")
	expectCSeq(t, cancel, 7)
	r.callee.answer(cancel, "200 OK")
	r.callee.answer(in, "487 Request Terminated")
	expectCSeq(t, r.callee.expect("ACK"), 7)
	expectCSeq(t, r.caller.expect("487"), 4)
	r.caller.send(q.sibling("ACK"))
	r.hangUp(callee)
}

// A subscription that a REFER has made is named by the REFER's number, on each side by the one it has there (RFC 3515 2.4.6).
func TestReferAmongKeepAlives(t *testing.T) {
	r := newRig(t, kept)
	caller, callee := r.connect("refer")
	r.ping()
	caller.send("REFER") // 2
	m := r.callee.expect("REFER")
	expectCSeq(t, m, 3)
	r.callee.answer(m, "202 Accepted")
	expectCSeq(t, r.caller.expect("202"), 2)
	r.ping()
	for event, want := range map[string]string{"refer;id=3": "refer;id=2", "refer ; x=1; ID=3;y": "refer ; x=1; ID=2;y", "refer": "refer", "dialog;id=3": "dialog;id=3"} {
		q := callee.request("NOTIFY")
		q.extra = append(q.extra, "Event: "+event)
		r.callee.send(q)
		m := r.caller.expect("NOTIFY")
		if got := string(m.find(hdrEvent)); got != want {
			t.Errorf("Event: %s goes on as %s", event, got)
		}
		r.caller.answer(m, "200 OK")
		r.callee.expect("200")
	}
	q := caller.request("SUBSCRIBE")
	q.extra = append(q.extra, "Event: refer;id=2")
	r.caller.send(q)
	m = r.callee.expect("SUBSCRIBE")
	if got := string(m.find(hdrEvent)); got != "refer;id=3" {
		t.Errorf("Event: %s", got)
	}
	r.callee.answer(m, "200 OK")
	r.caller.expect("200")
	r.hangUp(caller)
}

// A BYE that is challenged comes again with a higher number, and with the shift.
func TestDigestBehindAKeepAlive(t *testing.T) {
	r := newRig(t, kept)
	caller, _ := r.connect("digest")
	r.ping()
	caller.send("BYE")
	m := r.callee.expect("BYE")
	expectCSeq(t, m, 3)
	r.callee.answer(m, "407 Proxy Authentication Required", `Proxy-Authenticate: Digest realm="x", nonce="y"`)
	expectCSeq(t, r.caller.expect("407"), 2)
	q := caller.request("BYE")
	q.extra = append(q.extra, `Proxy-Authorization: Digest realm="x", nonce="y"`)
	r.caller.send(q)
	m = r.callee.expect("BYE")
	expectCSeq(t, m, 4)
	if !strings.Contains(string(m.raw), "Proxy-Authorization: Digest") {
		t.Errorf("received\n%s", m.raw)
	}
	r.callee.answer(m, "200 OK")
	expectCSeq(t, r.caller.expect("200"), 3)
}

// The numbers of two dialogs of a call have nothing to do with each other.
func TestNumbersOfTwoDialogs(t *testing.T) {
	r := newRig(t, kept)
	first, second, _ := r.twoDialogs("numbers")
	for range 3 {
		first.send("INFO")
		r.callee.answer(r.callee.expect("INFO"), "200 OK")
		r.caller.expect("200")
	}
	cseqs := map[string]uint32{}
	for range 2 { // each dialog has a time of its own
		r.asked()
		m := r.callee.expect("OPTIONS")
		cseqs[string(m.toTag)] = m.cseq
		r.callee.answer(m, "200 OK")
		r.caller.answer(r.caller.expect("OPTIONS"), "200 OK")
	}
	if cseqs["one"] != 5 || cseqs["two"] != 2+forkSkip {
		t.Errorf("%v", cseqs)
	}
	second.send("INFO")
	m := r.callee.expect("INFO")
	expectCSeq(t, m, 3+forkSkip)
	r.callee.answer(m, "200 OK")
	expectCSeq(t, r.caller.expect("200"), 2)
	r.hangUp(first)
	r.hangUp(second)
}

// A restart skips what the former run may have used, and the journal hears of the shift now and then only.
func TestNumbersSurviveARestart(t *testing.T) {
	r := newRig(t, journalled, kept)
	caller, callee := r.connect("shifted")
	const pings = noteEvery + 20
	for range pings {
		r.ping()
	}
	caller.send("INFO") // 2
	m := r.callee.expect("INFO")
	expectCSeq(t, m, 2+pings)
	r.callee.answer(m, "200 OK")
	r.caller.expect("200")
	notes := 0
	for _, chain := range r.vault.chains {
		for _, record := range chain {
			if saved, err := gatekeeper.ReadCall(r.vault.order[0], append(chain[:1:1], record), bootclock.ID()); err == nil {
				notes += len(saved.Lines) - 1
			}
		}
	}
	if notes > 2+2*2 { // the INVITE's, the answer's, and twice for each direction
		t.Errorf("the journal was told %d times", notes)
	}
	for range 2 {
		r.vault.age = 2 * timeout // the ACK has passed long ago
		r.crash(nil)
		caller.send("INFO") // before we have sent anything
		m = r.callee.expect("INFO")
		r.callee.answer(m, "200 OK")
		r.caller.expect("200")
		r.advance(firstProbe + 200*time.Millisecond)
		toCallee, toCaller := r.callee.expect("OPTIONS"), r.caller.expect("OPTIONS")
		if toCallee.cseq <= m.cseq || toCaller.cseq <= pings {
			t.Errorf("CSeq %d behind %d, and %d behind %d", toCallee.cseq, m.cseq, toCaller.cseq, pings)
		}
		r.callee.answer(toCallee, "200 OK")
		r.caller.answer(toCaller, "200 OK")
		callee.send("INFO")
		back := r.caller.expect("INFO")
		if back.cseq <= toCaller.cseq {
			t.Errorf("CSeq %d behind %d", back.cseq, toCaller.cseq)
		}
		r.caller.answer(back, "200 OK")
		expectCSeq(t, r.callee.expect("200"), uint32(callee.cseq))
	}
	caller.send("INFO")
	last := r.callee.expect("INFO")
	if last.cseq <= m.cseq {
		t.Errorf("CSeq %d behind %d", last.cseq, m.cseq)
	}
	r.callee.answer(last, "200 OK")
	r.caller.expect("200")
	r.hangUp(caller)
	stop := r.books.expect(t, acctstack.Start, acctstack.Alert, acctstack.Connect, acctstack.Stop)
	if stop.EndEstimated {
		t.Errorf("%+v", stop)
	}
}
