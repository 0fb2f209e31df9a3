package sip

import (
	"net/netip"

	"tollgate/crashpoint"
)

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
	if in.session == nil {
		s.handleStray(m, from, l)
		return
	}
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
