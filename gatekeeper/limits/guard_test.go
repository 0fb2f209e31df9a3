package limits

import (
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"time"
	"unsafe"
)

var trunk = netip.MustParseAddr("192.0.2.1")

func guard(s Settings) *Guard {
	g := New()
	g.Configure(&s)
	return g
}

func mustEnter(t *testing.T, g *Guard, user string, now time.Time) Ticket {
	t.Helper()
	ticket, err := g.Enter(trunk, user, now)
	if err != nil {
		t.Fatalf("a call of %s: %v", user, err)
	}
	return ticket
}

func mustRefuse(t *testing.T, g *Guard, user string, now time.Time, key string) {
	t.Helper()
	if _, err := g.Enter(trunk, user, now); keyIn(err, 0) != key {
		t.Fatalf("a call of %s: %v, want it refused for %s", user, err, key)
	}
}

func TestTicket(t *testing.T) {
	if size := unsafe.Sizeof(Ticket{}); size > 24 {
		t.Errorf("a ticket has %d bytes", size)
	}
	Ticket{}.Leave()
}

// TestRefusedLeavesNothing: who is refused by the last limit that is asked has taken nothing of those before it.
func TestRefusedLeavesNothing(t *testing.T) {
	g := guard(Settings{Total: Limit{Calls: 2, Rate: Rate{2, time.Second}}, Source: Limit{Calls: 2, Rate: Rate{2, time.Second}}, User: Limit{Calls: 1}})
	now := time.Now()
	mustEnter(t, g, "alice", now)
	for range 10 {
		mustRefuse(t, g, "alice", now, MaxCallsPerUser)
	}
	mustEnter(t, g, "bob", now)
	mustRefuse(t, g, "carol", now, MaxCalls)
	if s := g.Stats(); s.Calls != 2 || s.Sources != 1 || s.Users != 2 {
		t.Errorf("%+v", s)
	}
}

// TestConfigure: other limits are for the next call; calls that are up stay, and a rate that was used up under the old one
// is at most used up under the new one.
func TestConfigure(t *testing.T) {
	now := time.Now()
	g := guard(Settings{User: Limit{Calls: 3}, Total: Limit{Rate: Rate{1, time.Hour}}})
	first := mustEnter(t, g, "alice", now)
	mustRefuse(t, g, "alice", now.Add(time.Minute), CallRate)
	g.Configure(&Settings{User: Limit{Calls: 3, Rate: Rate{1, time.Hour}}})
	second := mustEnter(t, g, "alice", now)
	g.Configure(&Settings{User: Limit{Calls: 1, Rate: Rate{2, time.Second}}})
	mustRefuse(t, g, "alice", now.Add(time.Hour), MaxCallsPerUser)
	first.Leave()
	mustRefuse(t, g, "alice", now.Add(time.Hour), MaxCallsPerUser)
	second.Leave()
	mustEnter(t, g, "alice", now.Add(time.Hour)).Leave()
	mustEnter(t, g, "alice", now.Add(time.Hour)).Leave()
	g.Configure(&Settings{User: Limit{Rate: Rate{1, time.Hour}}})
	g.Configure(&Settings{})
	if s := g.Stats(); s.Calls != 0 || s.Users != 0 {
		t.Errorf("without limits and calls: %+v", s)
	}
}

// TestConfigureClamps: an hour that is to be waited under one call in an hour is a second under one in a second.
func TestConfigureClamps(t *testing.T) {
	now := time.Now()
	g := guard(Settings{User: Limit{Rate: Rate{1, time.Hour}}})
	up := mustEnter(t, g, "alice", now)
	mustEnter(t, g, "bob", now).Leave()
	g.Configure(&Settings{User: Limit{Rate: Rate{1, time.Second}}})
	for _, user := range []string{"alice", "bob"} {
		mustRefuse(t, g, user, now.Add(500*time.Millisecond), CallRatePerUser)
	}
	for _, user := range []string{"alice", "bob"} {
		mustEnter(t, g, user, now.Add(1001*time.Millisecond)).Leave()
	}
	up.Leave()
}

