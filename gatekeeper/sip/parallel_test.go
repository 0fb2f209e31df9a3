package sip

import (
	"fmt"
	"strings"
	"testing"

	"tollgate/acctstack"
	"tollgate/cdr"
	"tollgate/gatekeeper"
)

// atOnce routes calls to callee and second at the same time.
func atOnce(r *rig, _ *gatekeeper.Settings, s *Settings) {
	s.Routes = routesTo(r.t, r.callee.target()+" & "+r.second.target())
}

func following(_ *rig, _ *gatekeeper.Settings, s *Settings) { s.FollowRedirects = true }

// legsOf are the statuses of a record's legs in their order.
func legsOf(r *cdr.Record) string {
	var list []string
	for i := range r.Legs {
		list = append(list, fmt.Sprint(r.Legs[i].Status))
	}
	return strings.Join(list, " ")
}

// Two targets are asked at once; the answer of one cancels the other, and says why (RFC 3261 16.7 step 10, RFC 3326).
func TestParallelForkThatIsAnswered(t *testing.T) {
	r := newRig(t, atOnce)
	r.caller.send(r.caller.invite("fork"))
	one, two := r.callee.expect("INVITE"), r.second.expect("INVITE")
	for _, m := range []*message{one, two} {
		if string(m.find(hdrMaxBreadth)) != "30" { // RFC 5393 5.3.3
			t.Errorf("Max-Breadth: %s", m.find(hdrMaxBreadth))
		}
	}
	r.callee.answer(one, "180 Ringing")
	r.caller.expect("180")
	r.second.answer(two, "180 Ringing")
	r.caller.expect("180")
	r.second.answer(two, "200 OK")
	caller := r.caller.callerLeg(r.caller.expect("200"))
	cancel := r.callee.expect("CANCEL")
	if got := string(cancel.find(hdrReason)); got != `SIP;cause=200;text="Call completed elsewhere"` {
		t.Errorf("Reason: %s", got)
	}
	r.callee.answer(cancel, "200 OK")
	r.callee.answer(one, "487 Request Terminated")
	r.callee.expect("ACK")
	caller.send("ACK")
	r.second.expect("ACK")
	caller.send("BYE")
	r.second.answer(r.second.expect("BYE"), "200 OK")
	r.caller.expect("200")
	record := r.books.expect(t, acctstack.Start, acctstack.Alert, acctstack.Connect, acctstack.Stop)
	if record.Attempts != 2 || legsOf(record) != "487 200" || record.SIPStatus != 200 || record.Callee.Address != r.second.addr {
		t.Errorf("%d attempts, legs %s, told %d, callee %s", record.Attempts, legsOf(record), record.SIPStatus, record.Callee.Address)
	}
}

// When all have refused, the best answer goes up (RFC 3261 16.7 steps 6 and 7).
func TestBestAnswerOfAFork(t *testing.T) {
	for name, test := range map[string]struct{ one, two, up string }{
		"a class is better":      {"503 Service Unavailable", "486 Busy Here", "486"},
		"busy before timeout":    {"486 Busy Here", "408 Request Timeout", "486"},
		"what can be changed":    {"404 Not Found", "415 Unsupported Media Type", "415"},
		"a redirection":          {"302 Moved Temporarily", "404 Not Found", "302"},
		"503 leaves as 500":      {"503 Service Unavailable", "503 Service Unavailable", "500"},
		"any 5xx before 503":     {"503 Service Unavailable", "504 Server Time-out", "504"},
		"a challenge":            {"486 Busy Here", "407 Proxy Authentication Required", "407"},
		"the first of the equal": {"486 Busy Here", "480 Temporarily Unavailable", "486"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, atOnce)
			r.caller.send(r.caller.invite("best"))
			r.callee.answer(r.callee.expect("INVITE"), test.one)
			r.callee.expect("ACK")
			r.caller.quiet()
			r.second.answer(r.second.expect("INVITE"), test.two)
			r.second.expect("ACK")
			r.caller.expect(test.up)
			record := r.books.expect(t, acctstack.Start, acctstack.Stop)
			if want := test.one[:3] + " " + test.two[:3]; legsOf(record) != want || fmt.Sprint(record.SIPStatus) != test.up {
				t.Errorf("legs %s, told %d", legsOf(record), record.SIPStatus)
			}
		})
	}
}

