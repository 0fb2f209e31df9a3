package sip

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"

	"tollgate/cdr"
	"tollgate/gatekeeper"
)

// Drop ends the call on the wire.
func (sess *session) Drop(why gatekeeper.Release) {
	line := reasonLine(why.Cause, why.Text)
	if sess.answeredOnce {
		sess.hangUp(line)
		return
	}
	tx := sess.invite
	if tx == nil {
		return
	}
	tx.stopOthers(nil, []byte(line))
	if tx.cancelled { // and the callee has not said so in time: it is the caller who ended the call
		sess.call.End(tx.cancelCause, cdr.ReleasedByCaller, nil)
		tx.answer(487, "Request Terminated", "")
	} else if why.Refusal {
		status := sess.shard.front.settings.Load().RefuseStatus
		tx.answer(status, reasonPhrase(status), line)
	} else {
		tx.answer(480, "Temporarily Unavailable", line)
	}
	sess.invite = nil
	sess.shard.forget(sess)
}

// hangUp sends a BYE to both sides, each as if from the other. To the caller we stand for the callee, which must not send
// one before the ACK has come, or has had its time (RFC 3261 15).
func (sess *session) hangUp(reason string) {
	if !sess.acked {
		sess.hangingUp = reason
		sess.byes++ // the session stays until then
		sess.shard.Wheel.Set(&sess.linger, timeout, sess, wakeUnacked)
		return
	}
	sess.bye(&sess.callee, reason)
	sess.bye(&sess.caller, reason)
}

// bye sends a BYE to one side, as if from the other.
func (sess *session) bye(to *party, reason string) {
	s := sess.shard
	r := &inDialog{method: "BYE", callID: sess.callID, reason: reason, from: sess.from, to: sess.to, cseq: sess.caller.cseq + 1 + sess.skip}
	if to == &sess.caller {
		r.from, r.to, r.cseq = sess.to, sess.from, sess.callee.cseq+1+sess.skip
	}
	addr := s.address(r, to)
	l := s.front.listenerFor(sess.listener, addr)
	tx := &clientTx{shard: s, id: s.newBranch(), method: methodBye, listener: l, to: addr, session: sess}
	sess.byes++
	s.out = s.appendInDialog(s.out[:0], l, tx.id, r)
	s.start(tx, s.out)
}

// address fills in a request's Request-URI and Route set, and tells where it goes (RFC 3261 12.2.1.1).
func (s *shard) address(r *inDialog, to *party) netip.AddrPort {
	contact := cmp.Or(to.contact, "sip:"+to.addr.String())
	addr, uri, routes := s.front.nextHop([]byte(contact), bytesOf(to.routes), to.addr)
	r.uri, r.routes = string(uri), routes
	return addr
}

// byeDone is the end of a BYE's transaction.
func (sess *session) byeDone() {
	if sess.byes--; sess.byes == 0 && sess.call.Ended() {
		sess.shard.forget(sess)
	}
}

// byeAnswered takes the answer to a BYE that has ended the call. One that wants credentials will come again, and the
// session must be there for it. A side that has refused it gets one of ours: it must not stay up when the record is
// closed.
func (sess *session) byeAnswered(by *party, status int) {
	switch {
	case status == 401 || status == 407:
		sess.challenged()
	case status >= 300 && status != 408 && status != 481 && sess.call.Ended():
		sess.bye(by, "")
	}
}

func (sess *session) challenged() {
	if sess.hangingUp != "" {
		return // the session stays in any case
	}
	if !sess.linger.Pending() {
		sess.byes++
	}
	sess.shard.Wheel.Set(&sess.linger, timeout, sess, wakeChallenged)
}

// acknowledged takes the caller's ACK, once it has gone on to the callee.
func (sess *session) acknowledged() {
	sess.acked = true
	if sess.hangingUp != "" {
		sess.linger.Stop()
		sess.Expire(wakeUnacked)
	}
}

// Expire is the end of a wait: for a BYE with credentials, or for the ACK.
func (sess *session) Expire(what uint8) {
	if what == wakeUnacked {
		sess.acked = true
		reason := sess.hangingUp
		sess.hangingUp = ""
		sess.hangUp(reason)
	}
	sess.byeDone()
}

// hangUpStray ends what a 2xx has opened that the caller will never hear of: it crossed our CANCEL after the caller had
// its final answer (RFC 3261 13.2.2.4 asks for ACK and BYE).
func (s *shard) hangUpStray(branch *clientTx, m *message) {
	callee := party{addr: branch.to, contact: m.contact()}
	callee.routes, _ = s.front.routeSets(m)
	r := inDialog{method: "ACK", from: string(m.from), to: string(m.to), callID: string(m.callID), cseq: m.cseq}
	to := s.address(&r, &callee)
	l := s.front.listenerFor(branch.listener, to)
	s.out = s.appendInDialog(s.out[:0], l, s.newBranch(), &r)
	s.send(l, to, s.out)
	tag := string(m.toTag)
	if len(branch.strays) == maxCallees || slices.Contains(branch.strays, tag) {
		return // a retransmission: its BYE is under way
	}
	branch.strays = append(branch.strays, tag)
	r.method, r.cseq = "BYE", m.cseq+1
	tx := &clientTx{shard: s, id: s.newBranch(), method: methodBye, listener: l, to: to}
	s.out = s.appendInDialog(s.out[:0], l, tx.id, &r)
	s.start(tx, s.out)
}

// reasonLine is a Reason header (RFC 3326, RFC 6432).
func reasonLine(cause int, text string) string {
	return "Reason: Q.850;cause=" + strconv.Itoa(cause) + ";text=\"" + text + "\"\r\n"
}
