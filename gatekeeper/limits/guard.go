package limits

import (
	"net/netip"
	"time"
)

// Guard counts calls.
type Guard struct{}

// New makes a Guard without limits.
func New() *Guard { return &Guard{} }

// Configure sets the limits.
func (g *Guard) Configure(*Settings) {}

// Enter lets one more call in, or tells with *Exceeded why not.
func (g *Guard) Enter(netip.Addr, string, time.Time) (Ticket, error) { return Ticket{}, nil }

// Force lets a call in without asking.
func (g *Guard) Force(netip.Addr, string) Ticket { return Ticket{} }

// Ticket is one call that was let in.
type Ticket struct{ guard *Guard }

// Leave ends the call.
func (t Ticket) Leave() {}

// Exceeded is why a call was refused.
type Exceeded struct {
	Key        string
	RetryAfter time.Duration
}

// Error names the key.
func (e *Exceeded) Error() string { return "limits: " + e.Key + " is reached" }

// Stats are what the Guard has counted.
type Stats struct {
	Calls   int64
	Sources int
	Users   int
	Refused []Refusals
}

// Refusals are how often a key has refused a call.
type Refusals struct {
	Key   string
	Count uint64
}

// Stats are the numbers of now.
func (g *Guard) Stats() Stats { return Stats{} }
