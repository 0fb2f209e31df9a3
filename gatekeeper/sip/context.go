package sip

import (
	"tollgate/cdr"
	"tollgate/crashpoint"
	"tollgate/gatekeeper"
)

// The response context of a forwarded request (RFC 3261 16.7): what comes back on its branches, and what goes up.

// relay passes a provisional answer up.
func (tx *serverTx) relay(m *message) {
	if tx.state != serverProceeding || tx.held != nil {
		return
	}
	if tx.session != nil {
		tx.session.learn(m)
		tx.session.progress(m)
	}
	s := tx.shard
	s.out = tx.appendUp(s.out[:0], m)
	tx.respond(m.status, s.out)
}

// relay2xx passes a 2xx to an INVITE up, the first as every retransmission. One that comes when the caller has been
// told something else is for us to end.
func (tx *serverTx) relay2xx(branch *clientTx, m *message) {
	s := tx.shard
	tx.endLeg(branch, m.status)
	if tx.state != serverProceeding && tx.state != serverAccepted {
		s.hangUpStray(branch, m)
		return
	}
	if tx.session != nil && !tx.session.further(branch, m) {
		s.hangUpStray(branch, m)
		return
	}
	switch {
	case tx.held != nil:
		return // the callee will repeat it
	case tx.state == serverProceeding && tx.session != nil:
		tx.held = tx.appendUp(nil, m)
		tx.session.call.SIPStatus = m.status
		status := m.status // m is somebody else's by then
		tx.session.answered(branch, m, func() { tx.letUp(status) })
		tx.stopOthers(branch, completedElsewhere)
		return
	case tx.state == serverProceeding:
		tx.stopOthers(branch, completedElsewhere)
	}
	s.out = tx.appendUp(s.out[:0], m)
	tx.respond(m.status, s.out)
}

// completedElsewhere is why a branch is cancelled when another one has the call (RFC 3326 2).
var completedElsewhere = []byte("Reason: SIP;cause=200;text=\"Call completed elsewhere\"\r\n")

// letUp sends the 2xx on that has waited for the journal.
func (tx *serverTx) letUp(status int) {
	held := tx.held
	tx.held = nil
	crashpoint.Hit("sip.answer.before")
	tx.respond(status, held)
	crashpoint.Hit("sip.answer.after")
}

// final takes a branch's final answer: any to a request other than INVITE, or one other than 2xx.
func (tx *serverTx) final(branch *clientTx, m *message) {
	tx.endLeg(branch, m.status)
	if branch.left || tx.state != serverProceeding || tx.held != nil {
		return
	}
	if tx.fork != nil && tx.follow(m) {
		tx.advance()
		return
	}
	tx.take(finalAnswer{status: m.status, datagram: tx.appendUp(nil, m), challenges: challenges(m), cause: causeIn(m, causeOf(m.status))})
}

// timedOut takes the end of a branch that never answered: as a 408 (RFC 3261 16.8), and as 487 after a CANCEL. Another
// request than INVITE gets no answer, as its sender has given up by itself (RFC 4320 4.2).
func (tx *serverTx) timedOut(branch *clientTx) {
	tx.endLeg(branch, 0)
	if branch.state == clientCalling && tx.method == methodInvite {
		tx.shard.front.silent(branch.to)
	}
	if branch.left || tx.state != serverProceeding {
		return
	}
	if tx.method != methodInvite {
		tx.Expire(wakeForget)
		return
	}
	if tx.cancelled {
		tx.fail(487, "Request Terminated")
	} else {
		tx.fail(408, "Request Timeout")
	}
}

// leave takes the end of our patience with a branch that has said nothing: its late answer counts only if it is a 2xx.
func (tx *serverTx) leave() {
	tx.fork.consider(tx.own(408, "Request Timeout"))
	tx.advance()
}

// fail takes the end of a branch for a reason of our own.
func (tx *serverTx) fail(status int, reason string) { tx.take(tx.own(status, reason)) }

