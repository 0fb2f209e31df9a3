package sip

import (
	"net/netip"
	"strings"
	"testing"

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

// A call from IPv4 to IPv6 and back leaves on the listener of the other family, with a Record-Route for each side
// (RFC 5658).
func TestCallBetweenFamilies(t *testing.T) {
	r := newRig(t)
	if err := r.front.Listen([]netip.AddrPort{netip.MustParseAddrPort("[::1]:0")}); err != nil {
		t.Fatal(err)
	}
	l := r.front.listeners[1]
	r.front.readers.Go(func() { r.front.read(l, l.conns[0]) })
	_ = r.callee.conn.Close()
	r.callee = r.newAgentAt("bob", "::1")
	r.callee.to = l.addr
	settings := *r.front.settings.Load()
	settings.Routes = routesTo(t, r.callee.target())
	r.front.Configure(&settings)
	r.caller.send(r.caller.invite("families"))
	in := r.callee.expect("INVITE")
	set := in.routeSet(hdrRecordRoute)
	if len(set) != 2 || string(set[0]) != "<sip:"+l.hostPort+";lr>" || string(set[1]) != "<sip:"+r.address().String()+";lr>" || string(in.via.host) != "[::1]" {
		t.Fatalf("received\n%s", in.raw)
	}
	r.callee.answer(in, "200 OK")
	caller := r.caller.callerLeg(r.caller.expect("200"))
	caller.send("ACK")
	r.callee.expect("ACK")
	callee := r.callee.calleeLeg(in)
	callee.send("INFO")
	r.caller.answer(r.caller.expect("INFO"), "200 OK")
	r.callee.expect("200")
	if !r.gk.Disconnect(1) {
		t.Fatal("no call")
	}
	r.callee.answer(r.callee.expect("BYE"), "200 OK")
	r.caller.answer(r.caller.expect("BYE"), "200 OK")
}
