package routes

import (
	"math"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Settings say when a gateway is down, and who is asked with OPTIONS.
type Settings struct {
	Failures int           // so many in a row, and a gateway is down; 0: none is ever down
	Interval time.Duration // how often each gateway is asked that is not down; 0: never
	Retry    time.Duration // how often one that is down is asked; 0: as the others
}

// Health is what is known of the gateways. It knows only those that Watch was given, and is safe for concurrent use.
type Health struct {
	known atomic.Pointer[watched]

	mu       sync.Mutex // of all that follows, and of all changes
	settings Settings
	started  time.Time     // of the first Due
	looked   time.Duration // when Due looked last, since started
	phases   uint64        // that were given out
}

// watched are the gateways between two Watches.
type watched struct {
	byAddr map[netip.AddrPort]*gateway
	list   []*gateway
}

// gateway is what is known of one address. Only who has the lock writes.
type gateway struct {
	addr     netip.AddrPort
	phase    float64 // where in each interval it is asked, 0 to 1
	down     atomic.Bool
	failures atomic.Int64 // in a row
	since    time.Time    // of down; zero: it never changed
}

// State is what is known of one gateway.
type State struct {
	Addr     netip.AddrPort
	Down     bool
	Since    time.Time // when it went down or came back; zero: neither since it is known
	Failures int       // in a row
}

// NewHealth knows no gateway and holds none for down until it is configured.
func NewHealth() *Health {
	h := &Health{}
	h.known.Store(&watched{})
	return h
}

// Watch says which gateways there are from now on. What is known of those that were there before is kept.
func (h *Health) Watch(targets []Target) {
	h.mu.Lock()
	defer h.mu.Unlock()
	before := h.known.Load()
	now := &watched{byAddr: make(map[netip.AddrPort]*gateway, len(targets))}
	for i := range targets {
		addr := unmapped(targets[i].Addr)
		if now.byAddr[addr] != nil {
			continue
		}
		g := before.byAddr[addr]
		if g == nil {
			g = &gateway{addr: addr, phase: h.nextPhase()}
		}
		now.byAddr[addr] = g
		now.list = append(now.list, g)
	}
	h.known.Store(now)
}

// nextPhase gives multiples of the golden ratio: however many there are, and whichever of them go, they lie evenly between 0
// and 1.
func (h *Health) nextPhase() float64 {
	_, phase := math.Modf(float64(h.phases) * (math.Phi - 1))
	h.phases++
	return phase
}

// Configure swaps the settings. New ones that hold none for down let those come back that are.
func (h *Health) Configure(s Settings) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.settings = s
	if s.Failures > 0 {
		return
	}
	for _, g := range h.known.Load().list {
		if g.down.Swap(false) {
			g.since = time.Time{}
		}
	}
}

// Failed takes note of an INVITE that was not answered at all, or an OPTIONS that was not answered or with 503. It tells
// whether that was one too many, so that the gateway is down from now on.
func (h *Health) Failed(addr netip.AddrPort, now time.Time) (wentDown bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	g := h.known.Load().byAddr[unmapped(addr)]
	if g == nil {
		return false
	}
	failures := g.failures.Add(1)
	if h.settings.Failures <= 0 || failures < int64(h.settings.Failures) || g.down.Load() {
		return false
	}
	g.since = now
	g.down.Store(true)
	return true
}

// Answered takes note of an answer. It tells whether the gateway was down and is no more.
func (h *Health) Answered(addr netip.AddrPort, now time.Time) (cameBack bool) {
	addr = unmapped(addr)
	if g := h.known.Load().byAddr[addr]; g == nil || g.failures.Load() == 0 && !g.down.Load() {
		return false // nearly always, and without the lock
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	g := h.known.Load().byAddr[addr]
	if g == nil {
		return false
	}
	g.failures.Store(0)
	if !g.down.Load() {
		return false
	}
	g.since = now
	g.down.Store(false)
	return true
}

// Down tells whether the gateway is down. An address that is not watched never is.
func (h *Health) Down(addr netip.AddrPort) bool {
	g := h.known.Load().byAddr[unmapped(addr)]
	return g != nil && g.down.Load()
}

// Due are the gateways that are to be asked with OPTIONS now. Each is due once per its interval, at a moment of its own, so
// that many gateways are no burst; the caller looks several times per interval. The first look is the beginning, at which
// nobody is due.
func (h *Health) Due(now time.Time) []netip.AddrPort {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.started.IsZero() {
		h.started = now
	}
	from, to := h.looked, now.Sub(h.started)
	h.looked = to
	var due []netip.AddrPort
	for _, g := range h.known.Load().list {
		interval := h.settings.Interval
		if g.down.Load() && h.settings.Retry > 0 {
			interval = h.settings.Retry
		}
		if g.hasMoment(from, to, interval) {
			due = append(due, g.addr)
		}
	}
	return due
}

// hasMoment tells whether one of the moments at which the gateway is asked lies after from and not after to.
func (g *gateway) hasMoment(from, to, interval time.Duration) bool {
	if interval <= 0 || to <= from {
		return false
	}
	offset := time.Duration(g.phase * float64(interval))
	if to < offset {
		return false
	}
	last := to - (to-offset)%interval
	return last > from
}

// States are all gateways in the order in which Watch was given them.
func (h *Health) States() []State {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := h.known.Load().list
	states := make([]State, len(list))
	for i, g := range list {
		states[i] = State{Addr: g.addr, Down: g.down.Load(), Since: g.since, Failures: int(g.failures.Load())}
	}
	return states
}

// unmapped is addr as targets have it, whichever kind of socket it comes from.
func unmapped(addr netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
}
