package sip

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"

	sipgo "github.com/emiago/sipgo/sip"
)

func seeds(f *testing.F) {
	for _, s := range []string{
		minimal(), minimal("Max-Forwards: 70", "Route: <sip:127.0.0.1:5060;lr>, <sip:x>", "Record-Route: <sip:y;lr>"),
		"INVITE sip:+49@h SIP/2.0\r\nv: SIP/2.0/UDP a:1;rport;branch=z9hG4bK1 ,SIP/2.0/TCP b\r\nf: \"a\\\",;<b>\" <sip:x@y>;TAG=1\r\nt: sip:z\r\ni: 1\r\nCSeq: 1\r\n INVITE\r\nl: 2\r\n\r\nab",
		"SIP/2.0 200 OK\nVia: SIP/2.0/UDP [::1]:5060;branch=z9hG4bK0000000000000002\nVia: SIP/2.0/UDP c\nFrom: a\nTo: b;tag=1\nCall-ID: d\nCSeq: 2 BYE\nContact: <sip:e@f>\n\nbody",
		"INVITE sip:a SIP/2.0\r\nVia : SIP / 2.0 / UDP a : 1 ; rport = 5 ; received=1.2.3.4\r\nFrom: <sip:a\r\nTo: \"\r\nCall-ID: \x01\r\nCSeq: 0 INVITE\r\nMax-Forwards: 0\r\n\r\n",
	} {
		f.Add([]byte(s))
	}
}

// sameMessage checks that a message that went on is the one that came in.
func sameMessage(t *testing.T, before, after *message) {
	t.Helper()
	for name, pair := range map[string][2][]byte{
		"Call-ID": {before.callID, after.callID}, "From": {before.from, after.from}, "To": {before.to, after.to}, "From tag": {before.fromTag, after.fromTag},
		"To tag": {before.toTag, after.toTag}, "CSeq method": {before.cseqMethod, after.cseqMethod}, "body": {before.body, after.body},
	} {
		if !bytes.Equal(pair[0], pair[1]) {
			t.Errorf("%s was %q, is %q", name, pair[0], pair[1])
		}
	}
	if before.cseq != after.cseq {
		t.Errorf("CSeq was %d, is %d", before.cseq, after.cseq)
	}
}

// clean checks that the head of a message has no control character that a peer could read as the end of a line.
func clean(t *testing.T, text, body []byte) {
	t.Helper()
	head := bytes.ReplaceAll(text[:len(text)-len(body)], []byte("\r\n"), nil)
	if bytes.ContainsAny(head, "\r\n\x00") {
		t.Errorf("control characters in the head of %q", text)
	}
	if i := bytes.Index(text, []byte("\r\n\r\n")); i < 0 || i+4 != len(text)-len(body) {
		t.Errorf("the head ends elsewhere in %q", text)
	}
}

func countVias(m *message) (n int) {
	for i := range m.headers {
		if m.headers[i].id != hdrVia {
			continue
		}
		for rest := m.value(&m.headers[i]); len(rest) > 0; n++ {
			_, rest = cutOutside(rest, ',')
		}
	}
	return n
}

func FuzzMessage(f *testing.F) {
	seeds(f)
	front := fronts("192.0.2.1:5060")
	l := front.listeners[0]
	from := netip.MustParseAddrPort("203.0.113.7:40000")
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) > 60000 {
			return // the room for what is added
		}
		var m, after message
		if m.parse(bytes.Clone(raw)) != nil {
			if len(m.via.host) > 0 && m.request {
				clean(t, appendReply(nil, &m, from, reply{status: 400, reason: "Bad Request", toTag: "t"}), nil)
			}
			return
		}
		newRecord(&m, from, from)
		causeIn(&m, 0)
		if !m.request {
			up := appendUpstream(nil, &m, &edits{})
			clean(t, up, m.body)
			if err := after.parse(up); err == nil {
				sameMessage(t, &m, &after)
				if countVias(&after) != countVias(&m)-1 {
					t.Errorf("%q has not one Via less than %q", up, raw)
				}
			} else if countVias(&m) > 1 && err != errVia && err != errMissing {
				t.Errorf("%v in %q", err, up)
			}
			return
		}
		m.maxForwards = max(m.maxForwards, 1)
		vias := countVias(&m)
		on := appendForward(nil, &m, &hop{uri: m.uri, branch: 2, listener: l, recordRoute: l, from: from})
		clean(t, on, m.body)
		if err := after.parse(on); err != nil {
			if err == errTooMany {
				return
			}
			t.Fatalf("%v in %q", err, on)
		}
		sameMessage(t, &m, &after)
		if n := countVias(&after); n != vias+1 {
			t.Errorf("%d Vias became %d in %q", vias, n, on)
		}
		if string(after.via.host) != "192.0.2.1" || string(after.methodName) != string(m.methodName) || string(after.uri) != string(m.uri) {
			t.Errorf("goes on as %q", on)
		}
		answer := appendReply(nil, &m, from, reply{status: 486, reason: "Busy Here", toTag: "t"})
		clean(t, answer, nil)
		if err := after.parse(answer); err != nil {
			t.Fatalf("%v in %q", err, answer)
		}
	})
}

