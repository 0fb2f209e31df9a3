package limits

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"
)

// Guard counts the calls that are up and how fast new ones come. It is safe for concurrent use; one short lock serves
// all, as three counters have to agree on each call.
//
// A source is an IPv4 address or the /64 network of an IPv6 one, as every host of such a network can take any address of
// it (RFC 4291 2.5.1, RFC 8981). A user is known by a keyed 64-bit hash: that two of a million users share a limit has a
// chance below one in ten million, and a name of any length costs no memory.
//
// What it remembers is bounded: a source or user with calls up, of which there are at most as many as calls, and 65,536
// of each that have none but whose rate is not yet forgotten. Past that number the one is forgotten that would have been
// soonest anyway: somebody who invents users pushes out his own, and not the one who is over his rate; and who has calls
// up is never forgotten.
type Guard struct {
	began time.Time
	seed  maphash.Seed

	mu       sync.Mutex
	now      int64 // the latest time that a call brought, in ns since began
	total    policy
	all      entry
	sources  *table
	users    *table
	refused  [len(limitKeys)]uint64
	exceeded [len(limitKeys)]*Exceeded
}

// limitKeys are the keys that refuse: two of each party, in the order in which the parties are asked.
var limitKeys = [...]string{MaxCalls, CallRate, MaxCallsPerSource, CallRatePerSource, MaxCallsPerUser, CallRatePerUser}

// New makes a Guard without limits.
func New() *Guard {
	g := &Guard{began: time.Now(), seed: maphash.MakeSeed(), sources: newTable(), users: newTable()}
	g.Configure(&Settings{})
	return g
}

// Configure sets the limits. Calls that are up stay and stay counted, even if they are more than there may be now. Calls of
// a time without any limit for sources, or for users, were not counted for these.
func (g *Guard) Configure(s *Settings) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.total = s.Total.policy()
	g.all.tat = g.total.clamp(g.all.tat, g.now)
	g.sources.configure(s.Source.policy(), g.now)
	g.users.configure(s.User.policy(), g.now)
	for i, key := range limitKeys {
		g.exceeded[i] = &Exceeded{Key: key, RetryAfter: s.RetryAfter}
	}
}

// Ticket stands for one call that was let in. It is small; it may be copied, but only one copy may Leave.
type Ticket struct {
	guard  *Guard
	source *entry // nil: not counted
	user   *entry // nil: not counted
}

// Enter lets one more call in at the time now. The error is an *Exceeded, which belongs to the Guard and must not be
// changed; the call has then left no trace but in Stats. First the limits of the whole gatekeeper are asked, then those of
// the source, then those of the user, and of a rate is only taken when all have agreed. The zero Addr and the user "" are
// nobody: their calls count for the rest alone.
func (g *Guard) Enter(source netip.Addr, user string, now time.Time) (Ticket, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.now = max(g.now, int64(now.Sub(g.began)))
	g.sources.forget(g.now, sweep)
	g.users.forget(g.now, sweep)
	sourceKey, userKey := g.keys(source, user)
	if i := g.refusal(g.sources.known[sourceKey], g.users.known[userKey]); i >= 0 {
		g.refused[i]++
		return Ticket{}, g.exceeded[i]
	}
	t := g.enter(sourceKey, userKey)
	g.all.tat = g.total.take(g.all.tat, g.now)
	if t.source != nil {
		t.source.tat = g.sources.take(t.source.tat, g.now)
	}
	if t.user != nil {
		t.user.tat = g.users.take(t.user.tat, g.now)
	}
	return t, nil
}

// Force lets a call in that a former run has let in before: it is counted and never refused, and is none of any rate. The
// limits must have been configured.
func (g *Guard) Force(source netip.Addr, user string) Ticket {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.enter(g.keys(source, user))
}

// Leave ends the call, once. That of the zero Ticket does nothing.
func (t Ticket) Leave() {
	g := t.guard
	if g == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.all.calls--
	if t.source != nil {
		g.sources.leave(t.source, g.now)
	}
	if t.user != nil {
		g.users.leave(t.user, g.now)
	}
}

// keys are how the source and the user are known, 0 for who is not counted.
func (g *Guard) keys(source netip.Addr, user string) (sourceKey, userKey uint64) {
	if g.sources.limited() {
		sourceKey = keyOf(source)
	}
	if g.users.limited() && user != "" {
		userKey = max(maphash.String(g.seed, user), 1)
	}
	return sourceKey, userKey
}

// refusal is the index of the first limit that leaves no room for a call, -1 if there is room.
func (g *Guard) refusal(source, user *entry) int {
	parties := [...]struct {
		policy *policy
		entry  *entry // nil: nothing is known
	}{{&g.total, &g.all}, {&g.sources.policy, source}, {&g.users.policy, user}}
	for i, p := range parties {
		switch {
		case p.entry == nil:
		case p.policy.calls > 0 && p.entry.calls >= p.policy.calls:
			return 2 * i
		case !p.policy.allows(p.entry.tat, g.now):
			return 2*i + 1
		}
	}
	return -1
}

func (g *Guard) enter(sourceKey, userKey uint64) Ticket {
	t := Ticket{guard: g}
	g.all.calls++
	if sourceKey != 0 {
		t.source = g.sources.enter(sourceKey)
	}
	if userKey != 0 {
		t.user = g.users.enter(userKey)
	}
	return t
}

// keyOf is an IPv4 address, or the complement of the first 64 bits of an IPv6 address. The two meet only in addresses that
// are no sources: ffff::/16 is multicast (RFC 4291 2.7). 0 is no address.
func keyOf(a netip.Addr) uint64 {
	if !a.IsValid() {
		return 0
	}
	b := a.As16()
	var high, low uint64
	for i := range 8 {
		high, low = high<<8|uint64(b[i]), low<<8|uint64(b[8+i])
	}
	if a = a.Unmap(); a.Is4() {
		return low & 0xffff_ffff
	}
	return ^high
}
