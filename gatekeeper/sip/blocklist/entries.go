package blocklist

import (
	"net/netip"
	"time"
)

// Entry is one running block.
type Entry struct {
	Addr     netip.Addr // an IPv4 address, or the first address of an IPv6 /64 network, all of which is blocked
	Until    time.Time  // the end of the block
	Refusals int        // that began it
	Dropped  uint64     // datagrams that were not answered
}

// Entries are the running blocks in the order in which they began.
func (l *List) Entries(now time.Time) []Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	var entries []Entry
	for s := range l.blocks.all {
		if now.Before(s.until) {
			entries = append(entries, Entry{Addr: s.addr, Until: s.until, Refusals: s.refusals, Dropped: s.dropped})
		}
	}
	return entries
}

// Unblock ends the block of a source and forgets its refusals. It tells whether there was a block, which may have been over
// without a sign.
func (l *List) Unblock(addr netip.Addr) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.known[network(addr)]
	if s == nil || !s.isBlocked() {
		return false
	}
	l.drop(s)
	return true
}

// Stats are what the list has counted.
type Stats struct {
	Sources int    // whose refusals are being counted, without those that are blocked
	Blocked int    // sources that are blocked; some of the blocks may be over without a sign
	Blocks  uint64 // that have begun since the start
	Dropped uint64 // datagrams that were not answered, since the start
}

// Stats are the numbers of now.
func (l *List) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	blocked := int(l.running.Load())
	return Stats{Sources: len(l.known) - blocked, Blocked: blocked, Blocks: l.begun, Dropped: l.dropped}
}
