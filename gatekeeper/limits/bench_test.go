package limits

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

func everyLimit() Settings {
	limit := Limit{Calls: 100_000, Rate: Rate{1_000_000, time.Second}}
	return Settings{Total: limit, Source: limit, User: limit}
}

// BenchmarkCall is the whole of what a call costs here: Enter and Leave, with 10,000 other calls up where calls are counted by user.
func BenchmarkCall(b *testing.B) {
	tests := []struct {
		name     string
		settings Settings
	}{
		{"total", Settings{Total: Limit{Calls: 200_000}}},
		{"users", Settings{Total: Limit{Calls: 200_000}, User: Limit{Calls: 2}}},
		{"every limit", everyLimit()},
	}
	users := make([]string, 10_000)
	sources := make([]netip.Addr, 256)
	for i := range users {
		users[i] = fmt.Sprintf("49301%07d", i)
	}
	for i := range sources {
		sources[i] = netip.AddrFrom4([4]byte{192, 0, 2, byte(i)})
	}
	for _, test := range tests {
		g, now := guard(test.settings), time.Now()
		for i := range users {
			g.Force(sources[i%len(sources)], "up"+users[i])
		}
		b.Run(test.name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				now = now.Add(100 * time.Microsecond)
				ticket, err := g.Enter(sources[i%len(sources)], users[i%len(users)], now)
				if err != nil {
					b.Fatal(err)
				}
				ticket.Leave()
			}
		})
	}
}

// BenchmarkParallel is the same with every limit, from all processors at once.
func BenchmarkParallel(b *testing.B) {
	g := guard(everyLimit())
	b.ReportAllocs()
	b.RunParallel(func(p *testing.PB) {
		now := time.Now()
		for p.Next() {
			now = now.Add(100 * time.Microsecond)
			if ticket, err := g.Enter(trunk, "4930123456", now); err == nil {
				ticket.Leave()
			}
		}
	})
}

// BenchmarkRefused is a call that finds no room, as in a flood.
func BenchmarkRefused(b *testing.B) {
	g := guard(everyLimit())
	g.Configure(&Settings{User: Limit{Calls: 1}})
	g.Force(trunk, "4930123456")
	now := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := g.Enter(trunk, "4930123456", now); err == nil {
			b.Fatal("let in")
		}
	}
}

// BenchmarkInvented is a flood of users whom nobody has seen, with the memory for their rates full.
func BenchmarkInvented(b *testing.B) {
	g := guard(Settings{User: Limit{Rate: Rate{1, time.Hour}}})
	users := make([]string, 4*maxIdle)
	now := time.Now()
	for i := range users {
		users[i] = fmt.Sprintf("invented%d", i)
	}
	for _, user := range users[:maxIdle] {
		if ticket, err := g.Enter(trunk, user, now); err == nil {
			ticket.Leave()
		}
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		now = now.Add(time.Microsecond)
		if ticket, err := g.Enter(trunk, users[i%len(users)], now); err == nil {
			ticket.Leave()
		}
	}
}

// TestNoAllocations: of a call that is counted for the whole gatekeeper alone nothing is stored, and of known parties nothing new.
func TestNoAllocations(t *testing.T) {
	for name, settings := range map[string]Settings{"total": {Total: Limit{Calls: 10, Rate: Rate{1_000_000, time.Second}}}, "every limit": everyLimit()} {
		g, now := guard(settings), time.Now()
		if n := testing.AllocsPerRun(100, func() {
			now = now.Add(time.Millisecond)
			ticket, err := g.Enter(trunk, "4930123456", now)
			if err != nil {
				t.Fatal(err)
			}
			ticket.Leave()
		}); n > 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
