package main

import (
	"fmt"
	"strings"
	"time"

	"tollgate/acctstack"
	"tollgate/cdr"
)

// spoolOperator is what an operator may do with the events that are kept. It is safe for concurrent use.
type spoolOperator interface {
	// Kept lists all copies; those of one event come one after the other.
	Kept() []acctstack.Kept
	Load(id cdr.UUID) (*acctstack.Event, error)
	// Retry releases a copy from quarantine and has it tried as soon as possible.
	Retry(id cdr.UUID, instance string) error
	// Drop takes a copy away for good, and logs that.
	Drop(id cdr.UUID, instance string) error
}

// spoolLedger knows what modules answered.
type spoolLedger interface {
	// Answers are those to one event, in their order; none if the ledger has forgotten it.
	Answers(id cdr.UUID) ([]spoolAnswer, error)
}

// spoolAnswer is what a module said to an event.
type spoolAnswer struct {
	Time     time.Time `json:"time"`
	Instance string    `json:"instance"`
	Result   string    `json:"result"` // ok, fail, next
	Error    string    `json:"error,omitempty"`
}

// spoolQuery chooses kept events. The zero query chooses all.
type spoolQuery struct {
	Match      string // an event id, or an Acct-Session-Id
	Instance   string // without case
	Quarantine bool   // copies in quarantine only
	Events     bool   // with the events themselves
}

// spoolEntry is a kept event.
type spoolEntry struct {
	ID      string      `json:"id"`
	Call    string      `json:"call,omitempty"` // of the event's call
	Seq     uint32      `json:"seq,omitempty"`  // in the call
	Kind    string      `json:"kind"`
	Time    time.Time   `json:"time"`
	Session string      `json:"session,omitempty"` // Acct-Session-Id
	Copies  []spoolCopy `json:"copies"`
	Event   []byte      `json:"event,omitempty"` // as acctstack.AppendEvent writes it
	Damage  string      `json:"damage,omitempty"`
}

// spoolCopy is whom an event is kept for.
type spoolCopy struct {
	Instance string `json:"instance"`
	Reason   string `json:"reason,omitempty"`   // of the quarantine
	Attempts int    `json:"attempts,omitempty"` // to deliver it late, in this run of the gatekeeper
	Error    string `json:"error,omitempty"`    // how the last of them ended
}

// state is waiting or quarantined.
func (c *spoolCopy) state() string {
	if c.Reason != "" {
		return "quarantined"
	}
	return "waiting"
}

// spoolRef names one copy.
type spoolRef struct {
	ID       string `json:"id"`
	Instance string `json:"instance"`
}

// spoolOutcome is what came of acting on copies.
type spoolOutcome struct {
	Done   int      `json:"done"`
	Failed int      `json:"failed"`
	Errors []string `json:"errors,omitempty"` // the first ones
}

const spoolErrors = 10

func (o *spoolOutcome) add(err error) {
	if err == nil {
		o.Done++
		return
	}
	o.Failed++
	if len(o.Errors) < spoolErrors {
		o.Errors = append(o.Errors, err.Error())
	}
}

// spoolVerb is an act on copies.
type spoolVerb string

const (
	spoolRetry spoolVerb = "retry"
	spoolDrop  spoolVerb = "drop"
)

// localSpool answers questions about the spool of this process.
type localSpool struct {
	operator spoolOperator
	ledger   spoolLedger // nil: there is none
}

// each gives the chosen events to f one by one, in the order in which they were kept, until f fails. Only one event is in memory at a
// time, beside the list of copies.
func (s *localSpool) each(q spoolQuery, f func(*spoolEntry) error) error {
	for all := s.operator.Kept(); len(all) > 0; {
		n := 1
		for n < len(all) && all[n].ID == all[0].ID {
			n++
		}
		if entry := s.entry(q, all[:n]); entry != nil {
			if err := f(entry); err != nil {
				return err
			}
		}
		all = all[n:]
	}
	return nil
}

// entry is the event of the copies; nil if it is not chosen.
func (s *localSpool) entry(q spoolQuery, copies []acctstack.Kept) *spoolEntry {
	first := &copies[0]
	e := &spoolEntry{ID: first.ID.String(), Seq: first.Seq, Kind: first.Kind.String(), Time: first.Time}
	if first.Call != (cdr.UUID{}) {
		e.Call = first.Call.String()
	}
	for i := range copies {
		if c := &copies[i]; (!q.Quarantine || c.Reason != "") && (q.Instance == "" || strings.EqualFold(q.Instance, c.Instance)) {
			e.Copies = append(e.Copies, spoolCopy{Instance: c.Instance, Reason: c.Reason, Attempts: c.Attempts, Error: c.Err})
		}
	}
	id, err := cdr.ParseUUID(q.Match)
	byID := err == nil
	if len(e.Copies) == 0 || byID && id != first.ID {
		return nil
	}
	s.read(e, q, first.ID)
	if !byID && q.Match != "" && q.Match != e.Session {
		return nil
	}
	return e
}

// read adds what only the event itself tells.
func (s *localSpool) read(e *spoolEntry, q spoolQuery, id cdr.UUID) {
	ev, err := s.operator.Load(id)
	if err != nil {
		e.Damage = err.Error()
		return
	}
	e.Session = ev.SessionID
	if ev.Record != nil {
		e.Session = ev.Record.SessionID
	}
	if q.Events {
		e.Event = acctstack.AppendEvent(nil, ev)
	}
}

// answers are those of the ledger.
func (s *localSpool) answers(id cdr.UUID) ([]spoolAnswer, error) {
	if s.ledger == nil {
		return nil, nil
	}
	return s.ledger.Answers(id)
}

// act does the same to every copy named. An error of one keeps it from no other.
func (s *localSpool) act(verb spoolVerb, refs []spoolRef) (spoolOutcome, error) {
	var outcome spoolOutcome
	for _, ref := range refs {
		id, err := cdr.ParseUUID(ref.ID)
		if err == nil {
			err = s.one(verb, id, ref.Instance)
		}
		outcome.add(err)
	}
	return outcome, nil
}

func (s *localSpool) one(verb spoolVerb, id cdr.UUID, instance string) error {
	switch verb {
	case spoolRetry:
		return s.operator.Retry(id, instance)
	case spoolDrop:
		return s.operator.Drop(id, instance)
	}
	return fmt.Errorf("unknown act %q", string(verb))
}
