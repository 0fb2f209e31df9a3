package routes

import (
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"
)

// gateways are n targets of different addresses.
func gateways(n int) []Target {
	targets := make([]Target, n)
	for i := range targets {
		targets[i].Addr = netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), 5060)
	}
	return targets
}

var epoch = time.Unix(1_000_000, 0)

func after(d time.Duration) time.Time { return epoch.Add(d) }

func TestDownAndBack(t *testing.T) {
	all := gateways(2)
	a, b := all[0].Addr, all[1].Addr
	h := NewHealth()
	h.Configure(Settings{Failures: 3})
	h.Watch(all)
	want := func(what string, got, want bool) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %t", what, got)
		}
	}
	want("down at first", h.Down(a), false)
	want("down at the first failure", h.Failed(a, after(1)), false)
	want("down at the second", h.Failed(a, after(2)), false)
	want("back though it was not down", h.Answered(a, after(3)), false)
	want("down at one after an answer", h.Failed(a, after(4)), false)
	want("down at two after an answer", h.Failed(a, after(5)), false)
	want("down at three after an answer", h.Failed(a, after(6)), true)
	want("down", h.Down(a), true)
	want("the other is down", h.Down(b), false)
	want("down again at the fourth", h.Failed(a, after(7)), false)
	wantStates(t, h, State{a, true, after(6), 4}, State{Addr: b})
	mapped := netip.AddrPortFrom(netip.AddrFrom16(a.Addr().As16()), a.Port())
	want("down, asked with the address of a dual socket", h.Down(mapped), true)
	want("back", h.Answered(mapped, after(8)), true)
	want("still down", h.Down(a), false)
	want("back twice", h.Answered(a, after(9)), false)
	wantStates(t, h, State{a, false, after(8), 0}, State{Addr: b})
}

func wantStates(t *testing.T, h *Health, want ...State) {
	t.Helper()
	if got := h.States(); !slices.Equal(got, want) {
		t.Errorf("states %v, want %v", got, want)
	}
}

func TestOnlyWatchedAddressesAreKnown(t *testing.T) {
	h := NewHealth()
	h.Configure(Settings{Failures: 1, Interval: time.Second})
	stranger := netip.MustParseAddrPort("192.0.2.1:5060")
	if h.Failed(stranger, epoch) || h.Answered(stranger, epoch) || h.Down(stranger) || len(h.States()) > 0 {
		t.Error("an address that nobody watches is known")
	}
}

func TestWatchKeepsWhatIsKnown(t *testing.T) {
	all := gateways(4)
	h := NewHealth()
	h.Configure(Settings{Failures: 1})
	h.Watch(append(all[:3:3], all[1]))
	h.Failed(all[0].Addr, after(1))
	h.Failed(all[1].Addr, after(2))
	h.Watch([]Target{all[3], all[1], all[2]})
	wantStates(t, h, State{Addr: all[3].Addr}, State{all[1].Addr, true, after(2), 1}, State{Addr: all[2].Addr})
	h.Watch(all[:2])
	wantStates(t, h, State{Addr: all[0].Addr}, State{all[1].Addr, true, after(2), 1})
	h.Watch(nil)
	wantStates(t, h)
}

func TestConfigure(t *testing.T) {
	a := gateways(1)
	h := NewHealth()
	h.Watch(a)
	for range 10 {
		if h.Failed(a[0].Addr, epoch) {
			t.Fatal("down before anything is configured")
		}
	}
	h.Configure(Settings{Failures: 11})
	if h.Down(a[0].Addr) || !h.Failed(a[0].Addr, after(1)) {
		t.Error("failures of before are not counted")
	}
	h.Configure(Settings{Failures: 20})
	if !h.Down(a[0].Addr) {
		t.Error("back without an answer")
	}
	h.Configure(Settings{})
	wantStates(t, h, State{Addr: a[0].Addr, Failures: 11})
}

// look asks who is due every step until the end, and gives the moments of each address and the most that were due at once.
func look(h *Health, from, step, end time.Duration) (moments map[netip.AddrPort][]time.Duration, most int) {
	moments = map[netip.AddrPort][]time.Duration{}
	for at := from; at < end; at += step {
		due := h.Due(after(at))
		most = max(most, len(due))
		for _, addr := range due {
			moments[addr] = append(moments[addr], at)
		}
	}
	return moments, most
}

