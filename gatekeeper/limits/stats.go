package limits

import "time"

// Exceeded is why a call was refused.
type Exceeded struct {
	Key        string        // the key of [Limits] that has left no room
	RetryAfter time.Duration // what to tell the caller, 0: nothing
}

// Error names the key.
func (e *Exceeded) Error() string { return "limits: " + e.Key + " is reached" }

// Stats are what the Guard has counted.
type Stats struct {
	Calls   int64      // up
	Sources int        // that are remembered: with calls up, or with calls so recent that their rate is not forgotten
	Users   int        // the same
	Refused []Refusals // one of each key that can refuse, in the order in which they are asked
}

// Refusals are how many calls a key has refused since the start.
type Refusals struct {
	Key   string
	Count uint64
}

// Stats are the numbers of now.
func (g *Guard) Stats() Stats {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := Stats{Calls: g.all.calls, Sources: len(g.sources.known), Users: len(g.users.known)}
	for i, key := range limitKeys {
		s.Refused = append(s.Refused, Refusals{Key: key, Count: g.refused[i]})
	}
	return s
}
