package sip

import (
	"net/netip"

	sipgo "github.com/emiago/sipgo/sip"
	"go.uber.org/zap"

	"tollgate/crashpoint"
	"tollgate/gatekeeper"
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
	case m.method == methodInvite:
		s.handleInvite(m, from, l)
	case m.method == methodOptions:
		s.stateless(m, from, l, reply{status: 200, reason: "OK", extra: allow + "Accept: application/sdp\r\n"})
	default:
		s.stateless(m, from, l, reply{status: 405, reason: "Method Not Allowed", extra: allow})
	}
}

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
	if in.from == callerSide && in.session.answeredOnce {
		in.session.acknowledged()
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
	invite.cancelAll()
}

func noCall() *reply { return &reply{status: 481, reason: "Call/Transaction Does Not Exist"} }

// passage is a request of a call that is up, on its way from one side to the other.
type passage struct {
	session *session
	from    side
	to      netip.AddrPort
	hop     hop
}

// onward finds the call of a request inside a dialog and where the request goes, along its Route set; or how it is to be
// refused.
func (s *shard) onward(m *message, from netip.AddrPort, l *listener) (in passage, refused *reply) {
	in.session, in.from = s.dialogOf(m, from)
	if in.session == nil {
		return in, noCall()
	}
	uri, routes, err := s.front.preprocess(m)
	if err != nil {
		return in, &reply{status: 400, reason: "Malformed Route"}
	}
	peer := in.session.peer(in.from)
	in.hop = hop{branch: s.newBranch(), from: from}
	in.to, in.hop.uri, in.hop.routes = s.front.nextHop(uri, routes, peer.addr)
	if !peer.reaches(in.to) {
		return in, &reply{status: 403, reason: "Not a Party of the Call"}
	}
	in.hop.listener = s.front.listenerFor(l, in.to)
	return in, nil
}

// handleInDialog forwards a request of a call that is up.
func (s *shard) handleInDialog(m *message, from netip.AddrPort, l *listener) {
	in, refused := s.onward(m, from, l)
	if refused == nil && m.method == methodInvite && in.session.call.Ended() {
		refused = noCall()
	}
	if refused != nil {
		s.stateless(m, from, l, *refused)
		return
	}
	sess, side := in.session, in.from
	sess.note(m, side)
	tx := s.newServer(m, from, l)
	if m.method == methodInvite || string(m.methodName) == "UPDATE" {
		tx.inside, tx.sender = sess, side
	}
	if !sess.isEnd(m) {
		s.passOn(tx, m, &in)
		return
	}
	sess.byes++ // the session stays while the BYE waits
	sess.bidden(m, side, func() { s.passOnBye(tx, sess) })
}

// passOn sends a request inside a dialog to the other side.
func (s *shard) passOn(tx *serverTx, m *message, in *passage) {
	sess, h := in.session, &in.hop
	if m.method == methodInvite {
		h.recordRoute = tx.listener
	}
	branch := &clientTx{shard: s, id: h.branch, method: m.method, listener: h.listener, to: in.to, server: tx}
	if m.method == methodBye {
		branch.session = sess
		sess.byes++
		if sess.isBetween(m) {
			branch.party = sess.peer(in.from)
		}
	}
	tx.branches = append(tx.branches, branch)
	s.out = appendForward(s.out[:0], m, h)
	crashpoint.Hit("sip.send.before")
	if !s.start(branch, s.out) {
		tx.fail(513, "Message Too Large")
	}
	crashpoint.Hit("sip.send.after")
}

// passOnBye sends a BYE on that has waited for the journal.
func (s *shard) passOnBye(tx *serverTx, sess *session) {
	if tx.state == serverProceeding {
		m := s.stored(tx.request)
		if in, refused := s.onward(m, tx.from, tx.listener); refused == nil {
			s.passOn(tx, m, &in)
		} else {
			tx.answer(refused.status, refused.reason, "")
		}
		s.release(m)
	}
	sess.byeDone()
}

// handleInvite takes an INVITE that begins a call, or one that belongs to a call already: a spiral, which goes on within
// the call, or a copy that came another way, which is answered 482 as a UA would (RFC 3261 8.2.2.2): sent on it would be a
// call that no record knows of.
func (s *shard) handleInvite(m *message, from netip.AddrPort, l *listener) {
	settings := s.front.settings.Load()
	if !settings.trusts(from.Addr()) {
		s.Reject(newRecord(m, from, netip.AddrPort{}), causeRejected)
		s.front.log.Info("call refused: not a trusted peer", zap.Stringer("from", from))
		s.stateless(m, from, l, reply{status: 403, reason: "Forbidden"})
		return
	}
	tx := s.newServer(m, from, l)
	targets := settings.Routes.find(unescape(userOf(m.uri)))
	if len(targets) == 0 {
		s.Reject(newRecord(m, from, netip.AddrPort{}), causeUnallocated)
		tx.answer(404, "Not Found", "")
		return
	}
	tx.untried = targets
	switch sess := s.sessionOf(m); {
	case sess == nil:
	case s.isSpiral(m, sess):
		s.forwardInvite(tx, m, s.newBranch())
		return
	default:
		tx.answer(482, "Loop Detected", "")
		return
	}
	sess := s.newSession(tx, m)
	call, err := s.Admit(sess, newRecord(m, from, targets[0].addr))
	if err != nil {
		s.forget(sess)
		tx.session = nil
		tx.answer(503, "Service Unavailable", reasonLine(causeCongestion, err.Error())+"Retry-After: 10\r\n")
		return
	}
	sess.call = call
	if err := call.Begin(sess.saveInvite(m)); err != nil {
		s.forget(sess)
		tx.session = nil
		tx.answer(503, "Service Unavailable", reasonLine(causeCongestion, gatekeeper.ErrUnjournalled.Error())+"Retry-After: 10\r\n")
	}
}

// forwardInvite sends a kept INVITE to the next target, with that number in its branch.
func (s *shard) forwardInvite(tx *serverTx, m *message, id uint64) {
	next := tx.untried[0]
	tx.untried = tx.untried[1:]
	h := hop{branch: id, from: tx.from, recordRoute: tx.listener, uri: retarget(m.uri, next.host)}
	h.listener = s.front.listenerFor(tx.listener, next.addr)
	branch := &clientTx{shard: s, id: h.branch, method: methodInvite, listener: h.listener, to: next.addr, server: tx}
	tx.branches = append(tx.branches, branch)
	s.out = appendForward(s.out[:0], m, &h)
	crashpoint.Hit("sip.invite.before")
	sent := s.start(branch, s.out)
	crashpoint.Hit("sip.invite.after")
	if !sent {
		tx.fail(513, "Message Too Large")
	} else if tx.session != nil && len(tx.untried) > 0 {
		s.Wheel.Set(&branch.life, nextTarget, branch, wakeMoveOn)
	}
}

// retarget is the Request-URI with the user as dialled and the target as host.
func retarget(uri []byte, host string) []byte {
	user := userOf(uri)
	out := append([]byte{}, "sip:"...)
	if user != "" {
		out = append(append(out, user...), '@')
	}
	return append(out, host...)
}
