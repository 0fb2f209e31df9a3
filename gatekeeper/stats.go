package gatekeeper

import "time"

// Stats are the counters that the status port shows.
type Stats struct {
	Started    time.Time
	Current    int    // calls in the table
	Active     int    // of these, connected
	Total      uint64 // calls admitted to the table since Started
	Successful uint64 // of these, connected at some time
	Peak       int    // the most calls at once
	PeakAt     time.Time
}
