package blocklist

import (
	"net/netip"
	"strconv"
)

// Reason is why a request was refused.
type Reason uint8

// The reasons. Filters of log watchers know these words.
const (
	Untrusted Reason = iota // from no peer that may call
	Unrouted                // to a destination that there is not
	Limit                   // past one of [Limits], or too many calls wait
	Loop                    // it has been here before (RFC 3261 16.3)
	Malformed               // not SIP, or without what every request has
	Blocked                 // this refusal began a block: the source is not answered any more
	Hops                    // Max-Forwards is 0 (RFC 3261 16.3)
)

// String is the word in the log.
func (r Reason) String() string {
	switch r {
	case Untrusted:
		return "untrusted"
	case Unrouted:
		return "unrouted"
	case Limit:
		return "limit"
	case Loop:
		return "loop"
	case Malformed:
		return "malformed"
	case Blocked:
		return "blocked"
	case Hops:
		return "hops"
	}
	return "unknown"
}

// Line appends the message of the log about one refusal:
//
//	refused source=192.0.2.1 port=5060 reason=untrusted method=INVITE
//
// Nothing in it is the peer's choice but the address and port, which its datagram came from, and the method, which is one of
// those that are known or else OTHER. What the peer has written goes behind it, into quoted fields of the log: a program
// that reads the line from its beginning cannot be made to see another source. etc/fail2ban reads this form.
func Line(dst []byte, source netip.AddrPort, reason Reason, method string) []byte {
	dst = append(dst, "refused source="...)
	if addr := source.Addr().Unmap().WithZone(""); addr.IsValid() {
		dst = addr.AppendTo(dst)
	} else {
		dst = append(dst, '-')
	}
	dst = append(dst, " port="...)
	dst = strconv.AppendUint(dst, uint64(source.Port()), 10)
	dst = append(dst, " reason="...)
	dst = append(dst, reason.String()...)
	dst = append(dst, " method="...)
	return append(dst, known(method)...)
}

// known is the method if it is one of the IANA registry of SIP methods, else OTHER. Methods are compared with their case
// (RFC 3261 7.1).
func known(method string) string {
	switch method {
	case "ACK", "BYE", "CANCEL", "INFO", "INVITE", "MESSAGE", "NOTIFY", "OPTIONS", "PRACK", "PUBLISH", "REFER", "REGISTER", "SUBSCRIBE", "UPDATE":
		return method
	}
	return "OTHER"
}
