package monitor

import (
	"tollgate/acctstack"
	"tollgate/gatekeeper/limits"
	"tollgate/gatekeeper/sip/blocklist"
	"tollgate/gatekeeper/sip/routes"
	"tollgate/radius"
)

// Instances are the module instances of the accounting stack, one entry for each name.
type Instances interface {
	Statuses() []acctstack.Status
}

// Calls are the counters of the gatekeeper.
type Calls struct {
	Current      int    // in the call table
	Active       int    // of these, connected
	Peak         int    // the most at once
	Total        uint64 // admitted to the call table
	Connected    uint64 // of these, connected at some time
	Refused      uint64 // of these, refused because their start was not recorded
	Lost         uint64 // ended calls that no module has and that nothing is kept of
	Overload     uint64 // turned away by MaxPending
	NoRoom       uint64 // turned away because the journal could not take them
	Unjournalled uint64 // granted without the journal, and entries that it could not write
	Restored     uint64 // of a former run that went on in this one
}

// Datagrams are the counters of the SIP sockets.
type Datagrams struct {
	Received, Sent, SendErrors uint64
	Malformed                  uint64 // no SIP message
	Strays                     uint64 // answers to no request of ours
}

// Tables are what the SIP side holds at the moment.
type Tables struct {
	Servers  int // transactions of requests that came
	Clients  int // transactions of requests that were sent
	Sessions int // Call-IDs of calls
}

// Gateways are the targets of [SIP::Routes], one entry for each address.
type Gateways interface {
	Gateways() []routes.State
}

// Journal is how the journal is doing: what there is at the moment, and counts since the start of the program.
type Journal struct {
	Bytes        int64 // that its files take, without the ledger's
	Live         int64 // of them, what is still needed
	LedgerBytes  int64
	Reserved     int64 // bytes set aside for what calls and kept events have still to write
	Short        int64 // bytes that should be set aside, and for which the disk has no room
	Calls        int   // live ones
	Events       int   // kept ones
	Waiting      int   // records that are not on the disk yet
	Commits      uint64
	CommitErrors uint64 // records that were not on the disk when they should have been
	Lost         uint64 // records that could not be written at all
	LedgerLost   uint64 // answers of modules that could not be written to the ledger
	Damages      int    // places that were torn, damaged or missing when the journal was opened
	Failing      bool   // nothing can be written at the moment
}

// Keeping is what became of events at an instance, since the start of the program.
type Keeping struct {
	Instance    string
	Kept        uint64 // copies that were kept
	Quarantined uint64 // of them, those that went into quarantine
	Dropped     uint64 // of them, those that the operator dropped
}

// RADIUS are the counters of the RADIUS client of an instance.
type RADIUS struct {
	Instance string
	radius.Stats
}

// Sources are what a scrape reads. Every function may be nil, then its metrics are missing; all are called by several
// goroutines at once, at any time from Start on.
type Sources struct {
	Calls     func() Calls
	Datagrams func() Datagrams
	Tables    func() Tables
	Answers   func() map[string]uint64 // to INVITEs that made a call, by the class of the status; always the same keys
	Refusals  func() map[string]uint64 // by reason; always the same keys
	Blocks    func() blocklist.Stats
	Gateways  Gateways
	Limits    func() limits.Stats
	Instances Instances
	Keeping   func() []Keeping // an instance without an entry has zeros
	Journal   func() Journal
	RADIUS    func() []RADIUS
	StateDir  string // the directory of which the free space is told; "" tells none
	// Refusing tells why the gatekeeper can take no call although it is up, such as a journal without room; nil if it can.
	Refusing func() error
	// Maintained tells whether new calls are turned away because an operator has said so, or because the program ends.
	Maintained func() bool
}
