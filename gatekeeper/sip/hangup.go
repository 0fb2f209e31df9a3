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

// hangUp sends a BYE to both sides of every dialog, each as if from the other. To the caller we stand for the callee, which
// must not send one before the ACK has come, or has had its time (RFC 3261 15).
func (sess *session) hangUp(reason string) {
	for d := range sess.dialogs() {
		switch {
		case d.over:
		case d.acked:
			d.hangUp(reason)
		default:
			sess.hangingUp = reason
			sess.byes++                              // the session stays until then
			if sess.restored || !d.timer.Pending() { // nobody knows when the answer was sent
				sess.shard.Wheel.Set(&d.timer, timeout, d, wakeUnacked)
			}
		}
	}
}

// hangUp sends both BYEs.
func (d *dialog) hangUp(reason string) {
	d.over = true
	d.timer.Stop()
	d.bye(&d.callee, reason)
	d.bye(&d.caller, reason)
}

// hangUpUnacked sends the BYEs that have waited for the ACK.
func (d *dialog) hangUpUnacked() {
	sess := d.session
	d.acked = true
	d.hangUp(sess.hangingUp)
	waits := false
	for other := range sess.dialogs() {
		waits = waits || !other.over
	}
	if !waits {
		sess.hangingUp = ""
	}
	sess.byeDone()
}

// unacked is the end of the wait for the ACK.
func (d *dialog) unacked() {
	sess := d.session
	const why = "no ACK"
	switch {
	case sess.hangingUp != "":
		d.hangUpUnacked()
	case sess.call.Ended() || d.over:
	case sess.restored: // it may have come to the former run
		d.acked = true
		d.ask(wakeAsk)
	case !sess.isLast(d):
		d.acked = true
		d.leave()
		d.hangUp(reasonLine(gatekeeper.CauseTimerExpiry, why))
	default: // RFC 3261 13.3.1.4: without an ACK the session ends
		d.acked = true
		sess.call.HangUp(gatekeeper.Release{Cause: gatekeeper.CauseTimerExpiry, Text: why})
	}
}

// bye sends a BYE to one side, as if from the other.
func (d *dialog) bye(to *party, reason string) {
	s, sess := d.session.shard, d.session
	r := d.request("BYE", to)
	r.reason = reason
	addr := s.address(r, to)
	l := s.front.listenerFor(sess.listener, addr)
	tx := &clientTx{shard: s, id: s.newBranch(), method: methodBye, listener: l, to: addr, session: sess}
	sess.byes++
	s.out = s.appendInDialog(s.out[:0], l, tx.id, r)
	s.start(tx, s.out)
}

// request is a request of our own to one side, as if from the other.
func (d *dialog) request(method string, to *party) *inDialog {
	sess := d.session
	as, r := &d.caller, &inDialog{method: method, callID: sess.callID, from: sess.from, to: d.to}
	if to == as {
		as, r.from, r.to = &d.callee, d.to, sess.from
	}
	var grown bool
	if r.cseq, grown = as.sent.own(); grown && !sess.call.Ended() {
		sess.call.Note(sess.saveDialog(), nil)
	}
	return r
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

// byeAnswered takes the answer to a BYE that has ended a dialog. One that wants credentials will come again, and the
// session must be there for it. A side that has refused it gets one of ours: it must not stay up when the record is
// closed.
func (sess *session) byeAnswered(by *party, status int) {
	d := sess.of(by)
	switch {
	case status == 401 || status == 407:
		d.challenged()
	case status >= 300 && status != 408 && status != 481 && (d.over || sess.call.Ended()):
		d.bye(by, "")
	}
}

func (d *dialog) challenged() {
	sess := d.session
	if sess.hangingUp != "" {
		return // the session stays in any case
	}
	if !d.timer.Pending() {
		sess.byes++
	}
	sess.shard.Wheel.Set(&d.timer, timeout, d, wakeChallenged)
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
