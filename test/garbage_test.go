package test

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"tollgate/test/peer"
)

// TestGarbage sends what no gatekeeper should get (09-hostile).
func TestGarbage(t *testing.T) {
	g := newGatekeeper(t, "05-ends/config.ini")
	callee := peer.StartUAS(t, peer.SIPP{Scenario: "uas_answer.xml"})
	g.routeTo(callee.Addr)
	g.start()
	sendNoise(newPhone(t, g.address()))
	caller := newPhone(t, g.address())
	for _, tt := range garbage(caller) {
		caller.send(tt.datagram)
		if status := caller.status(tt.wait); status != tt.status {
			t.Errorf("%s: it was answered %d, want %d", tt.name, status, tt.status)
		}
	}
	peer.RunUAC(t, peer.SIPP{Scenario: "uac_call.xml", Target: g.address(), Hold: 100 * time.Millisecond})
	g.stop()
	if r, err := callee.Stop(); err != nil || len(r.Calls) != 1 {
		t.Errorf("%d calls reached the callee, want 1 (%v)", len(r.Calls), err)
	}
	if lines := g.cdrLines(); len(lines) != 1 {
		t.Errorf("the file has %d lines, want 1:\n%s", len(lines), strings.Join(lines, "\n"))
	}
}

// sendNoise sends random datagrams and every beginning of an INVITE but the whole; nobody wants an answer.
func sendNoise(p *phone) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		noise := make([]byte, random.IntN(2000))
		for i := range noise {
			noise[i] = byte(random.Uint32())
		}
		p.send(string(noise))
		p.send("INVITE " + string(noise))
		p.send("SIP/2.0 200 " + string(noise))
	}
	c := p.newCall("cut")
	invite := p.request(c, "INVITE", 1)
	for n := range strings.LastIndex(invite, "\r\nCSeq:") {
		p.send(invite[:n])
	}
}

