package gatekeeper

import (
	"errors"
	"fmt"
	"time"

	"tollgate/acctstack"
	"tollgate/bootclock"
	"tollgate/cdr"
	"tollgate/packed"
)

// Journal keeps calls over a crash: for each one a chain of records that only the gatekeeper understands. None of its methods
// waits for the disk; done is called once the record is durable, or with the error, on a goroutine of the journal and
// never from inside the method, in the order in which the records were given.
type Journal interface {
	// Begin opens the call's chain and reserves the room for what is still to come. An error means that nothing was written.
	Begin(call cdr.UUID, record []byte, done func(error)) error
	// Append adds a record to the chain; done may be nil.
	Append(call cdr.UUID, record []byte, done func(error))
	// End drops the chain: nothing of the call is left to do.
	End(call cdr.UUID)
}

// ErrUnjournalled is why a call is turned away that could not be written to the journal.
var ErrUnjournalled = errors.New("the journal has no room")

// ErrNewer is why a chain cannot be read that a newer program has written.
var ErrNewer = errors.New("written by a newer version of the program")

// entryKind says what a record of a call's chain tells.
type entryKind byte

const (
	entryBegin   entryKind = 1 + iota // the first: an entry as entryState, behind what never changes
	entryState                        // the call as it stands, in an event that is to be decided or by itself
	entryDecided                      // the verdict on an event is known, and what follows from it is done or in the journal
	entryLine                         // the front's part only
)

// entryVersion is written into entryBegin.
const entryVersion = 1

// entry is one record of a call's chain.
type entry struct {
	kind  entryKind
	event *acctstack.Event // undecided from now on; nil: record tells the state
	call  *Call
	line  []byte // the front's part; may be empty
	seq   uint32 // of entryDecided
}

// append writes the entry.
func (e *entry) append(dst, scratch []byte) (entry, rest []byte) {
	dst = append(dst, byte(e.kind))
	switch e.kind {
	case entryDecided:
		dst = packed.AppendUint(dst, uint64(e.seq))
		dst = packed.AppendBool(dst, e.call.trail.Refused)
		return packed.AppendTexts(dst, e.call.trail.Has), scratch
	case entryLine:
		return packed.AppendText(dst, e.line), scratch
	case entryBegin:
		dst = packed.AppendUint(dst, entryVersion)
		dst = packed.AppendUint(dst, e.call.Number)
		dst = packed.AppendText(dst, e.call.shard.gk.boot)
		dst = packed.AppendInt(dst, int64(bootclock.Now()-time.Since(e.call.Setup)))
	}
	dst = packed.AppendBool(dst, e.event != nil)
	if e.event != nil {
		scratch = acctstack.AppendEvent(scratch[:0], e.event)
	} else {
		scratch = e.call.Record.AppendBinary(scratch[:0])
	}
	dst = packed.AppendText(dst, scratch)
	return packed.AppendText(dst, e.line), scratch
}

// Saved is a call of a former run, as its chain in the journal tells it.
type Saved struct {
	ID    cdr.UUID
	Call  cdr.Record // times are on the clock of this run
	Lines [][]byte   // the front's parts, in their order

	trail  acctstack.Trail
	events []*acctstack.Event // undecided
	seq    uint32
	boot   string
	setup  time.Duration // of CLOCK_BOOTTIME
}

// ReadCall reads a chain. boot is bootclock.ID.
func ReadCall(id cdr.UUID, records [][]byte, boot string) (*Saved, error) {
	s := &Saved{ID: id}
	for i, record := range records {
		if err := s.read(packed.NewReader(record), i == 0); err != nil {
			return nil, fmt.Errorf("call %s in the journal: record %d: %w", id, i+1, err)
		}
	}
	if s.Call.Setup.IsZero() { // a damaged beginning would do: each later entry has the whole record
		return nil, fmt.Errorf("call %s in the journal: no entry tells of the call", id)
	}
	s.resume(boot)
	return s, nil
}

func (s *Saved) read(r *packed.Reader, first bool) error {
	kind := entryKind(r.Byte())
	if kind == entryBegin && !first {
		return fmt.Errorf("a record of kind %d is out of place", kind)
	}
	switch kind {
	case entryBegin:
		if version := r.Uint(); version != entryVersion {
			return fmt.Errorf("%w: version %d", ErrNewer, version)
		}
		s.Call.Number = r.Uint()
		s.boot, s.setup = r.Text(), time.Duration(r.Int())
		return s.readState(r)
	case entryState:
		return s.readState(r)
	case entryDecided:
		s.decided(uint32(r.Uint()))
		s.trail = acctstack.Trail{Refused: r.Bool(), Has: r.Texts()}
	case entryLine:
		s.Lines = append(s.Lines, r.Bytes())
	default:
		return fmt.Errorf("a record of kind %d is not known", kind)
	}
	return r.Err()
}

func (s *Saved) readState(r *packed.Reader) error {
	isEvent, state := r.Bool(), r.Bytes()
	if line := r.Bytes(); len(line) > 0 {
		s.Lines = append(s.Lines, line)
	}
	if err := r.Err(); err != nil {
		return err
	}
	if !isEvent {
		record, _, err := cdr.DecodeRecord(state)
		if err == nil {
			s.Call = *record
		}
		return err
	}
	ev, err := acctstack.DecodeEvent(state)
	if err != nil {
		return err
	}
	if ev.Record == nil {
		return errors.New("an event without a call")
	}
	s.Call, s.seq = *ev.Record, max(s.seq, ev.Seq)
	if !s.has(ev.ID) {
		s.events = append(s.events, ev)
	}
	return nil
}

// has tells whether the event was read before: the journal may tell a record twice.
func (s *Saved) has(id cdr.UUID) bool {
	for _, ev := range s.events {
		if ev.ID == id {
			return true
		}
	}
	return false
}

func (s *Saved) decided(seq uint32) {
	for i, ev := range s.events {
		if ev.Seq == seq {
			s.events = append(s.events[:i:i], s.events[i+1:]...)
			return
		}
	}
}

// resume puts the call's times on the clock of this run: by the system's clock since the boot if it is still the same
// boot, else by wall time.
func (s *Saved) resume(boot string) {
	if s.boot != "" && s.boot == boot {
		s.Call.Resume(time.Now().Add(s.setup-bootclock.Now()), cdr.BootTime)
		return
	}
	s.Call.Resume(s.Call.Setup, cdr.WallClock)
}

// Answered tells whether the call was connected when it was saved.
func (s *Saved) Answered() bool { return !s.Call.Connected.IsZero() }

// Ended tells whether the call had ended when it was saved, and only records are left to do.
func (s *Saved) Ended() bool { return !s.Call.Disconnected.IsZero() }
