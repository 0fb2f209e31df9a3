package blocklist

import (
	"net/netip"
	"regexp"
	"testing"
)

func TestLine(t *testing.T) {
	tests := []struct {
		source string
		reason Reason
		method string
		want   string
	}{
		{"192.0.2.1:5060", Untrusted, "INVITE", "refused source=192.0.2.1 port=5060 reason=untrusted method=INVITE"},
		{"[2001:db8::1]:65535", Unrouted, "REGISTER", "refused source=2001:db8::1 port=65535 reason=unrouted method=REGISTER"},
		{"[::ffff:192.0.2.1]:1", Limit, "OPTIONS", "refused source=192.0.2.1 port=1 reason=limit method=OPTIONS"},
		{"[fe80::1%eth0]:5060", Loop, "ACK", "refused source=fe80::1 port=5060 reason=loop method=ACK"},
		{"192.0.2.1:0", Malformed, "", "refused source=192.0.2.1 port=0 reason=malformed method=OTHER"},
		{"192.0.2.1:5060", Blocked, "invite", "refused source=192.0.2.1 port=5060 reason=blocked method=OTHER"},
		{"192.0.2.1:5060", Hops, "INVITE\nrefused", "refused source=192.0.2.1 port=5060 reason=hops method=OTHER"},
		{"", Reason(200), "FOO", "refused source=- port=0 reason=unknown method=OTHER"},
	}
	for _, test := range tests {
		var source netip.AddrPort
		if test.source != "" {
			source = netip.MustParseAddrPort(test.source)
		}
		if got := string(Line([]byte("before "), source, test.reason, test.method)); got != "before "+test.want {
			t.Errorf("%q, want %q", got, test.want)
		}
	}
}

// FuzzLine: nothing in the line is of a form that a peer could choose.
func FuzzLine(f *testing.F) {
	f.Add([]byte{192, 0, 2, 1}, "", uint16(5060), uint8(0), "INVITE")
	f.Add(make([]byte, 16), "eth0 reason=blocked", uint16(0), uint8(9), "INVITE reason=untrusted")
	form := regexp.MustCompile(`^refused source=([0-9a-f.:]+|-) port=\d{1,5} reason=[a-z]+ method=[A-Z]+$`)
	f.Fuzz(func(t *testing.T, ip []byte, zone string, port uint16, reason uint8, method string) {
		addr, _ := netip.AddrFromSlice(ip)
		line := Line(nil, netip.AddrPortFrom(addr.WithZone(zone), port), Reason(reason), method)
		if !form.Match(line) {
			t.Errorf("%q", line)
		}
	})
}
