// Package blocklist knows the sources that are not answered any more: scanners, which were refused again and again. It also
// has the form of the log line of a refusal, for programs that block such sources in the firewall.
package blocklist

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// maxSources is how many sources are known at once, blocked ones included.
const maxSources = 65536

// Settings are the operator's choices.
type Settings struct {
	After  int           // refusals that begin a block, 0: there are no blocks
	Within time.Duration // in which they must fall
	Time   time.Duration // that a block lasts
}

// List counts refusals and holds the blocks. It is safe for concurrent use.
//
// A source is an IPv4 address or the /64 network of an IPv6 one, as every host of such a network can take any address of
// it (RFC 4291 2.5.1, RFC 8981).
//
// Refusals are counted from the first one on for the time Within; what comes later begins a new count. A source that is
// blocked has therefore really been refused that often in that time, and one that never pauses is blocked in the second
// such time at the latest.
//
// 65,536 sources are known at most. When a new one finds no place, the count goes whose source was not refused for the
// longest time: a flood from invented sources pushes out its own counts first. A running block never goes before its
// time. If all places are running blocks, a new source is not counted, and is refused and answered as without a list.
type List struct {
	running atomic.Int64 // blocks, some of which may be over; 0 spares Blocked the lock

	mu       sync.Mutex
	settings Settings
	known    map[netip.Addr]*source
	counts   ring // not blocked; the one that was refused last is at the end
	blocks   ring // the one that began last is at the end
	most     int
	begun    uint64
	dropped  uint64
}

// source is what is known of one source. It stands in one of the two rings.
type source struct {
	prev, next *source
	addr       netip.Addr
	refusals   int
	first      time.Time // the refusal that began the count
	until      time.Time // the end of the block; zero: not blocked
	dropped    uint64
}

// New makes a List that blocks nobody until Configure.
func New() *List {
	l := &List{known: map[netip.Addr]*source{}, most: maxSources}
	l.counts.init()
	l.blocks.init()
	return l
}

// Configure sets what begins a block. Counts go on; blocks last as long as it was told when they began. If there are to be
// no blocks any more, all is forgotten.
func (l *List) Configure(s Settings) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.settings = s
	if s.After <= 0 {
		clear(l.known)
		l.counts.init()
		l.blocks.init()
		l.running.Store(0)
	}
}

// Refused counts one refusal. It gives true exactly when this one began a block.
func (l *List) Refused(addr netip.Addr, now time.Time) (blocked bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.settings.After <= 0 || !addr.IsValid() {
		return false
	}
	l.forget(now)
	s := l.source(network(addr), now)
	if s == nil || s.isBlocked() {
		return false
	}
	if now.Sub(s.first) > l.settings.Within {
		s.refusals, s.first = 0, now
	}
	s.refusals++
	s.unlink()
	if s.refusals < l.settings.After {
		l.counts.push(s)
		return false
	}
	s.until = now.Add(l.settings.Time)
	l.blocks.push(s)
	l.running.Add(1)
	l.begun++
	return true
}

// Blocked tells whether a datagram of addr is to be left without an answer, and counts it if so.
func (l *List) Blocked(addr netip.Addr, now time.Time) bool {
	if l.running.Load() == 0 {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.known[network(addr)]
	if s == nil || !s.isBlocked() {
		return false
	}
	if !now.Before(s.until) {
		l.drop(s)
		return false
	}
	s.dropped++
	l.dropped++
	return true
}

// source is what is known of addr, which may be nothing so far; nil if there is no place for it.
func (l *List) source(addr netip.Addr, now time.Time) *source {
	s := l.known[addr]
	if s != nil && s.isBlocked() && !now.Before(s.until) {
		l.drop(s)
		s = nil
	}
	if s != nil {
		return s
	}
	if len(l.known) >= l.most {
		oldest := l.counts.first()
		if oldest == nil {
			return nil
		}
		l.drop(oldest)
	}
	s = &source{addr: addr, first: now}
	l.known[addr] = s
	l.counts.push(s)
	return s
}

// forget drops some of what is over: at most two of each ring, so that no refusal waits for a sweep.
func (l *List) forget(now time.Time) {
	for range 2 {
		if s := l.counts.first(); s != nil && now.Sub(s.first) > l.settings.Within {
			l.drop(s)
		}
		if s := l.blocks.first(); s != nil && !now.Before(s.until) {
			l.drop(s)
		}
	}
}

func (l *List) drop(s *source) {
	delete(l.known, s.addr)
	s.unlink()
	if s.isBlocked() {
		l.running.Add(-1)
	}
}

func (s *source) isBlocked() bool { return !s.until.IsZero() }

// network is what counts as one source: an IPv4 address, or the first address of the /64 of an IPv6 one.
func network(addr netip.Addr) netip.Addr {
	addr = addr.Unmap()
	if addr.Is4() {
		return addr
	}
	prefix, err := addr.Prefix(64)
	if err != nil {
		return netip.Addr{} // it is none
	}
	return prefix.Addr()
}
