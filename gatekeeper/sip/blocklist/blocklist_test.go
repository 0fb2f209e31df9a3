package blocklist

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var (
	scanner = netip.MustParseAddr("192.0.2.1")
	other   = netip.MustParseAddr("192.0.2.2")
	usual   = Settings{After: 3, Within: time.Minute, Time: 10 * time.Minute}
)

func list(s Settings) *List {
	l := New()
	l.Configure(s)
	return l
}

// refuse lets addr be refused n times and gives how many of these began a block.
func refuse(l *List, addr netip.Addr, now time.Time, n int) (blocks int) {
	for range n {
		if l.Refused(addr, now) {
			blocks++
		}
	}
	return blocks
}

// invented is one of very many sources.
func invented(i int) netip.Addr {
	return netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, 0x0a000000+uint32(i))))
}

func TestBlock(t *testing.T) {
	l, now := list(usual), time.Now()
	if n := refuse(l, scanner, now, 2); n != 0 || l.Blocked(scanner, now) {
		t.Fatal("blocked too early")
	}
	if n := refuse(l, scanner, now.Add(time.Minute), 5); n != 1 {
		t.Fatalf("%d blocks began", n)
	}
	end := now.Add(11 * time.Minute)
	if l.Blocked(other, now) || !l.Blocked(scanner, now.Add(time.Minute)) || !l.Blocked(scanner, end.Add(-1)) {
		t.Error("not the scanner alone is blocked, or not for as long")
	}
	want := []Entry{{Addr: scanner, Until: end, Refusals: 3, Dropped: 2}}
	if got := l.Entries(now); !slices.Equal(got, want) {
		t.Errorf("entries %+v, want %+v", got, want)
	}
	if got := l.Entries(end); len(got) != 0 {
		t.Errorf("entries at the end: %+v", got)
	}
	if want := (Stats{Blocked: 1, Blocks: 1, Dropped: 2}); l.Stats() != want {
		t.Errorf("%+v", l.Stats())
	}
	if l.Blocked(scanner, end) {
		t.Error("blocked past the end")
	}
	if want := (Stats{Blocks: 1, Dropped: 2}); l.Stats() != want {
		t.Errorf("%+v behind the end", l.Stats())
	}
	if n := refuse(l, scanner, end, 2); n != 0 {
		t.Error("refusals of before the block count")
	}
}

// TestEndWithoutSign: a block that is over, without a datagram that would have shown it, is no hindrance to the next one.
func TestEndWithoutSign(t *testing.T) {
	l, now := list(usual), time.Now()
	refuse(l, scanner, now, 3)
	if n := refuse(l, scanner, now.Add(10*time.Minute), 3); n != 1 || l.Stats().Blocked != 1 {
		t.Errorf("%d blocks began, %+v", n, l.Stats())
	}
}

func TestSources(t *testing.T) {
	tests := []struct {
		name, refused, asked string
		same                 bool
	}{
		{"IPv4-mapped", "::ffff:192.0.2.1", "192.0.2.1", true},
		{"the next IPv4 address", "192.0.2.1", "192.0.2.2", false},
		{"one /64", "2001:db8:0:1::1", "2001:db8:0:1:ffff::2", true},
		{"with a zone", "fe80::1%eth0", "fe80::2", true},
		{"the next /64", "2001:db8:0:1::1", "2001:db8:0:2::1", false},
		{"::/64 is not 0.0.0.0", "::1", "0.0.0.0", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			l, now := list(usual), time.Now()
			refuse(l, netip.MustParseAddr(test.refused), now, 3)
			if l.Blocked(netip.MustParseAddr(test.asked), now) != test.same || l.Unblock(netip.MustParseAddr(test.asked)) != test.same {
				t.Errorf("%s does not stand for %s as it should", test.asked, test.refused)
			}
		})
	}
	l := list(Settings{After: 1, Time: time.Hour})
	if l.Refused(netip.Addr{}, time.Now()) || l.Blocked(netip.Addr{}, time.Now()) {
		t.Error("nobody is blocked")
	}
}

func TestUnblock(t *testing.T) {
	l, now := list(usual), time.Now()
	refuse(l, scanner, now, 2)
	if l.Unblock(scanner) || l.Unblock(other) {
		t.Error("there was a block")
	}
	refuse(l, scanner, now, 1)
	if !l.Unblock(scanner) || l.Unblock(scanner) || l.Blocked(scanner, now) {
		t.Error("the block has not ended, or twice")
	}
	if n := refuse(l, scanner, now, 2); n != 0 {
		t.Error("refusals of before count")
	}
}

func TestConfigure(t *testing.T) {
	l, now := New(), time.Now()
	if refuse(l, scanner, now, 100) != 0 || l.Stats() != (Stats{}) {
		t.Error("a new list counts")
	}
	l.Configure(usual)
	refuse(l, scanner, now, 3)
	refuse(l, other, now, 1)
	l.Configure(Settings{After: 2, Within: time.Minute, Time: time.Minute})
	if n := refuse(l, other, now, 1); n != 1 {
		t.Error("counts have not gone on")
	}
	later := now.Add(5 * time.Minute)
	if !l.Blocked(scanner, later) || l.Blocked(other, later) {
		t.Error("a block does not last as it was to when it began")
	}
	l.Configure(Settings{})
	if l.Blocked(scanner, now) || l.Entries(now) != nil || l.Stats().Blocked != 0 {
		t.Error("blocks go on without blocking")
	}
}

