package sip

import (
	"cmp"
	"net/netip"

	"tollgate/cdr"
	"tollgate/crashpoint"
	"tollgate/gatekeeper"
)

func noCall() *reply { return &reply{status: 481, reason: "Call/Transaction Does Not Exist"} }

// passage is a request of a call that is up, on its way from one side to the other.
type passage struct {
	session *session
	dialog  *dialog // nil: an early one that the call has left behind
	from    side
	to      netip.AddrPort
	hop     hop
}

// onward finds the call of a request inside a dialog and where the request goes, along its Route set; or how it is to be
// refused.
func (s *shard) onward(m *message, from netip.AddrPort, l *listener) (in passage, refused *reply) {
	in.session, in.dialog, in.from = s.dialogOf(m, from)
	if in.session == nil {
		return in, noCall()
	}
	uri, routes, err := s.front.preprocess(m)
	if err != nil {
		return in, &reply{status: 400, reason: "Malformed Route"}
	}
	peer := cmp.Or(in.dialog, in.session.dialog).peer(in.from)
	in.hop = hop{branch: s.newBranch(), from: from}
	in.to, in.hop.uri, in.hop.routes = s.front.nextHop(uri, routes, peer.addr)
	if !peer.reaches(in.to) {
		return in, &reply{status: 403, reason: "Not a Party of the Call"}
	}
	in.hop.listener = s.front.listenerFor(l, in.to)
	if in.dialog != nil {
		in.dialog.renumber(m, in.from, &in.hop.edits)
	}
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
	if r := s.tooShort(m); r != nil {
		s.stateless(m, from, l, *r)
		return
	}
	tx := s.newServer(m, from, l)
	if in.dialog != nil {
		in.dialog.follow(m, in.from)
		tx.inside, tx.sender, tx.cseq = in.dialog, in.from, m.cseq
	}
	if m.method == methodBye && in.dialog != nil && in.session.answeredOnce {
		in.dialog.bidden(tx, m, in.from)
		return
	}
	s.passOn(tx, m, &in)
}

// follow takes note of a request inside the dialog.
func (d *dialog) follow(m *message, from side) {
	p := d.party(from)
	p.sent.saw(m.cseq)
	d.hear(p)
	if isRefresh(m) {
		d.move(p, m)
	}
}

// isRefresh tells whether the request may change the remote target and the session interval (RFC 3261 12.2, RFC 3311 5.1,
// RFC 4028 7.4).
func isRefresh(m *message) bool {
	return m.method == methodInvite || string(m.methodName) == "UPDATE"
}

// bidden takes a BYE. It goes on once the journal has what it ends: the call, if this is its last dialog. One behind the end
// of the call, from the other side or again with credentials, waits for that, too. Before the answer it is the end of the
// INVITE that ends the call, whatever a BYE says (RFC 3261 15).
func (d *dialog) bidden(tx *serverTx, m *message, from side) {
	sess, s := d.session, d.session.shard
	sess.byes++ // the session stays while the BYE waits
	pass := func() { s.passOnBye(tx, sess) }
	switch {
	case sess.call.Ended():
		sess.call.Behind(pass)
	case d.over:
		pass()
	case !sess.isLast(d):
		d.leave()
		pass()
	default:
		by := cdr.ReleasedByCaller
		if from == calleeSide {
			by = cdr.ReleasedByCallee
		}
		sess.rest()
		sess.call.End(causeIn(m, gatekeeper.CauseNormal), by, pass)
	}
}

// passOn sends a request inside a dialog to the other side.
func (s *shard) passOn(tx *serverTx, m *message, in *passage) {
	sess, h := in.session, &in.hop
	if m.method == methodInvite {
		h.recordRoute = tx.listener
	}
	tx.offerTimer(m, &h.edits)
	branch := &clientTx{shard: s, id: h.branch, method: m.method, listener: h.listener, to: in.to, server: tx}
	if m.method == methodBye {
		branch.session = sess
		sess.byes++
		if in.dialog != nil {
			branch.party = in.dialog.peer(in.from)
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