// The challenges of all branches reach the caller in one answer (RFC 3261 16.7 step 7).
func TestChallengesOfAForkAreJoined(t *testing.T) {
	r := newRig(t, atOnce)
	r.caller.send(r.caller.invite("challenges"))
	r.callee.answer(r.callee.expect("INVITE"), "401 Unauthorized", `WWW-Authenticate: Digest realm="one",nonce="1"`)
	r.callee.expect("ACK")
	r.second.answer(r.second.expect("INVITE"), "407 Proxy Authentication Required", `Proxy-Authenticate: Digest realm="two",nonce="2"`)
	r.second.expect("ACK")
	m := r.caller.expect("401")
	if !strings.Contains(string(m.find(hdrWWWAuthenticate)), "one") || !strings.Contains(string(m.find(hdrProxyAuthenticate)), "two") {
		t.Errorf("joined to\n%s", m.raw)
	}
}

// A 6xx ends the search: the others are cancelled, and it goes up when they have said so (RFC 3261 16.7 step 5).
func TestGlobalFailureOfAFork(t *testing.T) {
	r := newRig(t, atOnce)
	r.caller.send(r.caller.invite("six"))
	two := r.second.expect("INVITE")
	r.second.answer(two, "180 Ringing")
	r.caller.expect("180")
	r.callee.answer(r.callee.expect("INVITE"), "603 Decline")
	r.callee.expect("ACK")
	r.second.answer(r.second.expect("CANCEL"), "200 OK")
	r.caller.quiet()
	r.second.answer(two, "487 Request Terminated")
	r.second.expect("ACK")
	r.caller.expect("603")
	if record := r.books.expect(t, acctstack.Start, acctstack.Alert, acctstack.Stop); legsOf(record) != "603 487" || record.Cause != 21 {
		t.Errorf("legs %s, cause %d", legsOf(record), record.Cause)
	}
}

func TestCancelOfAFork(t *testing.T) {
	r := newRig(t, atOnce)
	q := r.caller.send(r.caller.invite("cancel"))
	one, two := r.callee.expect("INVITE"), r.second.expect("INVITE")
	r.callee.answer(one, "180 Ringing")
	r.caller.expect("180")
	r.second.answer(two, "486 Busy Here")
	r.second.expect("ACK")
	cancel := q.sibling("CANCEL")
	cancel.extra = []string{`Reason: Q.850;cause=31;text="x"`}
	r.caller.send(cancel)
	r.caller.expect("200")
	down := r.callee.expect("CANCEL")
	if got := string(down.find(hdrReason)); got != `Q.850;cause=31;text="x"` {
		t.Errorf("Reason: %s", got)
	}
	r.callee.answer(down, "200 OK")
	r.callee.answer(one, "487 Request Terminated")
	r.callee.expect("ACK")
	r.caller.expect("486")
	if record := r.books.expect(t, acctstack.Start, acctstack.Alert, acctstack.Stop); record.Cause != 31 || record.Released != cdr.ReleasedByCaller {
		t.Errorf("cause %d by %d", record.Cause, record.Released)
	}
}

// A redirection is relayed, unless it is to be followed: then its Contacts are the next targets, the highest q first, none
// twice and never ourselves.
func TestRedirection(t *testing.T) {
	contacts := func(r *rig) []string {
		return []string{
			"Contact: <sip:self@" + r.address().String() + ">, <sip:new@" + r.second.addr.String() + ">;q=0.5, <sip:x@example.com>",
			"Contact: <sip:gone@" + r.callee.addr.String() + ">;q=0.7",
		}
	}
	redirect := func(options ...rigOption) *rig {
		r := newRig(t, options...)
		r.caller.send(r.caller.invite("moved"))
		r.callee.sendText(strings.Replace(r.callee.answerText(r.callee.expect("INVITE"), "302 Moved Temporarily", contacts(r)...), "Contact: "+r.callee.contact()+"\r\n", "", 1))
		r.callee.expect("ACK")
		return r
	}
	t.Run("relayed", func(t *testing.T) {
		r := redirect()
		if m := r.caller.expect("302"); !strings.Contains(string(m.raw), "new@") {
			t.Errorf("relayed\n%s", m.raw)
		}
		r.books.expect(t, acctstack.Start, acctstack.Stop)
	})
	t.Run("followed", func(t *testing.T) {
		r := redirect(following)
		in := r.callee.expect("INVITE")
		if string(in.uri) != "sip:gone@"+r.callee.addr.String() {
			t.Errorf("to %s", in.uri)
		}
		r.callee.answer(in, "503 Service Unavailable")
		r.callee.expect("ACK")
		in = r.second.expect("INVITE")
		if string(in.uri) != "sip:new@"+r.second.addr.String() {
			t.Errorf("to %s", in.uri)
		}
		r.second.sendText(strings.Replace(r.second.answerText(in, "302 Moved Temporarily", contacts(r)...), "Contact: "+r.second.contact()+"\r\n", "", 1))
		r.second.expect("ACK")
		r.caller.expect("302") // there is nowhere new to go
		if record := r.books.expect(t, acctstack.Start, acctstack.Stop); legsOf(record) != "302 503 302" || record.Attempts != 3 {
			t.Errorf("legs %s, %d attempts", legsOf(record), record.Attempts)
		}
	})
}