func TestDueOncePerIntervalAndSpread(t *testing.T) {
	for _, n := range []int{1, 2, 3, 10, 100, 1000} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			const interval, step = 10 * time.Second, 100 * time.Millisecond
			all := gateways(n)
			h := NewHealth()
			h.Configure(Settings{Failures: 1, Interval: interval, Retry: time.Second})
			h.Watch(all)
			if due := h.Due(epoch); len(due) > 0 {
				t.Errorf("%d are due at the first look", len(due))
			}
			moments, most := look(h, step, step, 5*interval+step)
			for _, target := range all {
				at := moments[target.Addr]
				if len(at) != 5 {
					t.Fatalf("%s is due at %v", target.Addr, at)
				}
				for i := range at[1:] {
					if gap := at[i+1] - at[i]; gap < interval-step || gap > interval+step {
						t.Fatalf("%s is due at %v", target.Addr, at)
					}
				}
			}
			if fair := 3 + 2*n*int(step)/int(interval); most > fair {
				t.Errorf("%d of %d at once", most, n)
			}
		})
	}
}

func TestDueWhoIsDown(t *testing.T) {
	const step = 100 * time.Millisecond
	all := gateways(3)
	down := all[1].Addr
	h := NewHealth()
	h.Configure(Settings{Failures: 1, Retry: 2 * time.Second})
	h.Watch(all)
	h.Failed(down, epoch)
	h.Due(epoch)
	moments, _ := look(h, step, step, 10*time.Second+step)
	if len(moments) != 1 || len(moments[down]) != 5 {
		t.Errorf("due are %v, want only %s, five times", moments, down)
	}
	h.Answered(down, after(10*time.Second))
	if moments, _ := look(h, 10*time.Second+step, step, 20*time.Second); len(moments) > 0 {
		t.Errorf("due are %v, though all answer", moments)
	}
	h.Configure(Settings{Failures: 1, Interval: time.Second})
	h.Failed(down, after(20*time.Second))
	if moments, _ := look(h, 20*time.Second, step, 25*time.Second); len(moments[down]) != 5 {
		t.Errorf("without a time of its own, one that is down is due at %v, want once a second", moments[down])
	}
}

func TestDueAfterAPauseAndWithAClockThatGoesBack(t *testing.T) {
	h := NewHealth()
	h.Configure(Settings{Failures: 1, Interval: time.Second})
	h.Watch(gateways(5))
	h.Due(epoch)
	if due := h.Due(after(time.Hour)); len(due) != 5 {
		t.Errorf("%d are due after an hour, want each once", len(due))
	}
	if due := h.Due(after(time.Minute)); len(due) != 0 {
		t.Errorf("%d are due in the past", len(due))
	}
	if moments, _ := look(h, time.Minute, 50*time.Millisecond, time.Minute+2*time.Second+50*time.Millisecond); len(moments) != 5 {
		t.Errorf("only %d are due after the clock went back", len(moments))
	}
}

// TestHealthConcurrently is for the race detector, and for the count of who goes down and comes back.
func TestHealthConcurrently(t *testing.T) {
	all := gateways(8)
	h := NewHealth()
	h.Configure(Settings{Failures: 2, Interval: time.Millisecond})
	h.Watch(all)
	var wg sync.WaitGroup
	var mu sync.Mutex
	balance := map[netip.AddrPort]int{}
	for range 4 {
		wg.Go(func() {
			for i := range 2000 {
				addr, now := all[i%len(all)].Addr, after(time.Duration(i)*time.Millisecond)
				change := 0
				if h.Failed(addr, now) {
					change++
				}
				if i%3 == 0 && h.Answered(addr, now) {
					change--
				}
				mu.Lock()
				balance[addr] += change
				mu.Unlock()
				h.Down(addr)
				h.Due(now)
				if i%100 == 0 {
					h.Watch(all)
					h.States()
				}
			}
		})
	}
	wg.Wait()
	for _, s := range h.States() {
		if want := map[bool]int{true: 1}[s.Down]; balance[s.Addr] != want {
			t.Errorf("%s is down: %t, but went down %d times more than it came back", s.Addr, s.Down, balance[s.Addr])
		}
	}
}

func BenchmarkDown(b *testing.B) {
	all := gateways(100)
	h := NewHealth()
	h.Configure(Settings{Failures: 1})
	h.Watch(all)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if addr := all[i%len(all)].Addr; h.Down(addr) || h.Answered(addr, epoch) {
			b.Fatal("down")
		}
	}
}

func BenchmarkDueOfNobody(b *testing.B) {
	h := NewHealth()
	h.Configure(Settings{Failures: 1, Interval: time.Hour})
	h.Watch(gateways(1000))
	h.Due(epoch)
	b.ReportAllocs()
	for i := time.Duration(1); b.Loop(); i++ {
		if len(h.Due(after(i))) > 0 {
			b.Fatal("somebody is due")
		}
	}
}
