package sip

import (
	"net/netip"
	"testing"
)

func FuzzParseIPv4(f *testing.F) {
	for _, s := range []string{"127.0.0.1", "255.255.255.255", "0.0.0.0", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1..3.4", "1.2.3.", "", "::1", "1.2.3.4 "} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := parseIPv4([]byte(s))
		want, err := netip.ParseAddr(s)
		if ok != (err == nil && want.Is4()) || ok && got != want {
			t.Errorf("%q: %v %v, ParseAddr says %v %v", s, got, ok, want, err)
		}
	})
}
