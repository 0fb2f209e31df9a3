// Package cdr is the accounting record of a call and the texts made from it: %-placeholders, timestamp formats, the
// standard CDR line. It knows neither SIP nor any module; whoever fills a Record decides what its fields mean.
package cdr

import (
	"net/netip"
	"time"
)

// UUID identifies an event for ever: unique across restarts and hosts, the idempotency key in every backend.
// Its text form is RFC 9562's 8-4-4-4-12 in lower case.
type UUID [16]byte

// CallID is the 16-byte call identifier of GnuGk's formats. Of a SIP call it is the first 16 bytes of
// SHA-256(Call-ID).
type CallID [16]byte

// Stamp is what every event carries, whatever its kind: who it is, when it happened and which gatekeeper saw it.
type Stamp struct {
	ID        UUID
	Time      time.Time
	Name      string     // the gatekeeper's name, %g
	Address   netip.Addr // the gatekeeper's first home address, %{gkip}
	SessionID string     // Acct-Session-Id of on and off; a call's own is in its Record
}

// ReleaseSource says who ended a call, with GnuGk's numbers (%r).
type ReleaseSource int8

// The values of ReleaseSource.
const (
	ReleasedByUnknown    ReleaseSource = -1
	ReleasedByGatekeeper ReleaseSource = 0
	ReleasedByCaller     ReleaseSource = 1
	ReleasedByCallee     ReleaseSource = 2
)

// AliasType names the kind of an address in %{src-info} and %{dest-info}.
type AliasType string

// The alias types that a SIP call can bring.
const (
	DialedDigits AliasType = "dialedDigits"
	URLID        AliasType = "url_ID"
	H323ID       AliasType = "h323_ID"
)

// Alias is one name of a party.
type Alias struct {
	Value string
	Type  AliasType
}

// Media is one direction and kind of media as the party offered or answered it.
type Media struct {
	Codec   string         // rtpmap name, "" if unknown
	Secured bool           // an SRTP profile
	Bitrate int            // kbit/s, 0 if unknown
	Address netip.AddrPort // where the party receives, zero if unknown
}

// Party is one side of a call.
type Party struct {
	Address    netip.AddrPort // signalling address; zero if unknown
	EndpointID string         // of a registered endpoint, else ""
	Vendor     string         // User-Agent or Server, "" if unknown
	Audio      Media
	Video      Media
}

// Clock says which clock the durations of a record come from.
type Clock uint8

// The clocks, the best first.
const (
	Monotonic Clock = iota // this run's monotonic clock
	BootTime               // the gatekeeper was restarted meanwhile: the system's CLOCK_BOOTTIME
	WallClock              // the system was, too: wall time, with its steps
)

// String is the clock's name in %{duration-clock}.
func (c Clock) String() string {
	switch c {
	case Monotonic:
		return "monotonic"
	case BootTime:
		return "boottime"
	case WallClock:
		return "wallclock"
	}
	return "unknown"
}

// Record is a call as one event saw it. It is complete in itself and never changes once its event is born.
//
// A zero time means "has not happened". Times keep Go's monotonic reading, and the durations below are computed from
// it, so that a step of the wall clock changes no bill. A record that was encoded and decoded has the durations that it had.
type Record struct {
	Number    uint64 // %n, from 1 in each run of the gatekeeper
	SessionID string // %s, Acct-Session-Id, 16 hex digits
	CallID    CallID
	ConfID    CallID
	SIPCallID string // the Call-ID's text

	Setup        time.Time // the INVITE arrived
	Alerting     time.Time // the first 180-183 was relayed
	Connected    time.Time // the first 2xx was relayed
	Disconnected time.Time // the call ended
	Now          time.Time // when this record was made; stands for Disconnected while the call runs

	Cause           int // Q.850 cause, 0 if none
	CauseTranslated int // after translation; equal to Cause without one
	Released        ReleaseSource

	Caller, Callee Party

	User           string  // %u
	CallingStation string  // %{Calling-Station-Id}
	CalledStation  string  // %{Called-Station-Id}: the number the call was routed to
	Dialed         string  // %{Dialed-Number}: as the caller dialled it
	Src, Dest      []Alias // %{src-info}, %{dest-info}

	EndEstimated bool // nobody saw the end: Disconnected is when the call was last known to be up
	Clock        Clock

	SIPStatus int   // the final status that the caller was given, 0: none
	Legs      []Leg // the targets that the call was offered to, in that order; AddLeg and EndLeg change it
	Attempts  int   // %{call-attempts}
	LastCDR   bool  // %{last-cdr}
	Bandwidth int   // units of 100 bit/s

	measured *measured // of a decoded record, where wall times alone do not give the durations
}

// Duration is the connected time in whole seconds: 0 if never connected, at least 1 once a connected call has ended
// (%d, Acct-Session-Time).
func (r *Record) Duration() int64 {
	if !r.happened(atConnected) {
		return 0
	}
	d := int64(r.between(atConnected, r.end()) / time.Second)
	if d < 1 && r.happened(atDisconnected) {
		return 1
	}
	return max(d, 0)
}

// TotalDuration is setup to end in whole seconds: 0 while the call runs, else at least 1 (%t).
func (r *Record) TotalDuration() int64 {
	if !r.happened(atDisconnected) || !r.happened(atSetup) {
		return 0
	}
	return max(int64(r.between(atSetup, atDisconnected)/time.Second), 1)
}

// PostDialDelay is setup to the first sign of the called side, or to the end, in whole seconds (%p).
func (r *Record) PostDialDelay() int64 {
	return r.untilFirst(atSetup, atAlerting, atConnected, atDisconnected)
}

// RingTime is alerting to connect, or alerting to the end, in whole seconds; 0 without alerting (%{ring-time}).
func (r *Record) RingTime() int64 {
	return r.untilFirst(atAlerting, atConnected, atDisconnected)
}

// untilFirst is the time from one milestone to the first of the others that has happened, in whole seconds.
func (r *Record) untilFirst(from milestone, to ...milestone) int64 {
	for _, m := range to {
		if r.happened(m) && r.happened(from) {
			return max(int64(r.between(from, m)/time.Second), 0)
		}
	}
	return 0
}

// end is the milestone that the call has come to.
func (r *Record) end() milestone {
	if r.happened(atDisconnected) {
		return atDisconnected
	}
	return atNow
}
