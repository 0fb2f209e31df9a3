package blocklist

import (
	"net/netip"
	"testing"
	"time"
)

// BenchmarkBlocked is what every datagram of an untrusted source costs: without a block, and with as many as there can be.
func BenchmarkBlocked(b *testing.B) {
	now := time.Now()
	full := list(Settings{After: 1, Within: time.Minute, Time: time.Hour})
	for i := range maxSources {
		full.Refused(invented(i), now)
	}
	tests := []struct {
		name string
		list *List
		addr netip.Addr
		want bool
	}{
		{"empty", list(usual), scanner, false},
		{"not blocked", full, scanner, false},
		{"not blocked, IPv6", full, netip.MustParseAddr("2001:db8::1"), false},
		{"blocked", full, invented(4711), true},
	}
	for _, test := range tests {
		b.Run(test.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if test.list.Blocked(test.addr, now) != test.want {
					b.Fatal("the list has changed")
				}
			}
		})
	}
}

// BenchmarkRefused is a flood from invented sources in a list that is full of counts.
func BenchmarkRefused(b *testing.B) {
	l, now := list(usual), time.Now()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		l.Refused(invented(i), now)
	}
}

func BenchmarkLine(b *testing.B) {
	source := netip.MustParseAddrPort("[2001:db8::1]:5060")
	var line []byte
	b.ReportAllocs()
	for b.Loop() {
		line = Line(line[:0], source, Untrusted, "INVITE")
	}
}

func TestNoAllocations(t *testing.T) {
	l, now := list(Settings{After: 1, Within: time.Minute, Time: time.Hour}), time.Now()
	l.Refused(scanner, now)
	source := netip.AddrPortFrom(scanner, 5060)
	line := make([]byte, 0, 200)
	if n := testing.AllocsPerRun(100, func() {
		if !l.Blocked(scanner, now) || l.Blocked(other, now) {
			t.Fatal("not the scanner alone is blocked")
		}
		line = Line(line[:0], source, Blocked, "INVITE")
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
