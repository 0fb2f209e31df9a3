package cdr

import (
	"net/netip"
	"testing"
)

func TestFallbacks(t *testing.T) {
	caller, callee := netip.MustParseAddrPort("192.0.2.10:5062"), netip.MustParseAddrPort("[2001:db8::20]:5060")
	full, bare := exampleCall(), &Record{Caller: Party{Address: caller}, Callee: Party{Address: callee}}
	routed := &Record{CalledStation: "4930555", Callee: Party{Address: callee}}
	tests := []struct {
		name     string
		get      func() string
		appendTo func([]byte) []byte
		want     string
	}{
		{"user", full.UserName, full.AppendUserName, "alice"},
		{"user from the address", bare.UserName, bare.AppendUserName, "192.0.2.10"},
		{"calling", full.CallingStationID, full.AppendCallingStationID, "4930111"},
		{"calling from the address", bare.CallingStationID, bare.AppendCallingStationID, "192.0.2.10:5062"},
		{"called", full.CalledStationID, full.AppendCalledStationID, "4930555"},
		{"called from the address", bare.CalledStationID, bare.AppendCalledStationID, "[2001:db8::20]:5060"},
		{"dialed", full.DialedNumber, full.AppendDialedNumber, "030555"},
		{"dialed from the called number", routed.DialedNumber, routed.AppendDialedNumber, "4930555"},
		{"dialed from the address", bare.DialedNumber, bare.AppendDialedNumber, "[2001:db8::20]:5060"},
		{"nothing known", new(Record).DialedNumber, new(Record).AppendDialedNumber, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := test.get(); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
			if got := string(test.appendTo([]byte("x"))); got != "x"+test.want {
				t.Errorf("appended %q, want x%s", got, test.want)
			}
		})
	}
}

func TestEndpointFallbacks(t *testing.T) {
	names := []Alias{{"alice", H323ID}, {"4930111", DialedDigits}, {"a@example.org", URLID}}
	tests := []struct {
		name         string
		endpoint     Endpoint
		user, number string
	}{
		{"user given", Endpoint{User: "u", Aliases: names}, "u", "4930111"},
		{"last alias", Endpoint{Aliases: names}, "a@example.org", "4930111"},
		{"no digits", Endpoint{Aliases: names[:1]}, "alice", "alice"},
		{"nothing", Endpoint{}, "", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := test.endpoint.UserName(); got != test.user {
				t.Errorf("user %q, want %q", got, test.user)
			}
			if got := test.endpoint.CallingStationID(); got != test.number {
				t.Errorf("number %q, want %q", got, test.number)
			}
		})
	}
}

func TestEncrypted(t *testing.T) {
	plain, secured := Media{Codec: "PCMA"}, Media{Codec: "PCMA", Secured: true}
	tests := []struct {
		name   string
		record Record
		want   bool
	}{
		{"no codec known", Record{}, false},
		{"secured but unknown", Record{Caller: Party{Audio: Media{Secured: true}}}, false},
		{"one side known", Record{Callee: Party{Audio: secured}}, true},
		{"both sides", Record{Caller: Party{Audio: secured}, Callee: Party{Audio: secured}}, true},
		{"one side plain", Record{Caller: Party{Audio: secured}, Callee: Party{Audio: plain}}, false},
		{"plain video", Record{Caller: Party{Audio: secured, Video: plain}}, false},
	}
	for _, test := range tests {
		if got := test.record.Encrypted(); got != test.want {
			t.Errorf("%s: %v", test.name, got)
		}
	}
}

func TestAddresses(t *testing.T) {
	tests := []struct{ name, addr, ip, port string }{
		{"IPv4", "192.0.2.1:5060", "192.0.2.1", "192.0.2.1:5060"},
		{"IPv6", "[2001:db8::1]:5060", "2001:db8::1", "[2001:db8::1]:5060"},
		{"IPv4 in IPv6 form", "[::ffff:192.0.2.1]:5060", "192.0.2.1", "192.0.2.1:5060"},
		{"port 0", "192.0.2.1:0", "192.0.2.1", "192.0.2.1:0"},
	}
	for _, test := range tests {
		addr := netip.MustParseAddrPort(test.addr)
		if got := string(AppendAddr(nil, addr.Addr())); got != test.ip {
			t.Errorf("%s: ip %q, want %q", test.name, got, test.ip)
		}
		if got := string(AppendAddrPort(nil, addr)); got != test.port {
			t.Errorf("%s: ip:port %q, want %q", test.name, got, test.port)
		}
	}
	if got := AppendAddrPort(AppendAddr(nil, netip.Addr{}), netip.AddrPort{}); len(got) != 0 {
		t.Errorf("unknown addresses gave %q", got)
	}
}
