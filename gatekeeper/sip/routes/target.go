package routes

import (
	"net/netip"
)

// Target is a gateway and what becomes of the dialled user on the way to it.
type Target struct {
	Addr    netip.AddrPort
	Host    string // host:port as it stands in the Request-URI
	Strip   int    // leading characters of the dialled user that are dropped
	Prepend string // is put before what is left
	Weight  int    // the share of a target in its weighted run
}

// Step are targets that are asked at once.
type Step []Target

// User is the dialled user as the gateway is to see it. dialled is the user part as it stands in the Request-URI, where an
// escape such as %23 is one character (RFC 3261 19.1.2); so is the result. Of a
// user that is shorter than Strip only Prepend is left.
func (t *Target) User(dialled string) string {
	for range t.Strip {
		switch {
		case dialled == "":
			return t.Prepend
		case isEscape(dialled):
			dialled = dialled[3:]
		default:
			dialled = dialled[1:]
		}
	}
	if t.Prepend == "" {
		return dialled
	}
	return t.Prepend + dialled
}

// isEscape tells whether text begins with "%" HEXDIG HEXDIG (RFC 3261 25.1).
func isEscape(text string) bool {
	return len(text) >= 3 && text[0] == '%' && isHex(text[1]) && isHex(text[2])
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f'
}
