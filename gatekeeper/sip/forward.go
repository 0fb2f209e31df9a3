package sip

import (
	"bytes"
	"errors"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	sipgo "github.com/emiago/sipgo/sip"
)

var errRoute = errors.New("malformed Route")

// hop is what changes when a request goes on.
type hop struct {
	uri         []byte // the Request-URI to send
	branch      uint64
	loop        uint32 // the mark against loops; 0: none
	listener    *listener
	from        netip.AddrPort // who sent it to us
	recordRoute *listener      // nil: do not record-route; else the side that the request came in on
	routes      [][]byte       // the Route set that is left
	edits
}

// edits are what else changes in the headers of a message that goes on.
type edits struct {
	cseq uint32    // the number to write; 0: as it came
	drop headerSet // headers that are left out
	add  []byte    // complete lines
}

// headerSet is a set of header ids.
type headerSet uint32

func setOf(ids ...headerID) headerSet {
	var set headerSet
	for _, id := range ids {
		set |= 1 << id
	}
	return set
}

func (s headerSet) has(id headerID) bool { return s>>id&1 == 1 }

// appendCSeq writes the message's CSeq with another number.
func appendCSeq(dst []byte, m *message, number uint32) []byte {
	dst = append(dst, "CSeq: "...)
	dst = strconv.AppendUint(dst, uint64(number), 10)
	dst = append(dst, ' ')
	return append(dst, m.cseqMethod...)
}

// appendForward writes the request as it goes on (RFC 3261 16.6): our Via on top, the sender's Via marked with where it
// came from, Max-Forwards one less, our Record-Route above the others, our own Routes gone.
func appendForward(dst []byte, m *message, h *hop) []byte {
	dst = append(dst, m.methodName...)
	dst = append(dst, ' ')
	dst = append(dst, h.uri...)
	dst = append(dst, " SIP/2.0\r\n"...)
	dst = appendVia(dst, h.listener, h.branch, h.loop)
	if h.recordRoute != nil {
		dst = appendRecordRoute(dst, h.listener)
		if h.recordRoute != h.listener {
			dst = appendRecordRoute(dst, h.recordRoute) // one for each side (RFC 5658)
		}
	}
	if m.maxForwards < 0 {
		dst = append(dst, "Max-Forwards: 70\r\n"...)
	}
	for _, r := range h.routes {
		dst = append(dst, "Route: "...)
		dst = append(dst, r...)
		dst = append(dst, "\r\n"...)
	}
	vias := 0
	for i := range m.headers {
		hd := &m.headers[i]
		if h.drop.has(hd.id) {
			continue
		}
		switch hd.id {
		case hdrRoute:
			continue
		case hdrCSeq:
			if h.cseq > 0 {
				dst = appendCSeq(dst, m, h.cseq)
			} else {
				dst = append(dst, m.line(hd)...)
			}
		case hdrMaxForwards:
			dst = append(dst, "Max-Forwards: "...)
			dst = strconv.AppendInt(dst, int64(m.maxForwards-1), 10)
		case hdrVia:
			if vias++; vias == 1 {
				dst = appendReceivedVia(dst, m, h.from)
			} else {
				dst = append(dst, m.line(hd)...)
			}
		case hdrContentLength:
			dst = append(dst, "Content-Length: "...)
			dst = strconv.AppendInt(dst, int64(len(m.body)), 10)
		default:
			dst = append(dst, m.line(hd)...)
		}
		dst = append(dst, "\r\n"...)
	}
	dst = append(append(dst, h.add...), "\r\n"...)
	return append(dst, m.body...)
}

func appendVia(dst []byte, l *listener, branch uint64, loop uint32) []byte {
	dst = append(dst, "Via: SIP/2.0/UDP "...)
	dst = append(dst, l.hostPort...)
	dst = append(dst, ";branch="...)
	dst = appendBranch(dst, branch, loop)
	return append(dst, "\r\n"...)
}

func appendRecordRoute(dst []byte, l *listener) []byte {
	dst = append(append(dst, "Record-Route: <sip:"...), l.hostPort...)
	return append(dst, ";lr>\r\n"...)
}

// appendReceivedVia writes the topmost Via with received, where the source is not what it says, and rport, where it is
// asked for (RFC 3261 18.2.1, RFC 3581 4).
func appendReceivedVia(dst []byte, m *message, from netip.AddrPort) []byte {
	value := m.find(hdrVia)
	element := m.via.element
	dst = append(dst, "Via: "...)
	if at := m.via.rportEnd; at > 0 {
		dst = append(dst, element[:at]...)
		dst = append(dst, '=')
		dst = strconv.AppendUint(dst, uint64(from.Port()), 10)
		dst = append(dst, element[at:]...)
	} else {
		dst = append(dst, element...)
	}
	if host, ok := parseIP(m.via.host); m.via.rport || !ok || host != from.Addr() {
		dst = append(dst, ";received="...)
		dst = from.Addr().AppendTo(dst)
	}
	return append(dst, value[len(element):]...)
}

