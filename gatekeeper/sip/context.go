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
	s.out = appendUpstream(s.out[:0], m, &edits{})
	tx.respond(m.status, s.out)
}

// relay2xx passes a 2xx to an INVITE up, the first as every retransmission. One that comes when the caller has been
// told something else is for us to end.
func (tx *serverTx) relay2xx(branch *clientTx, m *message) {
	s := tx.shard
	if tx.state != serverProceeding && tx.state != serverAccepted {
		s.hangUpStray(branch, m)
		return
	}
	if tx.session != nil {
		tx.session.learn(m)
	}
	tx.refresh(m)
	switch {
	case tx.held != nil:
		return // the callee will repeat it
	case tx.state == serverProceeding && tx.session != nil:
		tx.held = appendUpstream(nil, m, &edits{})
		status := m.status // m is somebody else's by then
		tx.session.answered(branch, m, func() { tx.letUp(status) })
		tx.stopOthers(branch)
		return
	case tx.state == serverProceeding:
		tx.stopOthers(branch)
	}
	s.out = appendUpstream(s.out[:0], m, &edits{})
	tx.respond(m.status, s.out)
}

// letUp sends the 2xx on that has waited for the journal.
func (tx *serverTx) letUp(status int) {
	held := tx.held
	tx.held = nil
	crashpoint.Hit("sip.answer.before")
	tx.respond(status, held)
	crashpoint.Hit("sip.answer.after")
}

// final takes a branch's final answer: any to a request other than INVITE, or one other than 2xx.
func (tx *serverTx) final(m *message) {
	tx.refresh(m)
	tx.conclude(m.status, appendUpstream(nil, m, &edits{}), m)
}

// refresh takes the remote target of a 2xx to a re-INVITE or UPDATE.
func (tx *serverTx) refresh(m *message) {
	if tx.inside != nil && m.status/100 == 2 {
		tx.inside.refresh(tx.inside.peer(tx.sender), m)
	}
}

// timedOut takes the end of a branch that never answered: as a 408 (RFC 3261 16.8), and as 487 after a CANCEL. Another
// request than INVITE gets no answer, as its sender has given up by itself (RFC 4320 4.2).
func (tx *serverTx) timedOut() {
	if tx.state != serverProceeding {
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

// fail takes the end of a branch for a reason of our own.
func (tx *serverTx) fail(status int, reason string) {
	s := tx.shard
	m := s.stored(tx.request)
	defer s.release(m)
	if tx.toTag == "" {
		tx.toTag = s.newTag()
	}
	tx.conclude(status, appendReply(nil, m, tx.from, reply{status: status, reason: reason, toTag: tx.toTag, server: s.front.product}), nil)
}

// conclude takes the final answer of the target that was asked last: to the next target, if this one is out of order, else
// up (RFC 3261 16.7 steps 5 to 7). m is the answer, nil if it is our own.
func (tx *serverTx) conclude(status int, datagram []byte, m *message) {
	if tx.state != serverProceeding || tx.held != nil {
		return
	}
	if tx.session != nil {
		if (status == 503 || status == 408) && len(tx.untried) > 0 {
			tx.session.tryNext()
			return
		}
		tx.session.failed(status, m, tx.cancelled)
	}
	if status == 503 {
		// RFC 3261 16.7 step 6: the caller would take 503 for the state of this proxy.
		status, datagram = 500, restated(datagram, "SIP/2.0 500 Server Internal Error")
	}
	tx.respond(status, datagram)
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
func (tx *serverTx) stopOthers(but *clientTx) {
	for _, b := range tx.branches {
		if b != but {
			b.stop()
		}
	}
}

// cancelAll takes a CANCEL from the caller (RFC 3261 16.10). Before the request has gone on, the call ends here.
func (tx *serverTx) cancelAll() {
	if tx.state != serverProceeding || tx.held != nil {
		return
	}
	tx.cancelled = true
	tx.untried = nil
	if len(tx.branches) > 0 {
		tx.stopOthers(nil)
		return
	}
	if tx.session != nil {
		tx.session.finish(gatekeeper.CauseNormal, cdr.ReleasedByCaller)
	}
	tx.answer(487, "Request Terminated", "")
}
