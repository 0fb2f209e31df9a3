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
	Refused    uint64 // calls whose start got a bad verdict
	Lost       uint64 // ended calls that no module stored and that are kept for none
	Overload   uint64 // INVITEs turned away, and refusals left unrecorded, by MaxPending
	NoRoom     uint64 // calls turned away because the journal could not take them
	// Unjournalled counts calls that were granted without the journal, and entries that it could not write.
	Unjournalled uint64
	Restored     uint64 // calls of a former run that went on in this one
}
