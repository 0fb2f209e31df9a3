// Package acctstack is the accounting domain: events, the controls under which modules see them, the pure decision over
// their results, and the running stack that the gatekeeper drives. It imports no module.
package acctstack

import "tollgate/cdr"

// Kind is what happened. The first eleven are GnuGk's, the rest Kamailio's acc module's.
type Kind uint8

// The event kinds.
const (
	Start Kind = iota
	Alert
	Connect
	Update
	Stop
	On
	Off
	Register
	Unregister
	Reject
	MediaFail
	Transaction
	Missed
	Ack
	Request
	CDR
	kindCount
)

// Kinds is a set of event kinds.
type Kinds uint32

// KindsOf is the set of the given kinds.
func KindsOf(kinds ...Kind) Kinds {
	var set Kinds
	for _, k := range kinds {
		set |= 1 << k
	}
	return set
}

// Has tells whether k is in the set.
func (s Kinds) Has(k Kind) bool { return s&(1<<k) != 0 }

// Event is one accounting fact, complete in itself: it can be stored late and still be right. It never changes once
// born and may be read by several goroutines at once.
type Event struct {
	cdr.Stamp
	Kind     Kind
	Call     cdr.UUID      // the call's id; zero for events of no call
	Seq      uint32        // orders the events of one call, from 1
	Trail    *Trail        // shared by the events of the call; nil for events of no call
	Record   *cdr.Record   // nil for events of no call
	Endpoint *cdr.Endpoint // of Register and Unregister, else nil
}

// Source is the event as templates see it.
func (e *Event) Source() cdr.Source {
	return cdr.Source{Stamp: &e.Stamp, Call: e.Record, Endpoint: e.Endpoint}
}
