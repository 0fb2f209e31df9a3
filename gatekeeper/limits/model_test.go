package limits

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// model does what a Guard does in the most naive way: it keeps every call, counts by looking at all, and fills a bucket for
// everybody whom it has ever seen.
type model struct {
	settings Settings
	calls    []modelCall
	buckets  map[string]*bucket // of "total", "source ...", "user ..."
	refused  map[string]uint64
}

type modelCall struct {
	ticket       Ticket
	source, user string // "" where nobody counted
}

// bucket holds what is left, in ns of the rate's interval.
type bucket struct {
	left int64
	at   time.Time
}

type modelParty struct {
	limit             Limit
	name              string
	callsKey, rateKey string
}

func (m *model) parties(source, user string) []modelParty {
	parties := []modelParty{{m.settings.Total, "total", MaxCalls, CallRate}}
	if source != "" && m.settings.Source != (Limit{}) {
		parties = append(parties, modelParty{m.settings.Source, "source " + source, MaxCallsPerSource, CallRatePerSource})
	}
	if user != "" && m.settings.User != (Limit{}) {
		parties = append(parties, modelParty{m.settings.User, "user " + user, MaxCallsPerUser, CallRatePerUser})
	}
	return parties
}

func (m *model) up(name string) (n int64) {
	for _, c := range m.calls {
		if name == "total" || name == "source "+c.source || name == "user "+c.user {
			n++
		}
	}
	return n
}

func (m *model) bucket(p modelParty, now time.Time) *bucket {
	interval := int64(p.limit.Rate.Per) / p.limit.Rate.Calls
	full := interval * max(1, int64(float64(p.limit.Rate.Calls)/p.limit.Rate.Per.Seconds()))
	b := m.buckets[p.name]
	if b == nil {
		b = &bucket{left: full, at: now}
		m.buckets[p.name] = b
	}
	b.left = min(full, b.left+int64(now.Sub(b.at)))
	b.at = now
	return b
}

// enter gives the key that refuses, "" if none does.
func (m *model) enter(source, user string, now time.Time) string {
	parties := m.parties(source, user)
	for _, p := range parties {
		if p.limit.Calls > 0 && m.up(p.name) >= p.limit.Calls {
			return p.callsKey
		}
		if p.limit.Rate.Calls > 0 && m.bucket(p, now).left < int64(p.limit.Rate.Per)/p.limit.Rate.Calls {
			return p.rateKey
		}
	}
	for _, p := range parties {
		if p.limit.Rate.Calls > 0 {
			m.bucket(p, now).left -= int64(p.limit.Rate.Per) / p.limit.Rate.Calls
		}
	}
	return ""
}

func (m *model) add(t Ticket, source, user string) {
	if m.settings.Source == (Limit{}) {
		source = ""
	}
	if m.settings.User == (Limit{}) {
		user = ""
	}
	m.calls = append(m.calls, modelCall{t, source, user})
}

func drawSettings(t *rapid.T) *Settings {
	calls := rapid.SampledFrom([]int64{0, 0, 1, 2, 3, 7})
	rate := rapid.SampledFrom([]Rate{{}, {}, {1, time.Second}, {3, time.Second}, {7, time.Second}, {1, time.Minute}, {90, time.Minute}, {5, time.Hour}})
	limit := func(name string) Limit { return Limit{calls.Draw(t, name+" calls"), rate.Draw(t, name+" rate")} }
	return &Settings{Total: limit("total"), Source: limit("source"), User: limit("user"),
		RetryAfter: time.Duration(rapid.IntRange(0, 20).Draw(t, "retry")) * time.Second}
}

// addresses has two of each party: an IPv4 address in both of its forms, two of one /64, and nobody.
func addresses() map[netip.Addr]string {
	named := map[netip.Addr]string{{}: ""}
	for text, name := range map[string]string{"192.0.2.1": "a", "::ffff:192.0.2.1": "a", "192.0.2.2": "b", "2001:db8::1": "c", "2001:db8::2:3%eth0": "c", "2001:db8:0:1::1": "d", "::1": "e"} {
		named[netip.MustParseAddr(text)] = name
	}
	return named
}