// The INVITE that comes back as it went out is a loop, and no second call (RFC 5393 4.2).
func TestLoop(t *testing.T) {
	r := newRig(t)
	r.caller.send(r.caller.invite("loop"))
	in := r.callee.expect("INVITE")
	via := "Via: SIP/2.0/UDP " + r.callee.addr.String() + ";branch=z9hG4bKproxy\r\n"
	_, rest, _ := strings.Cut(string(in.raw), "\r\n")
	r.callee.sendText("INVITE sip:4930123@" + r.address().String() + " SIP/2.0\r\n" + via + rest)
	r.callee.expect("482")
	r.callee.answer(in, "482 Loop Detected")
	r.callee.expect("ACK")
	r.caller.expect("482")
	if record := r.books.expect(t, acctstack.Start, acctstack.Stop); record.Cause != 25 || len(record.Legs) != 1 {
		t.Errorf("cause %d, %d legs", record.Cause, len(record.Legs))
	}
}

// Both targets of a fork answer before our CANCEL reaches the second: the second 2xx goes up too (RFC 3261 16.7 step 5).
func TestBothTargetsAnswer(t *testing.T) {
	r := newRig(t, atOnce)
	r.caller.send(r.caller.invite("both"))
	one, two := r.callee.expect("INVITE"), r.second.expect("INVITE")
	r.callee.answer(one, "200 OK")
	first := r.caller.callerLeg(r.caller.expect("200"))
	r.second.answer(two, "200 OK")
	second := r.caller.callerLeg(r.caller.expect("200"))
	first.send("ACK")
	r.callee.expect("ACK")
	second.send("ACK")
	r.second.expect("ACK")
	second.send("BYE")
	r.second.answer(r.second.expect("BYE"), "200 OK")
	r.caller.expect("200")
	if record := r.books.expect(t, acctstack.Start, acctstack.Connect); record.Callee.Address != r.callee.addr {
		t.Errorf("callee %s", record.Callee.Address)
	}
	r.hangUp(first)
	if record := r.books.expect(t, acctstack.Start, acctstack.Connect, acctstack.Stop); legsOf(record) != "200 200" {
		t.Errorf("legs %s", legsOf(record))
	}
}

// A fork that a crash interrupts goes on: both targets may still answer.
func TestRestartOfAFork(t *testing.T) {
	r := newRig(t, journalled, atOnce)
	q := r.caller.send(r.caller.invite("fork"))
	one, two := r.callee.expect("INVITE"), r.second.expect("INVITE")
	r.callee.answer(one, "180 Ringing")
	r.caller.expect("180")
	r.crash(nil)
	r.caller.send(q)
	r.second.answer(two, "200 OK")
	r.callee.expect("CANCEL")
	caller := r.caller.callerLeg(r.caller.expect("200"))
	caller.send("ACK")
	r.second.expect("ACK")
	r.gk.Disconnect(1)
	r.second.answer(r.second.expect("BYE"), "200 OK")
	r.caller.answer(r.caller.expect("BYE"), "200 OK")
	r.books.expect(t, acctstack.Start, acctstack.Alert, acctstack.Connect, acctstack.Stop)
}
