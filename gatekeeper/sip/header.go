package sip

import (
	"bytes"
	"net/netip"
)

// headerOf finds a header by its name or its compact form (RFC 3261 7.3.3), without case.
func headerOf(name []byte) headerID {
	switch len(name) {
	case 1:
		return compactHeader(name[0] | 0x20)
	case 2:
		return named(name, "to", hdrTo)
	case 3:
		return named(name, "via", hdrVia)
	case 4:
		switch name[0] | 0x20 {
		case 'f':
			return named(name, "from", hdrFrom)
		case 'r':
			return named(name, "rack", hdrRAck)
		}
		return named(name, "cseq", hdrCSeq)
	case 5:
		if name[0]|0x20 == 'e' {
			return named(name, "event", hdrEvent)
		}
		return named(name, "route", hdrRoute)
	case 6:
		switch name[0] | 0x20 {
		case 's':
			return named(name, "server", hdrServer)
		case 'm':
			return named(name, "min-se", hdrMinSE)
		}
		return named(name, "reason", hdrReason)
	case 7:
		switch name[1] | 0x20 {
		case 'a':
			return named(name, "call-id", hdrCallID)
		case 'e':
			return named(name, "require", hdrRequire)
		}
		return named(name, "contact", hdrContact)
	}
	return longHeader(name)
}

func longHeader(name []byte) headerID {
	switch len(name) {
	case 8:
		return named(name, "refer-to", hdrReferTo)
	case 9:
		return named(name, "supported", hdrSupported)
	case 10:
		return named(name, "user-agent", hdrUserAgent)
	case 11:
		if name[0]|0x20 == 'm' {
			return named(name, "max-breadth", hdrMaxBreadth)
		}
		return named(name, "retry-after", hdrRetryAfter)
	case 12:
		switch name[0] | 0x20 {
		case 'm':
			return named(name, "max-forwards", hdrMaxForwards)
		case 'r':
			return named(name, "record-route", hdrRecordRoute)
		}
		return named(name, "content-type", hdrContentType)
	case 13:
		if name[0]|0x20 == 'a' {
			return named(name, "authorization", hdrAuthorization)
		}
		return named(name, "proxy-require", hdrProxyRequire)
	case 14:
		return named(name, "content-length", hdrContentLength)
	case 15:
		return named(name, "session-expires", hdrSessionExpires)
	case 16:
		return named(name, "www-authenticate", hdrWWWAuthenticate)
	case 18:
		return named(name, "proxy-authenticate", hdrProxyAuthenticate)
	case 19:
		return named(name, "proxy-authorization", hdrProxyAuthorization)
	}
	return hdrOther
}

func compactHeader(letter byte) headerID {
	switch letter {
	case 'v':
		return hdrVia
	case 'f':
		return hdrFrom
	case 't':
		return hdrTo
	case 'i':
		return hdrCallID
	case 'm':
		return hdrContact
	case 'l':
		return hdrContentLength
	case 'c':
		return hdrContentType
	case 'k':
		return hdrSupported
	case 'x':
		return hdrSessionExpires
	case 'o':
		return hdrEvent
	case 'r':
		return hdrReferTo
	}
	return hdrOther
}

func named(name []byte, want string, id headerID) headerID {
	if equalFold(name, want) {
		return id
	}
	return hdrOther
}

// param is the value of a header parameter, empty if it is absent or has none. Parameters stand behind the
// closing bracket of an address, or behind the first semicolon; names match without case.
func param(value []byte, name string) []byte {
	for _, rest := cutOutside(value, ';'); len(rest) > 0; {
		var p []byte
		p, rest = cutOutside(rest, ';')
		key, val, _ := bytes.Cut(p, []byte("="))
		if equalFold(bytes.TrimSpace(key), name) {
			return bytes.TrimSpace(val)
		}
	}
	return nil
}

// addressIn is the address between angle brackets, without the blanks that should not stand there, or the value up to
// its parameters where it has none (RFC 3261 20.10).
func addressIn(value []byte) []byte {
	var o outside
	for i, c := range value {
		if o.isAt(c) && c == '<' {
			address, _, closed := bytes.Cut(value[i+1:], []byte(">"))
			if !closed {
				return nil
			}
			return bytes.TrimSpace(address)
		}
	}
	uri, _, _ := bytes.Cut(value, []byte(";"))
	return bytes.TrimSpace(uri)
}

// withoutHeaders is a SIP URI without the headers that it asks for: a Request-URI has none, and where one comes with
// them they are not heeded (RFC 3261 19.1.1). A question mark before the @ belongs to the user.
func withoutHeaders(uri []byte) []byte {
	if bytes.IndexByte(uri, '?') < 0 {
		return uri
	}
	scheme, _, _ := bytes.Cut(uri, []byte(":"))
	if !equalFold(scheme, "sip") && !equalFold(scheme, "sips") {
		return uri
	}
	at := max(bytes.IndexByte(uri, '@'), 0)
	if i := bytes.IndexByte(uri[at:], '?'); i >= 0 {
		return uri[:at+i]
	}
	return uri
}

