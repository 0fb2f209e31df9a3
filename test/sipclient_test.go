package test

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// phone is a caller or callee that says exactly what a test wants said.
type phone struct {
	t    testing.TB
	conn *net.UDPConn
	to   *net.UDPAddr // nil for a callee
}

// newPhone makes a phone that calls the gatekeeper.
func newPhone(t testing.TB, address string) *phone {
	t.Helper()
	to, err := net.ResolveUDPAddr("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &phone{t: t, conn: conn, to: to}
}

func (p *phone) address() string { return p.conn.LocalAddr().String() }

// send sends a datagram as it is.
func (p *phone) send(datagram string) {
	p.t.Helper()
	if _, err := p.conn.WriteToUDP([]byte(datagram), p.to); err != nil {
		p.t.Fatal(err)
	}
}

// receive is the next datagram, "" if none comes in time.
func (p *phone) receive(within time.Duration) string {
	p.t.Helper()
	if err := p.conn.SetReadDeadline(time.Now().Add(within)); err != nil {
		p.t.Fatal(err)
	}
	buffer := make([]byte, 65536)
	n, err := p.conn.Read(buffer)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return ""
	}
	if err != nil {
		p.t.Fatal(err)
	}
	return string(bytes.TrimSpace(buffer[:n]))
}

// expect waits for an answer with that status and method and passes over provisional ones.
func (p *phone) expect(status int, method string, within time.Duration) string {
	p.t.Helper()
	deadline := time.Now().Add(within)
	for {
		answer := p.receive(time.Until(deadline))
		switch {
		case answer == "":
			p.t.Fatalf("no %d to %s within %v", status, method, within)
		case strings.HasPrefix(answer, "SIP/2.0 "+strconv.Itoa(status)) && strings.HasSuffix(headerOf(answer, "CSeq"), method):
			return answer
		case !strings.HasPrefix(answer, "SIP/2.0 1") && headerOf(answer, "CSeq") != "" && status < 200:
			p.t.Fatalf("instead of %d came: %s", status, answer)
		}
	}
}

// final is the status of the next final answer to an INVITE of the branch, which is acknowledged; 0 if none comes.
func (p *phone) final(c *call, within time.Duration) int {
	p.t.Helper()
	for deadline := time.Now().Add(within); ; {
		answer := p.receive(time.Until(deadline))
		if answer == "" {
			return 0
		}
		if strings.Contains(headerOf(answer, "Via"), ";branch="+c.branch) {
			if status := p.acknowledge(answer); status >= 200 {
				return status
			}
		}
	}
}

// acknowledge gives the status of an answer, and sends the ACK if it is a final one to an INVITE.
func (p *phone) acknowledge(answer string) int {
	p.t.Helper()
	var status int
	if _, err := fmt.Sscanf(answer, "SIP/2.0 %d", &status); err != nil {
		p.t.Fatalf("an answer without a status: %s", answer)
	}
	if number, method, _ := strings.Cut(headerOf(answer, "CSeq"), " "); status >= 200 && method == "INVITE" {
		ack := fmt.Sprintf("ACK sip:%s SIP/2.0\r\nVia: %s\r\nCSeq: %s ACK\r\n", p.to, headerOf(answer, "Via"), number)
		for _, name := range []string{"From", "To", "Call-ID"} {
			ack += name + ": " + headerOf(answer, name) + "\r\n"
		}
		p.send(ack + "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n")
	}
	return status
}

// headerOf is the value of a header, "" without one.
func headerOf(message, name string) string {
	for line := range strings.Lines(message) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.EqualFold(strings.TrimSpace(key), name) {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// call are the parts of a call's requests, so that a test can put anything into each of them.
type call struct {
	id, fromTag, toTag string
	branch             string
	user, from, agent  string // From is the whole header value without its tag
	routes             []string
}

// newCall gives a call its own ids.
func (p *phone) newCall(name string) *call {
	return &call{id: name + "@test", fromTag: "f-" + name, branch: "z9hG4bK-" + name, user: "4930123",
		from: fmt.Sprintf("<sip:alice@%s>", p.address()), agent: "phone"}
}

// request builds a request of the call.
func (p *phone) request(c *call, method string, cseq int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s sip:%s@%s SIP/2.0\r\n", method, c.user, p.to)
	fmt.Fprintf(&b, "Via: SIP/2.0/UDP %s;branch=%s\r\n", p.address(), c.branch)
	for _, r := range c.routes {
		fmt.Fprintf(&b, "Route: %s\r\n", r)
	}
	fmt.Fprintf(&b, "From: %s;tag=%s\r\nTo: <sip:%s@%s>", c.from, c.fromTag, c.user, p.to)
	if c.toTag != "" {
		fmt.Fprintf(&b, ";tag=%s", c.toTag)
	}
	fmt.Fprintf(&b, "\r\nCall-ID: %s\r\nCSeq: %d %s\r\nContact: <sip:%s>\r\nMax-Forwards: 70\r\nUser-Agent: %s\r\nContent-Length: 0\r\n\r\n",
		c.id, cseq, strings.Fields(method)[0], p.address(), c.agent)
	return b.String()
}
