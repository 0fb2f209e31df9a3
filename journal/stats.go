package journal

import (
	"cmp"
	"maps"
	"slices"
	"sync/atomic"
)

type counters struct {
	commitErrors, lost, granted, full, compactions atomic.Uint64
	bad                                            uint64 // at Open
}

// Backlog is what is kept for one instance.
type Backlog struct {
	Instance    string
	Kept        int // without those in quarantine
	Quarantined int
}

// Stats is how the journal is doing: what there is at the moment, and counts since Open.
type Stats struct {
	Bytes       int64 // of the main log on the disk, without segments that are prepared
	Live        int64 // of them, what is still needed
	LedgerBytes int64
	Reserved    int64 // bytes that are set aside for what calls and kept events have still to write
	Short       int64 // bytes that should be, and for which the disk has no room
	Calls       int   // live ones
	Events      int   // that are kept or noted
	Notes       int
	Backlogs    []Backlog // by instance; only those that have something
	Waiting     int       // records that are not on the disk yet

	Commits      int64
	CommitErrors uint64 // records that were not on the disk when they should have been; the journal goes on trying
	Lost         uint64 // records that could not be written at all
	LedgerLost   uint64 // answers that could not be written to the ledger
	LedgerCut    uint64 // segments of the ledger that were removed before their time to make room for calls
	Full         uint64 // calls that Begin refused as there was no room
	Granted      uint64 // calls that were granted without a journal (Settings.WhenFull)
	Compactions  uint64 // segments that were removed
	Failing      bool   // nothing can be written at the moment
	NoRoom       bool   // a call that begins would find no room

	Torn     int    // ends of segments that a crash had cut off, found at Open
	Corrupt  int    // damages elsewhere, found at Open
	Missing  int    // segments that were not there at Open
	Nonsense uint64 // sound records without sense, found at Open
}

// GrantedUnjournalled counts a call that was granted though Begin had no room for it.
func (j *Journal) GrantedUnjournalled() { j.counts.granted.Add(1) }

// Stats tells how the journal is doing.
func (j *Journal) Stats() Stats {
	size := j.o.Settings.SegmentSize
	log := j.log.Stats()
	s := Stats{
		Bytes:  int64(len(j.log.Segments())) * size,
		NoRoom: j.noRoom.Load(), Reserved: log.Reserved, Waiting: log.Pending, Commits: log.Commits, Failing: log.Failing,
		CommitErrors: j.counts.commitErrors.Load(), Lost: j.counts.lost.Load(), Full: j.counts.full.Load(),
		Granted: j.counts.granted.Load(), Compactions: j.counts.compactions.Load(),
		Torn: len(j.report.Torn), Corrupt: len(j.report.Corrupt), Missing: len(j.report.Missing), Nonsense: j.counts.bad,
	}
	if j.ledger != nil {
		s.LedgerBytes, s.LedgerLost, s.LedgerCut = j.ledger.bytes(size), j.ledger.lost.Load(), j.ledger.cut.Load()
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	s.Live, s.Short, s.Calls, s.Events, s.Notes = j.x.live, j.short, len(j.x.calls), len(j.x.events), j.x.notes
	s.Backlogs = j.x.backlogs()
	return s
}

func (x *index) backlogs() []Backlog {
	all := make([]Backlog, 0, len(x.counts))
	for n := range maps.Values(x.counts) {
		all = append(all, *n)
	}
	slices.SortFunc(all, func(a, b Backlog) int { return cmp.Compare(a.Instance, b.Instance) })
	return all
}
