package sip

import "tollgate/cdr"

// The response context of a forwarded request (RFC 3261 16.7): what comes back on its branches, and what goes up.

// relay passes a provisional answer up.
func (tx *serverTx) relay(m *message) {
	if tx.state != serverProceeding {
		return
	}
	if tx.session != nil {
		tx.session.learn(m.toTag)
		tx.session.progress(m)
	}
	s := tx.shard
	s.out = appendUpstream(s.out[:0], m)
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
		tx.session.learn(m.toTag)
	}
	if tx.state == serverProceeding {
		if tx.session != nil {
			tx.session.answered(branch, m)
		}
		tx.stopOthers(branch)
	}
	s.out = appendUpstream(s.out[:0], m)
	tx.respond(m.status, s.out)
}

// final takes a branch's final answer: any to a request other than INVITE, or one other than 2xx.
func (tx *serverTx) final(m *message) {
	tx.consider(m.status, appendUpstream(nil, m), m)
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
	status, reason := 408, "Request Timeout"
	if tx.cancelled {
		status, reason = 487, "Request Terminated"
	}
	s := tx.shard
	m := s.stored(tx.request)
	defer s.release(m)
	if tx.toTag == "" {
		tx.toTag = s.newTag()
	}
	tx.consider(status, appendReply(nil, m, tx.from, reply{status: status, reason: reason, toTag: tx.toTag, server: s.front.product}), nil)
}

// consider weighs a final answer against the best so far, and passes the best up when nothing better can come (RFC
// 3261 16.7 steps 5 to 7). m is the answer, nil if it is our own.
func (tx *serverTx) consider(status int, datagram []byte, m *message) {
	if tx.state != serverProceeding {
		return
	}
	if tx.best == nil || better(status, tx.status) {
		tx.best, tx.status = datagram, status
	}
	if status >= 600 {
		tx.untried = nil
		tx.stopOthers(nil)
	}
	for _, b := range tx.branches {
		if b.pending() && !b.left {
			return
		}
	}
	if tx.session != nil {
		if (tx.status == 503 || tx.status == 408) && len(tx.untried) > 0 {
			tx.best, tx.status = nil, 0
			tx.session.tryNext()
			return
		}
		tx.session.failed(tx.status, m, tx.cancelled)
	}
	status, datagram = tx.status, tx.best
	if status == 503 {
		// RFC 3261 16.7 step 6: the caller would take 503 for the state of this proxy.
		status, datagram = 500, restated(datagram, "SIP/2.0 500 Server Internal Error")
	}
	tx.respond(status, datagram)
}

// better tells whether status a is to be preferred to b: 6xx first, then the lowest class.
func better(a, b int) bool {
	if a >= 600 || b >= 600 {
		return a >= 600 && b < 600
	}
	return a/100 < b/100
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
	if tx.state != serverProceeding {
		return
	}
	tx.cancelled = true
	tx.untried = nil
	if len(tx.branches) > 0 {
		tx.stopOthers(nil)
		return
	}
	if tx.session != nil {
		tx.session.finish(causeNormal, cdr.ReleasedByCaller)
	}
	tx.answer(487, "Request Terminated", "")
}