// isURI tells whether the text can stand in a request line and between angle brackets.
func isURI(b []byte) bool {
	for _, c := range b {
		if c <= ' ' || c == 0x7f || c == '<' || c == '>' || c == '"' {
			return false
		}
	}
	return len(b) > 0
}

// contact is the remote target that the message names, empty if it names none that can be used.
func (m *message) contact() string {
	if uri := withoutHeaders(addressIn(m.find(hdrContact))); isURI(uri) {
		return string(uri)
	}
	return ""
}

// via is the first element of a Via header (RFC 3261 20.42).
type via struct {
	element []byte // all of it, up to the comma
	host    []byte
	port    uint16 // 0 if absent
	branch  []byte
	rport   bool // asks for RFC 3581 treatment
	// rportEnd is where the port belongs in element: behind an rport without a value; 0 if there is no such.
	rportEnd int
}

// magicCookie begins the branch of every RFC 3261 element.
const magicCookie = "z9hG4bK"

// parse reads "SIP/2.0/UDP host:port;branch=...", with the blanks that the grammar allows around its slashes and colon.
// One of another version is read too, for the answer 505, but is an error.
func (v *via) parse(value []byte) error {
	*v = via{}
	v.element, _ = cutOutside(value, ',')
	head, parameters, _ := bytes.Cut(v.element, []byte(";"))
	if bytes.IndexByte(head, '"') >= 0 || !isPlain(v.element) {
		return errVia // what we append would stand inside quotes or brackets
	}
	paramsAt := len(v.element) - len(parameters)
	var part [3][]byte
	for i := range 2 {
		var ok bool
		if part[i], head, ok = bytes.Cut(head, []byte("/")); !ok {
			return errVia
		}
		part[i] = bytes.TrimSpace(part[i])
	}
	if !equalFold(part[0], "sip") {
		return errVia
	}
	head = bytes.TrimSpace(head)
	blank := bytes.IndexAny(head, " \t")
	if blank < 0 {
		return errVia
	}
	var ok bool
	if v.host, v.port, ok = splitHostPort(bytes.TrimSpace(head[blank:])); !ok {
		return errVia
	}
	for len(parameters) > 0 {
		var p []byte
		p, parameters = cutOutside(parameters, ';')
		key, val, _ := bytes.Cut(p, []byte("="))
		switch key, val = bytes.TrimSpace(key), bytes.TrimSpace(val); {
		case equalFold(key, "branch"):
			v.branch = val
		case equalFold(key, "rport"):
			if v.rport = true; len(val) == 0 && bytes.IndexByte(p, '=') < 0 {
				v.rportEnd = paramsAt + len(bytes.TrimRight(p, " \t"))
			}
		}
		paramsAt += len(p) + 1
	}
	if string(part[1]) != "2.0" {
		return errVia
	}
	return nil
}

// areVias tells whether what stands behind the first element of a Via header are further ones.
func areVias(rest []byte) bool {
	for len(rest) > 0 {
		var below via
		if rest = rest[1:]; below.parse(rest) != nil {
			return false
		}
		rest = rest[len(below.element):]
	}
	return true
}

// splitHostPort reads host[:port]; an IPv6 address stands in brackets, which stay.
func splitHostPort(b []byte) (host []byte, port uint16, ok bool) {
	host = b
	if len(b) > 0 && b[0] == '[' {
		end := bytes.IndexByte(b, ']')
		if end < 0 {
			return nil, 0, false
		}
		host, b = b[:end+1], b[end+1:]
	} else if i := bytes.IndexByte(b, ':'); i >= 0 {
		host, b = b[:i], b[i:]
	} else {
		b = nil
	}
	host = bytes.TrimSpace(host)
	if b = bytes.TrimSpace(b); len(b) > 0 {
		n, valid := decimal(bytes.TrimSpace(b[1:]))
		if b[0] != ':' || !valid || n == 0 || n > 65535 {
			return nil, 0, false
		}
		port = uint16(n)
	}
	return host, port, len(host) > 0
}

// parseIP reads a literal address; an IPv6 one may stand in brackets.
func parseIP(host []byte) (netip.Addr, bool) {
	if n := len(host); n > 2 && host[0] == '[' && host[n-1] == ']' {
		host = host[1 : n-1]
	}
	if addr, ok := parseIPv4(host); ok {
		return addr, true
	}
	if len(host) == 0 || len(host) > 45 {
		return netip.Addr{}, false
	}
	addr, err := netip.ParseAddr(string(host))
	return addr.Unmap(), err == nil && addr.Zone() == ""
}
