// Package stacktest has what tests of the stack and of modules share: events, fake modules with scripted answers, and
// the conformance suite that every module passes.
package stacktest

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"tollgate/acctstack"
	"tollgate/cdr"
)

// begin is when the calls of the events begin.
var begin = time.Date(2026, time.March, 5, 14, 30, 15, 250e6, time.UTC)

// Event makes the event of that kind of call n, complete as the gatekeeper would make it. Two calls of Event give events
// with different ids. Events of the same n are of the same call, in the order of their kinds; each has a Trail of its own, which
// a test that needs a common one sets.
func Event(kind acctstack.Kind, n int) *acctstack.Event {
	ev := &acctstack.Event{Kind: kind}
	ev.ID = cdr.NewUUID(time.Now())
	ev.Time = begin
	ev.Name = "tollgate-test"
	ev.Address = netip.MustParseAddr("192.0.2.1")
	switch kind {
	case acctstack.On, acctstack.Off:
		ev.SessionID = fmt.Sprintf("5f5e1000%08x", n)
	case acctstack.Register, acctstack.Unregister:
		ev.Endpoint = endpoint(n)
	default:
		ev.Record = Record(kind, n)
		ev.Time = ev.Record.Now
	}
	if ev.Record != nil && kind != acctstack.Reject {
		ev.Call, ev.Seq, ev.Trail = cdr.UUID(ev.Record.CallID), seq(kind), &acctstack.Trail{}
	}
	return ev
}

// seq is the place of the kind in a call that has one event of each.
func seq(kind acctstack.Kind) uint32 {
	order := []acctstack.Kind{acctstack.Start, acctstack.Alert, acctstack.Connect, acctstack.Ack, acctstack.Update, acctstack.MediaFail,
		acctstack.Request, acctstack.Transaction, acctstack.Missed, acctstack.CDR, acctstack.Stop}
	return uint32(slices.Index(order, kind) + 1)
}

func endpoint(n int) *cdr.Endpoint {
	return &cdr.Endpoint{
		Address: netip.MustParseAddrPort("192.0.2.10:5062"),
		ID:      fmt.Sprintf("%d_endp", n),
		Vendor:  "phone 1.0",
		User:    "alice",
		Aliases: []cdr.Alias{{Value: "alice", Type: cdr.H323ID}},
	}
}

// Record is the record of call n as an event of that kind sees it: 3 s of ringing, and 65 s of talk at the stop.
func Record(kind acctstack.Kind, n int) *cdr.Record {
	id := fmt.Sprintf("call-%d@192.0.2.10", n)
	r := &cdr.Record{
		Number: uint64(n), SessionID: fmt.Sprintf("5f5e1001%08x", n),
		CallID: cdr.CallIDOf(id), ConfID: cdr.CallIDOf(id), SIPCallID: id,
		Setup: begin, Now: begin, Released: cdr.ReleasedByUnknown,
		User: "alice", CallingStation: "4930111", CalledStation: "4930555", Dialed: "030555",
		Src:  []cdr.Alias{{Value: "alice", Type: cdr.H323ID}},
		Dest: []cdr.Alias{{Value: "4930555", Type: cdr.DialedDigits}},
	}
	r.Caller = cdr.Party{Address: netip.MustParseAddrPort("192.0.2.10:5062"), Vendor: "phone 1.0"}
	r.Callee = cdr.Party{Address: netip.MustParseAddrPort("192.0.2.20:5060"), Vendor: "gateway 2.0"}
	r.Caller.Audio = cdr.Media{Codec: "PCMA", Bitrate: 64, Address: netip.MustParseAddrPort("192.0.2.10:40000")}
	if kind == acctstack.Start || kind == acctstack.Reject {
		return r
	}
	r.Alerting, r.Now = begin.Add(time.Second), begin.Add(time.Second)
	if kind == acctstack.Alert {
		return r
	}
	r.Connected, r.Now = begin.Add(4*time.Second), begin.Add(4*time.Second)
	r.Callee.Audio = cdr.Media{Codec: "PCMA", Bitrate: 64, Address: netip.MustParseAddrPort("192.0.2.20:41000")}
	if kind == acctstack.Stop {
		r.Disconnected = begin.Add(69 * time.Second)
		r.Now = r.Disconnected
		r.Cause, r.CauseTranslated, r.Released = 16, 16, cdr.ReleasedByCaller
		r.Attempts, r.LastCDR = 1, true
	}
	return r
}