// appendUpstream writes an answer as it goes up: without our Via (RFC 3261 16.7 step 3).
func appendUpstream(dst []byte, m *message, e *edits) []byte {
	dst = append(dst, "SIP/2.0 "...)
	dst = strconv.AppendInt(dst, int64(m.status), 10)
	dst = append(dst, ' ')
	dst = append(dst, m.reason...)
	dst = append(dst, "\r\n"...)
	first := true
	for i := range m.headers {
		h := &m.headers[i]
		switch {
		case e.drop.has(h.id):
			continue
		case h.id == hdrCSeq && e.cseq > 0:
			dst = appendCSeq(dst, m, e.cseq)
		case h.id == hdrVia && first:
			first = false
			rest := m.value(h)[len(m.via.element):]
			if len(rest) == 0 {
				continue
			}
			dst = append(dst, "Via:"...)
			dst = append(dst, rest[1:]...)
		case h.id == hdrContentLength:
			dst = append(dst, "Content-Length: "...)
			dst = strconv.AppendInt(dst, int64(len(m.body)), 10)
		default:
			dst = append(dst, m.line(h)...)
		}
		dst = append(dst, "\r\n"...)
	}
	dst = append(append(dst, e.add...), "\r\n"...)
	return append(dst, m.body...)
}

// restated is the answer with another status line.
func restated(datagram []byte, line string) []byte {
	_, next := cutLine(datagram, 0)
	return append([]byte(line+"\r\n"), datagram[next:]...)
}

// routeSet lists the elements of all Route or Record-Route headers.
func (m *message) routeSet(id headerID) [][]byte {
	var routes [][]byte
	for i := range m.headers {
		if m.headers[i].id != id {
			continue
		}
		for rest := m.value(&m.headers[i]); len(rest) > 0; {
			var r []byte
			r, rest = cutOutside(rest, ',')
			routes = append(routes, trim(r))
		}
	}
	return routes
}

// isOurs tells whether a route, or a Request-URI, names one of our listeners.
func (f *Front) isOurs(uri *sipgo.Uri) bool {
	if uri.Port < 0 || uri.Port > 65535 {
		return false
	}
	for _, l := range f.listeners {
		if l.is([]byte(uri.Host), uint16(uri.Port)) {
			return true
		}
	}
	return false
}

// isOwnRoute tells whether the URI is one that we have written ourselves in a Record-Route. Another spelling may be ours too.
func (f *Front) isOwnRoute(uri []byte) bool {
	host, isSIP := bytes.CutPrefix(uri, []byte("sip:"))
	host, isLoose := bytes.CutSuffix(host, []byte(";lr"))
	return isSIP && isLoose && slices.ContainsFunc(f.listeners, func(l *listener) bool { return string(host) == l.hostPort })
}

// preprocess takes our own routes off a request inside a dialog (RFC 3261 16.4). A strict router before us has put the
// remote target at the end of the Route set and our own URI in its place.
func (f *Front) preprocess(m *message) (uri []byte, routes [][]byte, err error) {
	uri, routes = m.uri, m.routeSet(hdrRoute)
	var parsed sipgo.Uri
	if n := len(routes); n > 0 {
		if err := sipgo.ParseUri(string(uri), &parsed); err == nil && parsed.User == "" && f.isOurs(&parsed) && isLoose(&parsed) {
			if uri, routes = addressIn(routes[n-1]), routes[:n-1]; !isURI(uri) {
				return nil, nil, errRoute
			}
		}
	}
	for len(routes) > 0 {
		parsed = sipgo.Uri{}
		first := addressIn(routes[0])
		if f.isOwnRoute(first) {
			routes = routes[1:]
			continue
		}
		if !isURI(first) || sipgo.ParseUri(string(first), &parsed) != nil {
			return nil, nil, errRoute
		}
		if !f.isOurs(&parsed) {
			break
		}
		routes = routes[1:]
	}
	return uri, routes, nil
}

// isLoose tells whether the URI is a loose router's (RFC 3261 16.12).
func isLoose(uri *sipgo.Uri) bool {
	return slices.ContainsFunc(uri.UriParams, func(p sipgo.HeaderKV) bool { return strings.EqualFold(p.K, "lr") })
}

// nextHop is where a request with that Request-URI and Route set goes, and how both are to be written when the next
// hop is a strict router (RFC 3261 16.6 steps 6 and 7). known is used where the host is a name, or ourselves, which would
// be a loop: the address that the call's signalling has used so far.
func (f *Front) nextHop(uri []byte, routes [][]byte, known netip.AddrPort) (netip.AddrPort, []byte, [][]byte) {
	at := uri
	if len(routes) > 0 {
		at = addressIn(routes[0])
	}
	var parsed sipgo.Uri
	if err := sipgo.ParseUri(string(at), &parsed); err != nil {
		return known, uri, routes
	}
	if len(routes) > 0 && !isLoose(&parsed) {
		last := append(append([]byte{'<'}, uri...), '>')
		uri, routes = at, append(routes[1:len(routes):len(routes)], last)
	}
	addr, ok := parseIP([]byte(parsed.Host))
	if !ok || parsed.Port < 0 || parsed.Port > 65535 || f.isOurs(&parsed) {
		return known, uri, routes
	}
	port := uint16(parsed.Port)
	if port == 0 {
		port = defaultPort
	}
	return netip.AddrPortFrom(addr, port), uri, routes
}

// listenerFor is the listener to send from: the one that the request came in on, or one of the target's family.
func (f *Front) listenerFor(in *listener, to netip.AddrPort) *listener {
	if in.addr.Addr().Is4() == to.Addr().Is4() {
		return in
	}
	for _, l := range f.listeners {
		if l.addr.Addr().Is4() == to.Addr().Is4() {
			return l
		}
	}
	return in
}
