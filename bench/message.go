package main

import (
	"strconv"
	"strings"
)

// message is as much of a SIP message as the phones look at.
type message struct {
	first  string // request line or status line
	lines  []string
	method string // of the CSeq
	status int    // 0: a request
	call   int    // number of the call, from the Call-ID; -1: none of ours
}

// parseMessage reads what Tollgate has sent; it writes and passes on the long names of header fields only.
func parseMessage(datagram []byte) *message {
	head, _, _ := strings.Cut(string(datagram), "\r\n\r\n")
	m := &message{lines: strings.Split(head, "\r\n"), call: -1}
	m.first, m.lines = m.lines[0], m.lines[1:]
	if rest, ok := strings.CutPrefix(m.first, "SIP/2.0 "); ok && len(rest) >= 3 {
		m.status, _ = strconv.Atoi(rest[:3]) // 0, and so no answer to anything, if it is no number
	}
	if _, method, ok := strings.Cut(m.header("CSeq: "), " "); ok {
		m.method = method
	}
	number, domain, _ := strings.Cut(m.header("Call-ID: "), "@")
	if n, err := strconv.Atoi(number); err == nil && domain == callDomain {
		m.call = n
	}
	return m
}

// header is the value of the first field whose line begins with the name, colon and blank included.
func (m *message) header(name string) string {
	for _, line := range m.lines {
		if value, ok := strings.CutPrefix(line, name); ok {
			return value
		}
	}
	return ""
}

// dialog is what the caller keeps of a call to end it (RFC 3261 12.1.2).
type dialog struct {
	target string // the callee's Contact
	routes string // Route fields, as lines
	to     string // with the tag
}

func (m *message) dialog() dialog {
	d := dialog{target: strings.Trim(m.header("Contact: "), "<>"), to: m.header("To: ")}
	for _, line := range m.lines {
		if value, ok := strings.CutPrefix(line, "Record-Route: "); ok {
			d.routes = "Route: " + value + "\r\n" + d.routes // the last is the nearest to the caller
		}
	}
	return d
}

// The texts of both phones.
const (
	callDomain = "bench"
	sdp        = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 49170 RTP/AVP 8 101\r\n" +
		"a=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
	dialled = "4930123"
)

// invite is the request that begins a call.
func (p *phones) invite(n int) string {
	uri := "sip:" + dialled + "@" + p.gatekeeper.String()
	return p.request("INVITE", n, 1, dialog{target: uri, to: "<" + uri + ">"}) +
		"User-Agent: bench\r\nContent-Type: application/sdp\r\nContent-Length: " + strconv.Itoa(len(sdp)) + "\r\n\r\n" + sdp
}

// inDialog is an ACK or a BYE.
func (p *phones) inDialog(method string, n, cseq int, d dialog) string {
	return p.request(method, n, cseq, d) + "Content-Length: 0\r\n\r\n"
}

func (p *phones) request(method string, n, cseq int, d dialog) string {
	number, own := strconv.Itoa(n), p.callerAddr
	return method + " " + d.target + " SIP/2.0\r\n" +
		"Via: SIP/2.0/UDP " + own + ";branch=z9hG4bK" + method + number + "\r\n" + d.routes +
		"From: <sip:alice@" + own + ">;tag=a" + number + "\r\nTo: " + d.to + "\r\n" +
		"Call-ID: " + number + "@" + callDomain + "\r\nCSeq: " + strconv.Itoa(cseq) + " " + method + "\r\n" +
		"Contact: <sip:alice@" + own + ">\r\nMax-Forwards: 70\r\n"
}

// ok is the 200 to a request. own is the address of the phone that answers.
func (m *message) ok(own string) string {
	var b strings.Builder
	b.WriteString("SIP/2.0 200 OK\r\n")
	for _, line := range m.lines {
		name, _, _ := strings.Cut(line, ":")
		switch name {
		case "Via", "Record-Route", "From", "Call-ID", "CSeq":
			b.WriteString(line + "\r\n")
		case "To":
			b.WriteString(line)
			if !strings.Contains(line, ";tag=") {
				b.WriteString(";tag=b")
			}
			b.WriteString("\r\n")
		}
	}
	b.WriteString("Contact: <sip:" + own + ">\r\n")
	if m.method != "INVITE" {
		return b.String() + "Content-Length: 0\r\n\r\n"
	}
	return b.String() + "Content-Type: application/sdp\r\nContent-Length: " + strconv.Itoa(len(sdp)) + "\r\n\r\n" + sdp
}
