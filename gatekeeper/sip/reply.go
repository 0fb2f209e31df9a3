package sip

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"hash/maphash"
	"net/netip"
	"strconv"

	"tollgate/gatekeeper/sip/blocklist"
)

// reply is an answer of our own.
type reply struct {
	status int
	reason string
	toTag  string // added if the request's To has none
	extra  string // complete header lines
	server string
	why    blocklist.Reason // of a refusal, for the log
}

// appendReply writes an answer to m (RFC 3261 8.2.6).
func appendReply(dst []byte, m *message, from netip.AddrPort, r reply) []byte {
	dst = append(dst, "SIP/2.0 "...)
	dst = strconv.AppendInt(dst, int64(r.status), 10)
	dst = append(dst, ' ')
	dst = append(dst, r.reason...)
	dst = append(dst, "\r\n"...)
	vias := 0
	for i := range m.headers {
		h := &m.headers[i]
		switch h.id {
		case hdrVia:
			if vias++; vias == 1 {
				dst = appendReceivedVia(dst, m, from)
			} else {
				dst = append(dst, m.line(h)...)
			}
		case hdrTo:
			dst = append(dst, m.line(h)...)
			if r.toTag != "" && len(m.toTag) == 0 {
				dst = append(dst, ";tag="...)
				dst = append(dst, r.toTag...)
			}
		case hdrFrom, hdrCallID, hdrCSeq:
			dst = append(dst, m.line(h)...)
		default:
			continue
		}
		dst = append(dst, "\r\n"...)
	}
	dst = append(dst, r.extra...)
	if r.server != "" {
		dst = append(dst, "Server: "...)
		dst = append(dst, r.server...)
		dst = append(dst, "\r\n"...)
	}
	return append(dst, "Content-Length: 0\r\n\r\n"...)
}

// stateless answers a request without making a transaction (RFC 3261 8.2.7, 16.11): its retransmissions are answered
// again, with the same tag. Nothing is kept and nothing is sent twice for one datagram, so that a flood from anywhere costs
// no memory and is not made larger.
func (s *shard) stateless(m *message, from netip.AddrPort, l *listener, r reply) {
	var h maphash.Hash
	h.SetSeed(s.front.seed)
	_, _ = h.WriteString("tag")
	maphash.WriteComparable(&h, s.serverKey(m, m.method))
	var tag [8]byte
	binary.BigEndian.PutUint64(tag[:], h.Sum64())
	r.toTag, r.server = hex.EncodeToString(tag[:]), s.front.product
	s.out = appendReply(s.out[:0], m, from, r)
	s.send(l, replyTo(m, from), s.out)
}

// appendAck writes the ACK of a final answer other than 2xx (RFC 3261 17.1.1.3): the INVITE's Request-URI, Via, Route,
// From, Call-ID and CSeq number, and the answer's To.
func (s *shard) appendAck(dst []byte, tx *clientTx, answer *message) []byte {
	return append(s.appendOfInvite(dst, tx.request, "ACK", answer.to), endOfRequest...)
}

// appendCancel writes the CANCEL of an INVITE that was sent (RFC 3261 9.1). why are Reason header lines, or nothing.
func (s *shard) appendCancel(dst, invite, why []byte) []byte {
	dst = s.appendOfInvite(dst, invite, "CANCEL", nil)
	return append(append(dst, why...), endOfRequest...)
}

// endOfRequest ends a request of ours that has no body.
const endOfRequest = "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"

// appendOfInvite writes what a request has that shares the sent INVITE's transaction, up to endOfRequest.
func (s *shard) appendOfInvite(dst, invite []byte, name string, to []byte) []byte {
	m := s.stored(invite)
	defer s.release(m)
	if to == nil {
		to = m.to
	}
	dst = append(dst, name...)
	dst = append(dst, ' ')
	dst = append(dst, m.uri...)
	dst = append(dst, " SIP/2.0\r\n"...)
	vias := 0
	for i := range m.headers {
		h := &m.headers[i]
		switch {
		case h.id == hdrVia && vias == 0:
			vias++
			dst = append(dst, m.line(h)...)
		case h.id == hdrFrom, h.id == hdrCallID, h.id == hdrRoute:
			dst = append(dst, m.line(h)...)
		case h.id == hdrTo:
			dst = append(dst, "To: "...)
			dst = append(dst, to...)
		case h.id == hdrCSeq:
			dst = append(dst, "CSeq: "...)
			dst = strconv.AppendUint(dst, uint64(m.cseq), 10)
			dst = append(dst, ' ')
			dst = append(dst, name...)
		default:
			continue
		}
		dst = append(dst, "\r\n"...)
	}
	return dst
}

// inDialog is a request of our own inside a dialog.
type inDialog struct {
	method   string
	uri      string
	routes   [][]byte
	from, to string // header values
	callID   string
	cseq     uint32
	reason   string // a Reason header line, or nothing
}

// appendInDialog writes it (RFC 3261 12.2.1.1).
func (s *shard) appendInDialog(dst []byte, l *listener, branch uint64, r *inDialog) []byte {
	dst = append(append(append(dst, r.method...), ' '), r.uri...)
	dst = append(dst, " SIP/2.0\r\n"...)
	dst = appendVia(dst, l, branch, 0)
	for _, route := range r.routes {
		dst = append(append(append(dst, "Route: "...), route...), "\r\n"...)
	}
	dst = append(append(append(dst, "From: "...), r.from...), "\r\n"...)
	dst = append(append(append(dst, "To: "...), r.to...), "\r\n"...)
	dst = append(append(append(dst, "Call-ID: "...), r.callID...), "\r\n"...)
	dst = append(dst, "CSeq: "...)
	dst = strconv.AppendUint(dst, uint64(r.cseq), 10)
	dst = append(append(append(dst, ' '), r.method...), "\r\n"...)
	dst = append(dst, r.reason...)
	dst = append(append(append(dst, "User-Agent: "...), s.front.product...), "\r\n"...)
	return append(dst, endOfRequest...)
}

func trim(b []byte) []byte { return bytes.TrimSpace(b) }