func TestForce(t *testing.T) {
	g := guard(Settings{Total: Limit{Calls: 1, Rate: Rate{1, time.Hour}}, User: Limit{Calls: 1, Rate: Rate{1, time.Hour}}})
	var restored []Ticket
	for range 3 {
		restored = append(restored, g.Force(trunk, "alice"))
	}
	mustRefuse(t, g, "bob", time.Now(), MaxCalls)
	for _, ticket := range restored {
		ticket.Leave()
	}
	mustEnter(t, g, "alice", time.Now())
}

// TestForgets: what is remembered without a call goes with the calls that come later, and needs nothing else.
func TestForgets(t *testing.T) {
	g, now := guard(Settings{User: Limit{Rate: Rate{30, time.Minute}}}), time.Now()
	for i := range 1000 {
		mustEnter(t, g, fmt.Sprint(i), now).Leave()
	}
	if n := g.Stats().Users; n != 1000 {
		t.Fatalf("%d users", n)
	}
	now = now.Add(2001 * time.Millisecond)
	for range 1000 {
		mustEnter(t, g, "alice", now).Leave()
		now = now.Add(2 * time.Second)
	}
	if n := g.Stats().Users; n != 1 {
		t.Errorf("%d users are remembered", n)
	}
}

// TestFlood: a trusted trunk that invents users fills no memory, and lifts no limit of a user: not of one with calls up,
// nor of one who is over the rate.
func TestFlood(t *testing.T) {
	g, now := guard(Settings{User: Limit{Calls: 2, Rate: Rate{2, time.Second}}}), time.Now()
	g.users.most = 500
	mustEnter(t, g, "busy", now)
	mustEnter(t, g, "busy", now)
	mustEnter(t, g, "fast", now).Leave()
	mustEnter(t, g, "fast", now).Leave()
	for i := range 20_000 {
		mustEnter(t, g, fmt.Sprint("invented", i), now.Add(time.Duration(i/100)*time.Millisecond)).Leave()
		if n := g.Stats().Users; n > 501 {
			t.Fatalf("%d users are remembered", n)
		}
	}
	now = now.Add(200 * time.Millisecond)
	mustRefuse(t, g, "busy", now, MaxCallsPerUser)
	mustRefuse(t, g, "fast", now, CallRatePerUser)
}

// TestLongUsers: a name costs nothing that could grow with it.
func TestLongUsers(t *testing.T) {
	g := guard(Settings{User: Limit{Calls: 1}})
	long := make([]byte, 60_000)
	mustEnter(t, g, string(long), time.Now())
	mustRefuse(t, g, string(long), time.Now(), MaxCallsPerUser)
	long[59_999] = 'x'
	mustEnter(t, g, string(long), time.Now())
}

// TestParallel: at no moment are more calls up than there may be, and at the end there are none.
func TestParallel(t *testing.T) {
	const most, workers, rounds = 5, 8, 3000
	g := guard(Settings{Total: Limit{Calls: most}, Source: Limit{Calls: most}, User: Limit{Calls: 2, Rate: Rate{1_000_000, time.Second}}})
	var wait sync.WaitGroup
	for w := range workers {
		wait.Go(func() {
			for i := range rounds {
				ticket, err := g.Enter(trunk, fmt.Sprint(w%3), time.Now())
				if i%100 == 0 {
					g.Configure(&Settings{Total: Limit{Calls: most}, Source: Limit{Calls: most}, User: Limit{Calls: 2, Rate: Rate{1_000_000, time.Second}}})
				}
				if n := g.Stats().Calls; n > most {
					t.Errorf("%d calls are up", n)
				}
				if err == nil {
					ticket.Leave()
				}
			}
		})
	}
	wait.Wait()
	if s := g.Stats(); s.Calls != 0 {
		t.Errorf("at the end: %+v", s)
	}
}