// own makes a final answer of our own.
func (tx *serverTx) own(status int, reason string) finalAnswer {
	s := tx.shard
	m := s.stored(tx.request)
	defer s.release(m)
	if tx.toTag == "" {
		tx.toTag = s.newTag()
	}
	datagram := appendReply(nil, m, tx.from, reply{status: status, reason: reason, toTag: tx.toTag, server: s.front.product})
	return finalAnswer{status: status, datagram: datagram, cause: causeOf(status), ours: true}
}

// take considers a final answer other than 2xx to an INVITE. After a 6xx nobody else is asked (RFC 3261 16.7 step 5).
func (tx *serverTx) take(a finalAnswer) {
	switch {
	case tx.state != serverProceeding || tx.held != nil:
	case tx.method != methodInvite && a.status/100 == 2, tx.fork == nil:
		tx.conclude(a)
	default:
		tx.fork.consider(a)
		if a.status >= 600 {
			tx.fork.steps = nil
			tx.stopOthers(nil, nil)
		}
		tx.advance()
	}
}

// advance goes on when no branch is left to wait for: to the next targets, if those before were out of order, else with the
// best answer up (RFC 3261 16.7 steps 5 to 7).
func (tx *serverTx) advance() {
	for _, b := range tx.branches {
		if b.pending() && !b.left {
			return
		}
	}
	f := tx.fork
	if tx.hasMore() && (f.best == nil || f.followed || tx.shard.front.settings.Load().failsOver(f.best.status)) {
		tx.tryNext()
		return
	}
	switch {
	case f.best == nil || tx.cancelled && f.best.ours:
		tx.conclude(tx.own(487, "Request Terminated"))
	default:
		tx.conclude(*f.best)
	}
}

// hasMore tells whether there are targets that were not tried and may be.
func (tx *serverTx) hasMore() bool { return tx.fork != nil && len(tx.fork.steps) > 0 && !tx.cancelled }

// conclude sends the final answer up.
func (tx *serverTx) conclude(a finalAnswer) {
	status := a.status
	if f := tx.fork; f != nil && (status == 401 || status == 407) {
		a.datagram = withLines(a.datagram, f.challenges)
	}
	if status == 503 {
		// RFC 3261 16.7 step 6: the caller would take 503 for the state of this proxy.
		status, a.datagram = 500, restated(a.datagram, "SIP/2.0 500 Server Internal Error")
	}
	if tx.session != nil {
		tx.session.call.SIPStatus = status
		tx.session.failed(a, tx)
	}
	tx.respond(status, a.datagram)
}

// hasPending tells whether a branch with that number still waits for its final answer.
func (tx *serverTx) hasPending(id uint64) bool {
	for _, b := range tx.branches {
		if b.id == id && b.pending() {
			return true
		}
	}
	return false
}

// stopOthers cancels every branch but one.
func (tx *serverTx) stopOthers(but *clientTx, why []byte) {
	for _, b := range tx.branches {
		if b != but {
			b.stop(why)
		}
	}
}

// cancelAll takes a CANCEL from the caller (RFC 3261 16.10). Before the request has gone on, the call ends here.
func (tx *serverTx) cancelAll(m *message) {
	if tx.state != serverProceeding || tx.held != nil {
		return
	}
	tx.cancelled = true
	tx.cancelCause = causeIn(m, gatekeeper.CauseNormal)
	if len(tx.branches) > 0 {
		tx.stopOthers(nil, reasonsIn(m))
		return
	}
	if tx.session != nil {
		tx.session.call.SIPStatus = 487
		tx.session.finish(tx.cancelCause, cdr.ReleasedByCaller)
	}
	tx.answer(487, "Request Terminated", "")
}

// reasonsIn are the message's Reason header lines.
func reasonsIn(m *message) []byte {
	var lines []byte
	for i := range m.headers {
		if m.headers[i].id == hdrReason {
			lines = append(append(lines, m.line(&m.headers[i])...), "\r\n"...)
		}
	}
	return lines
}
