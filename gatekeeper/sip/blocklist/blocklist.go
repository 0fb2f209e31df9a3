// Package blocklist knows the sources that are not answered any more: scanners, which were refused again and again. It also
// has the form of the log line of a refusal, for programs that block such sources in the firewall.
package blocklist

import (
	"net/netip"
	"time"
)

// Settings are the operator's choices.
type Settings struct {
	After  int           // refusals that begin a block, 0: there are no blocks
	Within time.Duration // in which they must fall
	Time   time.Duration // that a block lasts
}

// List counts refusals and holds the blocks.
type List struct{}

// New makes a List that blocks nobody until Configure.
func New() *List { return &List{} }

// Configure sets what begins a block.
func (l *List) Configure(Settings) {}

// Refused counts a refusal.
func (l *List) Refused(addr netip.Addr, now time.Time) (blocked bool) { return false }

// Blocked tells whether addr is to be left without an answer.
func (l *List) Blocked(addr netip.Addr, now time.Time) bool { return false }

// Entry is one running block.
type Entry struct {
	Addr     netip.Addr
	Until    time.Time
	Refusals int
	Dropped  uint64
}

// Entries are the running blocks.
func (l *List) Entries(now time.Time) []Entry { return nil }

// Unblock ends a block.
func (l *List) Unblock(addr netip.Addr) bool { return false }

// Stats are what the list has counted.
type Stats struct {
	Sources int    // whose refusals are being counted
	Blocked int    // running blocks
	Blocks  uint64 // begun since the start
	Dropped uint64 // datagrams that were not answered, since the start
}

// Stats are the numbers of now.
func (l *List) Stats() Stats { return Stats{} }