// garbage is what is sent, and the status that must come back; 0 stands for none.
func garbage(p *phone) []struct {
	name, datagram string
	status         int
	wait           time.Duration
} {
	type test = struct {
		name, datagram string
		status         int
		wait           time.Duration
	}
	var tests []test
	answered := func(name string, status int, datagram string) {
		tests = append(tests, test{name, datagram, status, time.Second})
	}
	silent := func(name, datagram string) { tests = append(tests, test{name, datagram, 0, 30 * time.Millisecond}) }
	n := 0
	edit := func(method, old, new string) string {
		n++
		return strings.Replace(p.request(p.newCall("g"+string(rune('A'+n))), method, 1), old, new, 1)
	}
	const length = "Content-Length: 0\r\n"
	silent("nothing", "")
	silent("a keep-alive", "\r\n\r\n")
	silent("only NUL", strings.Repeat("\x00", 1000))
	silent("only a start line", "INVITE sip:49@127.0.0.1 SIP/2.0\r\n\r\n")
	silent("no Via", edit("INVITE", "Via:", "X-Via:"))
	silent("an ACK of nothing", edit("ACK", "", ""))
	silent("an answer to nothing", strings.Replace(edit("INVITE", "", ""), "INVITE sip:", "SIP/2.0 200 sip:", 1))
	silent("a malformed ACK", edit("ACK", "CSeq: 1", "CSeq: x"))
	answered("no From", 400, edit("INVITE", "From:", "X-From:"))
	answered("no To", 400, edit("INVITE", "To:", "X-To:"))
	answered("no Call-ID", 400, edit("INVITE", "Call-ID:", "X-Call-ID:"))
	answered("no CSeq", 400, edit("INVITE", "CSeq:", "X-CSeq:"))
	answered("two Call-IDs", 400, edit("INVITE", length, length+"Call-ID: other\r\n"))
	answered("two Content-Lengths", 400, edit("INVITE", length, length+length))
	answered("a CSeq of another method", 400, edit("INVITE", "1 INVITE", "1 BYE"))
	answered("a CSeq of 33 bits", 400, edit("INVITE", "CSeq: 1", "CSeq: 4294967296"))
	answered("a negative length", 400, edit("INVITE", length, "Content-Length: -1\r\n"))
	answered("a length beyond the datagram", 400, edit("INVITE", length, "Content-Length: 9\r\n"))
	answered("a huge length", 400, edit("INVITE", length, "Content-Length: 99999999999999999999\r\n"))
	answered("NUL in a header", 400, edit("INVITE", "phone", "ph\x00one"))
	answered("CR in a header", 400, edit("INVITE", "phone", "ph\rone"))
	answered("a header without a name", 400, edit("INVITE", length, ": x\r\n"+length))
	answered("a line that is no header", 400, edit("INVITE", length, "what\r\n"+length))
	answered("a thousand headers", 400, edit("INVITE", length, strings.Repeat("X: y\r\n", 1000)+length))
	answered("a malformed Request-URI", 400, edit("INVITE", "INVITE sip:4930123@", "INVITE sip:@:"))
	answered("SIP/3.0", 505, edit("INVITE", "SIP/2.0\r\nVia", "SIP/3.0\r\nVia"))
	answered("another scheme", 416, edit("INVITE", "INVITE sip:", "INVITE http:"))
	answered("no hop left", 483, edit("INVITE", "Max-Forwards: 70", "Max-Forwards: 0"))
	answered("an extension that must be understood", 420, edit("INVITE", length, "Proxy-Require: foo\r\n"+length))
	answered("a CANCEL of nothing", 481, edit("CANCEL", "", ""))
	answered("a BYE of no call", 481, edit("BYE", ">\r\nCall-ID", ">;tag=x\r\nCall-ID"))
	answered("an INVITE in no call", 481, edit("INVITE", ">\r\nCall-ID", ">;tag=x\r\nCall-ID"))
	answered("a method that we do not serve", 405, edit("REGISTER", "", ""))
	answered("OPTIONS", 200, edit("OPTIONS", "OPTIONS sip:4930123@", "OPTIONS sip:"))
	return tests
}

// status is the status of the next final answer, which is acknowledged if it is to an INVITE; 0 if none comes.
func (p *phone) status(within time.Duration) int {
	p.t.Helper()
	answer := p.receive(within)
	if answer == "" {
		return 0
	}
	return p.acknowledge(answer)
}

// TestHugeRequest sends an INVITE that just fits through the gatekeeper, and the largest that UDP can carry, which does not
// fit any more once a Via and a Record-Route are added: its caller gets a refusal, and nobody waits for it.
func TestHugeRequest(t *testing.T) {
	t.Parallel()
	g := newGatekeeper(t, "05-ends/config.ini")
	g.config.set("CallTable", "SignalTimeout", "5")
	callee := newBusyCallee(t)
	g.routeTo(callee.address())
	g.start()
	caller := newPhone(t, g.address())
	send := func(name string, size int) int {
		c := caller.newCall(name)
		head, _, _ := strings.Cut(caller.request(c, "INVITE", 1), "Content-Length")
		const digits = "Content-Length: 12345\r\n\r\n"
		body := size - len(head) - len(digits)
		caller.send(head + strings.Replace(digits, "12345", strconv.Itoa(body), 1) + strings.Repeat("x", body))
		return caller.final(c, patience)
	}
	if status := send("large", 65000); status != 486 {
		t.Errorf("65000 bytes: it was answered %d, want the callee's 486", status)
	}
	if status := send("largest", 65507); status < 400 {
		t.Errorf("65507 bytes: it was answered %d, want a refusal", status)
	}
	if status := send("small", 1000); status != 486 {
		t.Errorf("1000 bytes: it was answered %d, want the callee's 486", status)
	}
	g.stop()
	if n := len(g.cdrLines()); n != 3 {
		t.Errorf("the file has %d lines, want 3", n)
	}
}
