package sip

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"tollgate/cdr"
)

func invited(t *testing.T, uri, from string, more ...string) cdr.Record {
	t.Helper()
	text := strings.NewReplacer("OPTIONS sip:a@b", "INVITE "+uri, "7 OPTIONS", "7 INVITE", "<sip:a@b>;tag=f", from).Replace(minimal(more...))
	return newRecord(parsed(t, text), netip.MustParseAddrPort("192.0.2.9:5062"), netip.MustParseAddrPort("192.0.2.10:5060"))
}

func TestPartiesOfTheRecord(t *testing.T) {
	number := func(v string) cdr.Alias { return cdr.Alias{Value: v, Type: cdr.DialedDigits} }
	name := func(v string) cdr.Alias { return cdr.Alias{Value: v, Type: cdr.H323ID} }
	url := func(v string) cdr.Alias { return cdr.Alias{Value: v, Type: cdr.URLID} }
	tests := []struct {
		name, uri, from string
		user, dialed    string
		src, dest       []cdr.Alias
	}{
		{"name and number", "sip:4930@gk", "<sip:alice@example.com>;tag=f", "alice", "4930", []cdr.Alias{name("alice"), url("alice@example.com")}, []cdr.Alias{number("4930"), url("4930@gk")}},
		{"international", "sip:+4930;phone-context=x@gk;user=phone", "sip:+49123@h:5;tag=f", "+49123", "+4930", []cdr.Alias{number("+49123"), url("+49123@h:5")}, []cdr.Alias{number("+4930"), url("+4930@gk")}},
		{"display name", "sip:1@gk", `"Alice; <sip:evil@x>" <sip:alice@h>;tag=f`, "alice", "1", []cdr.Alias{name("alice"), url("alice@h")}, []cdr.Alias{number("1"), url("1@gk")}},
		{"tel", "tel:+49-30;x=y", "<tel:112>;tag=f", "112", "+49-30", []cdr.Alias{number("112")}, []cdr.Alias{name("+49-30")}},
		{"anonymous", "sip:1@gk", `"Anonymous" <sip:anonymous@anonymous.invalid>;tag=f`, "anonymous", "1", []cdr.Alias{name("anonymous"), url("anonymous@anonymous.invalid")}, []cdr.Alias{number("1"), url("1@gk")}},
		{"escaped", "sip:%2b%34930%23@gk", "<sip:a%20b%0d%zz%4@h>;tag=f", "a b%0d%zz%4", "+4930#", []cdr.Alias{name("a b%0d%zz%4"), url("a%20b%0d%zz%4@h")}, []cdr.Alias{number("+4930#"), url("%2b%34930%23@gk")}},
		{"no user", "sip:gk", "<sip:192.0.2.9>;tag=f", "", "", []cdr.Alias{url("192.0.2.9")}, []cdr.Alias{url("gk")}},
		{"password", "sip:1@gk", "<sip:alice:secret@h>;tag=f", "alice", "1", []cdr.Alias{name("alice"), url("alice@h")}, []cdr.Alias{number("1"), url("1@gk")}},
		{"parameters and headers", "sip:1@gk;x=a@b?y=z", "<sip:alice@h?subject=a@b>;tag=f", "alice", "1", []cdr.Alias{name("alice"), url("alice@h")}, []cdr.Alias{number("1"), url("1@gk")}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := invited(t, test.uri, test.from, "User-Agent: Phone 1.0")
			if r.User != test.user || r.CallingStation != test.user || r.Dialed != test.dialed || r.CalledStation != test.dialed {
				t.Errorf("user %q, calling %q, dialled %q, called %q", r.User, r.CallingStation, r.Dialed, r.CalledStation)
			}
			if !reflect.DeepEqual(r.Src, test.src) || !reflect.DeepEqual(r.Dest, test.dest) {
				t.Errorf("src %v dest %v", r.Src, r.Dest)
			}
		})
	}
}

func TestIdentifiersOfTheRecord(t *testing.T) {
	r := invited(t, "sip:1@gk", "<sip:alice@h>;tag=f", "User-Agent: Phone 1.0")
	if r.SIPCallID != "id" || r.CallID != cdr.CallIDOf("id") || r.ConfID != r.CallID {
		t.Errorf("Call-ID %q %v %v", r.SIPCallID, r.CallID, r.ConfID)
	}
	if r.Caller.Vendor != "Phone 1.0" || r.Caller.Address.String() != "192.0.2.9:5062" || r.Callee.Address.String() != "192.0.2.10:5060" {
		t.Errorf("parties %+v %+v", r.Caller, r.Callee)
	}
}