// TestModel: whatever calls come and go, the Guard decides as the model does, for the same reason.
func TestModel(t *testing.T) {
	named := addresses()
	var addrs []netip.Addr
	for a := range named {
		addrs = append(addrs, a)
	}
	slices.SortFunc(addrs, netip.Addr.Compare)
	rapid.Check(t, func(t *rapid.T) {
		g, now := New(), time.Now()
		m := &model{settings: *drawSettings(t), buckets: map[string]*bucket{}, refused: map[string]uint64{}}
		g.Configure(&m.settings)
		party := func(t *rapid.T) (netip.Addr, string) {
			return rapid.SampledFrom(addrs).Draw(t, "source"), rapid.SampledFrom([]string{"", "alice", "Alice", "bob"}).Draw(t, "user")
		}
		t.Repeat(map[string]func(*rapid.T){
			"enter": func(t *rapid.T) {
				source, user := party(t)
				now = now.Add(time.Duration(rapid.SampledFrom([]int{0, 0, 1, 100, 333, 1000, 20_000, 600_000}).Draw(t, "ms")) * time.Millisecond)
				want := m.enter(named[source], user, now)
				ticket, err := g.Enter(source, user, now)
				if got := keyIn(err, m.settings.RetryAfter); got != want {
					t.Fatalf("call of %v %q: %q, want %q", source, user, got, want)
				}
				if want == "" {
					m.add(ticket, named[source], user)
				} else {
					m.refused[want]++
				}
			},
			"force": func(t *rapid.T) {
				source, user := party(t)
				m.add(g.Force(source, user), named[source], user)
			},
			"leave": func(t *rapid.T) {
				if len(m.calls) > 0 {
					i := rapid.IntRange(0, len(m.calls)-1).Draw(t, "call")
					m.calls[i].ticket.Leave()
					m.calls = slices.Delete(m.calls, i, i+1)
				}
			},
			"calls only": func(t *rapid.T) { // other rates are compared in TestConfigure
				m.settings.Total.Calls = rapid.SampledFrom([]int64{0, 1, 5}).Draw(t, "total")
				if m.settings.User.Calls > 0 {
					m.settings.User.Calls = rapid.SampledFrom([]int64{1, 2, 5}).Draw(t, "user")
				}
				g.Configure(&m.settings)
			},
			"": func(t *rapid.T) { compareStats(t, g, m) },
		})
	})
}

// keyIn is the key that refused, "" if err is nil.
func keyIn(err error, retryAfter time.Duration) string {
	var exceeded *Exceeded
	switch {
	case err == nil:
		return ""
	case !errors.As(err, &exceeded):
		return fmt.Sprintf("an error of another type: %v", err)
	case exceeded.RetryAfter != retryAfter:
		return fmt.Sprintf("%s with Retry-After %v", exceeded.Key, exceeded.RetryAfter)
	}
	return exceeded.Key
}

func compareStats(t *rapid.T, g *Guard, m *model) {
	s := g.Stats()
	if s.Calls != int64(len(m.calls)) {
		t.Fatalf("%d calls, want %d", s.Calls, len(m.calls))
	}
	for _, r := range s.Refused {
		if r.Count != m.refused[r.Key] {
			t.Fatalf("%s refused %d, want %d", r.Key, r.Count, m.refused[r.Key])
		}
	}
	if (m.settings.User == (Limit{}) && s.Users != 0) || (m.settings.Source == (Limit{}) && s.Sources != 0) {
		t.Fatalf("something is stored without a limit: %+v", s)
	}
	for _, table := range []*table{g.sources, g.users} {
		for i, e := range table.idle {
			if e.place != i || e.calls != 0 || table.known[e.key] != e || i > 0 && table.idle[(i-1)/2].tat > e.tat {
				t.Fatalf("idle[%d] is %+v", i, *e)
			}
		}
	}
}