// TestFull: invented sources push out their own counts, not the one of a source that goes on, and never a block.
func TestFull(t *testing.T) {
	l, now := list(usual), time.Now()
	l.most = 100
	refuse(l, scanner, now, 3)
	for i := range 1000 {
		l.Refused(invented(i), now)
		if i == 10 || i == 60 {
			l.Refused(other, now)
		}
		if n := len(l.known); n > 100 {
			t.Fatalf("%d sources are known", n)
		}
		if i == 120 && !l.Refused(other, now) {
			t.Error("the count of a source that goes on was pushed out")
		}
	}
	if !l.Blocked(scanner, now) || !l.Blocked(other, now) {
		t.Error("a block was pushed out")
	}
	for i := range 98 {
		refuse(l, invented(i), now, 3)
	}
	if s := l.Stats(); s.Blocked != 100 || s.Sources != 0 {
		t.Fatalf("%+v", s)
	}
	if refuse(l, invented(5000), now, 10) != 0 || !l.Blocked(scanner, now) {
		t.Error("there was no place for a block")
	}
	if n := refuse(l, invented(5000), now.Add(10*time.Minute), 3); n != 1 {
		t.Error("there is no place behind the end of the blocks")
	}
}

// TestForgets: counts go with the refusals of others that come later.
func TestForgets(t *testing.T) {
	l, now := list(usual), time.Now()
	for i := range 1000 {
		refuse(l, invented(i), now, 1+i%3)
	}
	now = now.Add(time.Hour)
	for i := range 700 {
		l.Refused(invented(5000+i), now)
	}
	if s := l.Stats(); s.Sources != 700 || s.Blocked != 0 {
		t.Errorf("%+v", s)
	}
}

// naive is the list in the simplest words.
type naive struct {
	Settings
	refusals map[netip.Addr][]time.Time
	until    map[netip.Addr]time.Time
}

func (n *naive) blocked(addr netip.Addr, now time.Time) bool { return now.Before(n.until[addr]) }

func (n *naive) refused(addr netip.Addr, now time.Time) bool {
	if n.blocked(addr, now) {
		return false
	}
	if r := n.refusals[addr]; len(r) > 0 && now.Sub(r[0]) > n.Within {
		n.refusals[addr] = nil
	}
	n.refusals[addr] = append(n.refusals[addr], now)
	if len(n.refusals[addr]) < n.After {
		return false
	}
	n.refusals[addr], n.until[addr] = nil, now.Add(n.Time)
	return true
}

func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := time.Now()
		n := &naive{usual, map[netip.Addr][]time.Time{}, map[netip.Addr]time.Time{}}
		n.After = rapid.IntRange(1, 5).Draw(t, "after")
		l := list(n.Settings)
		t.Repeat(map[string]func(*rapid.T){
			"refused": func(t *rapid.T) {
				addr := invented(rapid.IntRange(1, 3).Draw(t, "source"))
				for range rapid.IntRange(1, 4).Draw(t, "times") {
					if got, want := l.Refused(addr, now), n.refused(addr, now); got != want {
						t.Fatalf("refusal of %v began a block: %v, want %v", addr, got, want)
					}
				}
			},
			"blocked": func(t *rapid.T) {
				addr := invented(rapid.IntRange(1, 3).Draw(t, "source"))
				if got, want := l.Blocked(addr, now), n.blocked(addr, now); got != want {
					t.Fatalf("%v blocked: %v, want %v", addr, got, want)
				}
			},
			"unblock": func(t *rapid.T) {
				addr := invented(rapid.IntRange(1, 3).Draw(t, "source"))
				if got, want := l.Unblock(addr), n.blocked(addr, now); want && !got {
					t.Fatalf("%v unblocked: %v, want %v", addr, got, want)
				}
				delete(n.until, addr)
			},
			"time": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.SampledFrom([]int{1, 29, 30, 31, 60, 300, 600, 601}).Draw(t, "s")) * time.Second)
			},
			"": func(t *rapid.T) {
				want := 0
				for _, until := range n.until {
					if now.Before(until) {
						want++
					}
				}
				if got := len(l.Entries(now)); got != want {
					t.Fatalf("%d entries, want %d", got, want)
				}
			},
		})
	})
}

func TestParallel(t *testing.T) {
	const workers, refusals = 8, 1000
	l, now := list(Settings{After: workers * refusals, Within: time.Hour, Time: time.Hour}), time.Now()
	var wait sync.WaitGroup
	blocks := make([]int, workers)
	for w := range workers {
		wait.Go(func() {
			for i := range refusals {
				blocks[w] += refuse(l, scanner, now, 1)
				l.Refused(invented(i), now)
				l.Blocked(scanner, now)
				l.Unblock(other)
				l.Entries(now)
			}
		})
	}
	wait.Wait()
	total := 0
	for _, n := range blocks {
		total += n
	}
	if total != 1 || !l.Blocked(scanner, now) {
		t.Errorf("%d blocks began", total)
	}
}