func TestVendor(t *testing.T) {
	answer := func(more string) string {
		return strings.Replace(minimal(more), "OPTIONS sip:a@b SIP/2.0", "SIP/2.0 200 OK", 1)
	}
	for text, want := range map[string]string{
		minimal("Server: x", "User-Agent: a b"): "a b",
		minimal("Server: x"):                    "",
		answer("Server: s"):                     "s",
		answer("User-Agent: u"):                 "u",
		answer("Subject: u"):                    "",
	} {
		if got := parsed(t, text).vendor(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestMedia(t *testing.T) {
	const head = "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n"
	tests := []struct {
		name, body   string
		audio, video cdr.Media
	}{
		{"static", head + "m=audio 4000 RTP/AVP 8 0 101\r\n", cdr.Media{Codec: "PCMA", Address: netip.MustParseAddrPort("192.0.2.9:4000")}, cdr.Media{}},
		{"rtpmap wins", head + "m=audio 4000 RTP/SAVP 96 0\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:96 opus/48000/2\r\n", cdr.Media{Codec: "opus", Secured: true, Address: netip.MustParseAddrPort("192.0.2.9:4000")}, cdr.Media{}},
		{"unknown", head + "m=audio 4000 RTP/AVP 97\r\n", cdr.Media{Codec: "PT97", Address: netip.MustParseAddrPort("192.0.2.9:4000")}, cdr.Media{}},
		{"own connection and bandwidth", head + "m=audio 4000 UDP/TLS/RTP/SAVPF 0\r\nc=IN IP6 2001:db8::1\r\nb=AS:64\r\n", cdr.Media{Codec: "PCMU", Secured: true, Bitrate: 64, Address: netip.MustParseAddrPort("[2001:db8::1]:4000")}, cdr.Media{}},
		{"refused stream first", head + "m=audio 0 RTP/AVP 0\r\nm=audio 4002 RTP/AVP 8\r\nm=video 4004 RTP/AVP 31\r\n", cdr.Media{Codec: "PCMA", Address: netip.MustParseAddrPort("192.0.2.9:4002")}, cdr.Media{Codec: "H261", Address: netip.MustParseAddrPort("192.0.2.9:4004")}},
		{"multicast", strings.Replace(head, "c=IN IP4 192.0.2.9", "c=IN IP4 224.2.1.1/127", 1) + "m=audio 4000 RTP/AVP 0\r\n", cdr.Media{Codec: "PCMU", Address: netip.MustParseAddrPort("224.2.1.1:4000")}, cdr.Media{}},
		{"a name", strings.Replace(head, "c=IN IP4 192.0.2.9", "c=IN IP4 host.example.com", 1) + "m=audio 4000 RTP/AVP 0\r\n", cdr.Media{Codec: "PCMU"}, cdr.Media{}},
		{"garbage", "hello", cdr.Media{}, cdr.Media{}},
		{"port below 0", head + "m=audio -4000 RTP/AVP 0\r\n", cdr.Media{}, cdr.Media{}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var p cdr.Party
			describe(&p, parsed(t, minimal("Content-Type: application/sdp")+test.body))
			if p.Audio != test.audio || p.Video != test.video {
				t.Errorf("audio %+v video %+v", p.Audio, p.Video)
			}
			p = cdr.Party{}
			describe(&p, parsed(t, minimal("Content-Type: text/plain")+test.body))
			if p.Audio != (cdr.Media{}) {
				t.Error("a text is read as a session description")
			}
		})
	}
}

func TestUnescape(t *testing.T) {
	for user, want := range map[string]string{"": "", "4930": "4930", "%2b%34930%23": "+4930#", "a%20b%0D%zz%4%": "a b%0D%zz%4%", "%00%7f%c3%bc": "%00%7fü", "%+1": "%+1"} {
		if got := unescape(user); got != want {
			t.Errorf("%q is %q, want %q", user, got, want)
		}
	}
}