func FuzzVia(f *testing.F) {
	for _, s := range []string{"SIP/2.0/UDP h:5;branch=z9hG4bK1;rport", "SIP / 2.0 / UDP [::1] : 5 ; rport ; x=\"a,b\" , SIP/2.0/UDP b", "SIP/2.0/UDP\th;rport=;received=1.2.3.4", "sip/2.0/udp a;;rport;;"} {
		f.Add(s)
	}
	from := netip.MustParseAddrPort("203.0.113.7:40000")
	f.Fuzz(func(t *testing.T, value string) {
		var v, again via
		if v.parse([]byte(value)) != nil {
			return
		}
		if len(v.host) == 0 || !strings.HasPrefix(value, string(v.element)) || v.rportEnd > len(v.element) {
			t.Fatalf("%q is read as %+v", value, v)
		}
		var m message
		if m.parse([]byte(strings.Replace(minimal(), "SIP/2.0/UDP h;branch=z9hG4bK1", value, 1))) != nil {
			return
		}
		written := appendReceivedVia(nil, &m, from)
		if err := again.parse(bytes.TrimPrefix(written, []byte("Via: "))); err != nil {
			t.Fatalf("%q is written as %q: %v", value, written, err)
		}
		if !bytes.Equal(again.branch, m.via.branch) || !bytes.Equal(again.host, m.via.host) || again.rport != m.via.rport {
			t.Fatalf("%q is written as %q", value, written)
		}
		replyTo(&m, from)
	})
}

func FuzzRoutes(f *testing.F) {
	for _, s := range [][3]string{{"sip:a@192.0.2.1", "<sip:192.0.2.1;lr>,<sip:x>", "<sip:192.0.2.1:5060;lr>"}, {"sip:192.0.2.1;lr", "<sip:b@c>", ""}, {"tel:1", "\"<\" <sip:[::1]:5;LR>", "<sip:a>,<sip:192.0.2.1>"}} {
		f.Add(s[0], s[1], s[2])
	}
	front := fronts("192.0.2.1:5060")
	known := netip.MustParseAddrPort("203.0.113.7:40000")
	f.Fuzz(func(t *testing.T, uri, route, recorded string) {
		var m message
		if m.parse([]byte(strings.Replace(minimal("Route: "+route, "Record-Route: "+recorded), "sip:a@b", uri, 1))) != nil {
			return
		}
		front.routeSets(&m)
		left, routes, err := front.preprocess(&m)
		if err != nil {
			return
		}
		to, left, routes := front.nextHop(left, routes, known)
		if len(left) == 0 || bytes.ContainsAny(left, " \r\n") || !to.IsValid() {
			t.Fatalf("%q, %q goes to %s as %q", uri, route, to, left)
		}
		var parsed sipgo.Uri
		if len(routes) > 0 && sipgo.ParseUri(string(addressIn(routes[0])), &parsed) == nil && front.isOurs(&parsed) && isLoose(&parsed) {
			t.Fatalf("%q goes on with our own route %q", route, routes[0])
		}
		m.maxForwards = 70
		on := appendForward(nil, &m, &hop{uri: left, branch: 2, listener: front.listeners[0], from: known, routes: routes})
		clean(t, on, m.body)
		var after message
		if err := after.parse(on); err != nil && err != errTooMany {
			t.Fatalf("%v in %q", err, on)
		}
	})
}

func FuzzSDP(f *testing.F) {
	f.Add([]byte("v=0\r\no=- 1 1 IN IP4 1.2.3.4\r\ns=-\r\nc=IN IP4 1.2.3.4\r\nt=0 0\r\nm=audio 4000/2 RTP/SAVP 96 0\r\na=rtpmap:96 opus/48000\r\nb=AS:64\r\nm=video 5 RTP/AVP 31\r\n"))
	f.Fuzz(func(t *testing.T, body []byte) {
		_, rest, _ := strings.Cut(minimal("Content-Type: application/sdp"), " ")
		var m message
		if m.parse(append([]byte("OPTIONS "+rest), body...)) != nil {
			t.Fatal("the message is not read")
		}
		r := newRecord(&m, netip.AddrPort{}, netip.AddrPort{})
		if r.Caller.Audio.Bitrate < 0 {
			t.Errorf("bit rate %d", r.Caller.Audio.Bitrate)
		}
	})
}
