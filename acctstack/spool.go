package acctstack

import (
	"errors"
	"time"

	"tollgate/cdr"
)

// Spool is where events are kept for instances that could not take them: the journal's backlog. An event is kept once,
// however many instances it is kept for. Its methods are safe for concurrent use. Those without an error do not wait for
// the disk: what they change is on it in the order of the calls, and after a crash a change that was lost is made again.
type Spool interface {
	// Settle keeps ev for the instances named, before the verdict on it is told. With none named, behind the verdict, it drops what
	// was noted for it by those for whom it is not kept. Settling the same event twice, as a restart may do, keeps one copy for each
	// instance. An error for which IsNotDurable is true says that the copies are there, and only their durability is not certain;
	// after any other there are none.
	Settle(ev *Event, keep []string) error
	// Load reads a kept event back. An error that is not Permanent may pass.
	Load(id cdr.UUID) (*Event, error)
	// Done takes the instance's copy away, and its notes: the backend has the event, or the operator dropped it. Without a copy it
	// drops the notes only.
	Done(id cdr.UUID, instance string)
	// Quarantine sets the instance's copy aside: nobody tries it again until it is released. An event that is not kept for the
	// instance yet is kept and set aside.
	Quarantine(ev *Event, instance, reason string) error
	// Release makes a quarantined copy an ordinary one again.
	Release(id cdr.UUID, instance string)
	// Kept lists all copies, in the order in which the events were kept.
	Kept() []Kept
}

// NotDurable marks an error of Settle that came when the event had been taken: it is kept in this process, and will be on the
// disk once that works again, but a crash before may lose it.
func NotDurable(err error) error { return notDurableError{err} }

// IsNotDurable tells whether err, or an error that it wraps, was marked by NotDurable.
func IsNotDurable(err error) bool {
	var n notDurableError
	return errors.As(err, &n)
}

type notDurableError struct{ error }

func (e notDurableError) Unwrap() error { return e.error }

// Kept is one instance's copy of a kept event.
type Kept struct {
	ID       cdr.UUID
	Call     cdr.UUID // Event.Call; zero for events of no call
	Seq      uint32
	Kind     Kind
	Time     time.Time // of the event
	Instance string
	Reason   string // why it is in quarantine; "" if it is not
	Attempts int    // to deliver it late, in this run; filled in by Keeping.Kept, not by the spool
	Err      string // how the last of them ended; filled in by Keeping.Kept, too
}

// Ledger is told what a module answered, for the record. It must not wait.
type Ledger interface {
	Answered(ev *Event, instance string, result Result, err error)
}

// Notes are what a module writes down before an act that must not be repeated blindly. They survive a crash as [Journal]
// Sync says.
type Notes interface {
	// Note keeps text for the event until the stack knows how it ended at this instance. It returns once that is durable.
	Note(id cdr.UUID, text []byte) error
	// Noted is what was noted last for the event, by this run or a former one; nil if there is nothing. It reads memory only.
	Noted(id cdr.UUID) []byte
}

// Trail is what the events of one call share: whether its start was refused, and which instances have it all the same. The
// stack fills it in with the verdict on the start, before that is told, and reads it when a later event of the call ends its
// walk; the events of a call come one after the other.
type Trail struct {
	Refused bool
	Has     []string // instances that stored or keep the start; valid if Refused
}
