package sip

import (
	"net/netip"
	"strings"
	"testing"

	"tollgate/cdr"
)

const aloneSDP = "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n"

// A session description may be one part of several: beside ISUP (RFC 3204), a location (RFC 6442) or signatures.
func TestSessionDescriptionAmongOthers(t *testing.T) {
	part := func(kind, body string) string {
		return "--a=_b\r\nContent-Type: " + kind + "\r\nContent-Disposition: session\r\n\r\n" + body + "\r\n"
	}
	isup, session, end := part("application/isup;version=x", "\x01\x00\x60"), part("Application/SDP", aloneSDP), "--a=_b--\r\n"
	for name, c := range map[string]struct {
		kind, body string
		want       bool
	}{
		"alone":            {"application/sdp", aloneSDP, true},
		"capitals":         {"Application/SDP ; charset=utf-8", aloneSDP, true},
		"behind another":   {"multipart/mixed;boundary=a=_b", isup + session + end, true},
		"before another":   {`Multipart/Mixed ; Boundary="a=_b"`, "preamble\r\n" + session + isup + end, true},
		"cut off":          {"multipart/mixed;boundary=a=_b", isup + session, true},
		"bare LF":          {"multipart/mixed;boundary=a=_b", strings.ReplaceAll(isup+session+end, "\r\n", "\n"), true},
		"another boundary": {"multipart/mixed;boundary=c", isup + session + end, false},
		"no boundary":      {"multipart/mixed", isup + session + end, false},
		"another type":     {"application/sdpx", aloneSDP, false},
		"none among them":  {"multipart/mixed;boundary=a=_b", isup + end, false},
		"headers only":     {"multipart/mixed;boundary=a=_b", "--a=_b\r\nContent-Type: application/sdp\r\n", false},
	} {
		var p cdr.Party
		describe(&p, parsed(t, minimal("Content-Type: "+c.kind)+c.body))
		var want cdr.Media
		if c.want {
			want = cdr.Media{Codec: "PCMA", Address: netip.MustParseAddrPort("192.0.2.9:4000")}
		}
		if p.Audio != want {
			t.Errorf("%s: %+v", name, p.Audio)
		}
	}
}

// What the parties will quarrel about is no reason to know nothing.
func TestSessionDescriptionThatIsNotQuiteOne(t *testing.T) {
	want := cdr.Media{Codec: "opus", Address: netip.MustParseAddrPort("192.0.2.9:4000"), Bitrate: 64}
	for name, body := range map[string]string{
		"no origin, name or time": "v=0\r\nc=IN IP4 192.0.2.9\r\nm=audio 4000 RTP/AVP 96\r\nb=AS:64\r\na=rtpmap:96 opus/48000/2\r\n",
		"lines of another kind":   "v=0\r\n\r\nx\r\n=\r\nm\r\nm =video 5 RTP/AVP 31\r\nc=IN IP4 192.0.2.9\r\nm=audio 4000 RTP/AVP 96\r\na=rtpmap:96  opus/48000\r\nb=AS:64\r\n?=!\r\n",
		"no end of line":          "c=IN IP4 192.0.2.9\nm=audio 4000 RTP/AVP 96\na=rtpmap:97 x\nb=TIAS:1\nb=AS:64\na=rtpmap:96 opus",
		"refused streams":         "c=IN IP4 192.0.2.1\r\nm=audio 0 RTP/AVP 0\r\nc=IN IP4 192.0.2.2\r\nb=AS:1\r\nm=text 7 RTP/AVP 96\r\na=rtpmap:96 t140\r\nm=audio 4000/2 RTP/AVP 96\r\nc=IN IP4 192.0.2.9/127\r\na=rtpmap:96 opus\r\na=rtpmap:96 other\r\nb=AS:64\r\nm=audio 5 RTP/AVP 0\r\n",
	} {
		var p cdr.Party
		describe(&p, parsed(t, minimal("Content-Type: application/sdp")+body))
		if p.Audio != want || p.Video != (cdr.Media{}) {
			t.Errorf("%s: %+v, %+v", name, p.Audio, p.Video)
		}
	}
}

// Nothing that a peer writes there becomes more than a name, a number or an address.
func TestHostileSessionDescription(t *testing.T) {
	for _, body := range []string{
		"m=audio 4000 RTP/AVP 96\r\na=rtpmap:96 " + strings.Repeat("x", 10000) + "/8000\r\n",
		"m=audio 4000 RTP/AVP 96\r\na=rtpmap:96 \"a,b\"/8000\r\n",
		"c=IN IP4 999.0.0.1\r\nm=audio 4000 RTP/AVP 96\r\nc=IN IP6 fe80::1%eth0\r\n",
		"m=audio 4000 RTP/AVP 96\r\nb=AS:99999999999999999999\r\nb=AS:-1\r\n",
	} {
		var p cdr.Party
		describe(&p, parsed(t, minimal("Content-Type: application/sdp")+body))
		if p.Audio != (cdr.Media{Codec: "PT96"}) {
			t.Errorf("%.80q is read as %.80v", body, p.Audio)
		}
	}
	var p cdr.Party
	describe(&p, parsed(t, minimal("Content-Type: application/sdp")+"m=audio 4000 RTP/AVP 8\r\nb=AS:9999999999\r\n"))
	if p.Audio.Bitrate != 1<<31-1 {
		t.Errorf("bit rate %d", p.Audio.Bitrate)
	}
	describe(&p, parsed(t, minimal("Content-Type: application/sdp")+"m=video 65536 RTP/AVP 31\r\nm=video -1 RTP/AVP 31\r\nm=video\r\n"))
	if p.Video != (cdr.Media{}) {
		t.Errorf("%+v", p.Video)
	}
}

func BenchmarkDescribe(b *testing.B) {
	m := &message{}
	if err := m.parse([]byte(minimal("Content-Type: application/sdp") + benchSDP)); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		var p cdr.Party
		describe(&p, m)
	}
}
