package sip

import (
	"errors"
	"net/netip"

	sipgo "github.com/emiago/sipgo/sip"
)

// allow lists what an element behind us may be asked, and what we answer OPTIONS with.
const allow = "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS\r\n"

// handleRequest is a step: one request from the network.
func (s *shard) handleRequest(m *message, from netip.AddrPort, l *listener) {
	if m.method == methodAck {
		s.handleAck(m, from, l)
		return
	}
	if tx := s.servers[s.serverKey(m, m.method)]; tx != nil {
		tx.again()
		return
	}
	switch {
	case m.method == methodCancel:
		s.handleCancel(m, from, l)
	case !s.acceptable(m, from, l):
	case len(m.toTag) > 0 || m.method == methodBye: // RFC 2543 peers may have no tag
		s.handleInDialog(m, from, l)
	case len(s.servers) >= maxTransactions:
		s.refuse(m, from, l, notAdmitted(errCrowded))
	case m.method == methodInvite:
		s.handleInvite(m, from, l)
	default:
		s.handleOutside(m, from, l)
	}
}

// maxTransactions bounds the server transactions of a shard, whatever floods it: each is about a KiB for 32 s. At 8,000 calls/s
// and eight shards a fourth of it is in use.
const maxTransactions = 1 << 18

var errCrowded = errors.New("too many transactions")

// acceptable checks what a proxy must check before it forwards (RFC 3261 16.3).
func (s *shard) acceptable(m *message, from netip.AddrPort, l *listener) bool {
	var uri sipgo.Uri
	var r reply
	switch required := m.find(hdrProxyRequire); {
	case sipgo.ParseUri(string(m.uri), &uri) != nil:
		r.status, r.reason = 400, "Malformed Request-URI"
	case uri.Scheme != "sip" && uri.Scheme != "sips" && uri.Scheme != "tel":
		r.status, r.reason = 416, "Unsupported URI Scheme"
	case uri.Host == "" && uri.Scheme != "tel":
		r.status, r.reason = 400, "Malformed Request-URI"
	case m.maxForwards == 0 && (m.method != methodOptions || len(m.toTag) > 0):
		r.status, r.reason = 483, "Too Many Hops"
	case required != nil:
		r.status, r.reason, r.extra = 420, "Bad Extension", "Unsupported: "+string(required)+"\r\n"
	default:
		return true
	}
	s.stateless(m, from, l, r)
	return false
}

// handleAck takes an ACK: of our own final answer, or of a 2xx, which goes end to end.
func (s *shard) handleAck(m *message, from netip.AddrPort, l *listener) {
	if tx := s.servers[s.serverKey(m, methodInvite)]; tx != nil && tx.state != serverAccepted {
		tx.acked()
		return
	}
	in, refused := s.onward(m, from, l)
	if refused != nil || m.maxForwards == 0 {
		return
	}
	s.out = appendForward(s.out[:0], m, &in.hop)
	s.send(in.hop.listener, in.to, s.out)
	if in.dialog != nil && in.session.answeredOnce {
		in.dialog.hear(in.dialog.party(in.from))
		if in.from == callerSide {
			in.dialog.acknowledged()
		}
	}
}

// handleCancel answers a CANCEL and cancels the INVITE that it names (RFC 3261 9.2, 16.10).
func (s *shard) handleCancel(m *message, from netip.AddrPort, l *listener) {
	invite := s.servers[s.serverKey(m, methodInvite)]
	if invite == nil {
		s.stateless(m, from, l, *noCall())
		return
	}
	if invite.toTag == "" {
		invite.toTag = s.newTag() // one for this answer and the 487
	}
	tx := s.newServer(m, from, l)
	tx.toTag = invite.toTag
	tx.answer(200, "OK", "")
	invite.cancelAll(m)
}
