package sip

import (
	"errors"
	"net/netip"
	"strconv"
	"time"

	"tollgate/cdr"
	"tollgate/crashpoint"
	"tollgate/gatekeeper"
	"tollgate/gatekeeper/limits"
	"tollgate/gatekeeper/sip/blocklist"
)

// handleInvite takes an INVITE that begins a call, or one that belongs to a call already.
func (s *shard) handleInvite(m *message, from netip.AddrPort, l *listener) {
	settings := s.front.settings.Load()
	if !s.trusted(settings, m, from, l) {
		s.Reject(newRecord(m, from, netip.AddrPort{}), causeRejected)
		return
	}
	where, refused := s.route(settings, m)
	if refused == nil {
		refused = s.repeated(m)
	}
	if refused != nil {
		if refused.status == 404 {
			s.Reject(newRecord(m, from, netip.AddrPort{}), causeUnallocated)
		}
		s.refuse(m, from, l, *refused)
		return
	}
	if r := s.tooShort(m); r != nil {
		s.stateless(m, from, l, *r)
		return
	}
	if sess := s.sessionOf(m); sess != nil {
		s.join(sess, m, from, l, where)
		return
	}
	s.begin(m, from, l, where)
}

// repeated refuses an INVITE that has been here already with the same Request-URI and Route set: a loop (RFC 5393 4.2); and
// a copy of a call's INVITE that came another way, as a UA would (RFC 3261 8.2.2.2): sent on it would be a call that no
// record knows of.
func (s *shard) repeated(m *message) *reply {
	if sess := s.sessionOf(m); s.isLoop(m) || sess != nil && (!s.isSpiral(m, sess) || len(sess.call.Legs) >= maxLegs) {
		return &reply{status: 482, reason: "Loop Detected", why: blocklist.Loop}
	}
	return nil
}

// maxLegs bounds the legs of a call: no spiral needs more, but a callee may send one after the other.
const maxLegs = 64

// join sends a spiral on within its call: further legs, and no further record.
func (s *shard) join(sess *session, m *message, from netip.AddrPort, l *listener, where *fork) {
	tx := s.newServer(m, from, l)
	tx.fork, tx.joined = where, sess
	tx.ask(s.newBranch())
}

// begin makes a call. One that is beyond a limit is none.
func (s *shard) begin(m *message, from netip.AddrPort, l *listener, where *fork) {
	first := where.steps[0][0]
	record := newRecord(m, from, first.addr)
	record.CalledStation = unescape(userOf([]byte(first.uri)))
	sess := &session{}
	call, err := s.Admit(sess, record)
	if err != nil {
		s.refuse(m, from, l, notAdmitted(err))
		return
	}
	tx := s.newServer(m, from, l)
	tx.fork, tx.session, tx.joined = where, sess, sess
	s.fill(sess, tx, m)
	sess.call = call
	if err := call.Begin(sess.saveInvite(m)); err != nil {
		s.forget(sess)
		tx.session, tx.joined = nil, nil
		tx.answer(503, "Service Unavailable", reasonLine(causeCongestion, gatekeeper.ErrUnjournalled.Error())+retryAfter(congested))
	}
}

// congested is what a caller is told to wait where no limit says how long.
const congested = 10 * time.Second

// notAdmitted is the answer to an INVITE that makes no call. It stands for this proxy and not for its target, so that 503
// and Retry-After are right (RFC 3261 21.5.4).
func notAdmitted(err error) reply {
	wait := congested
	var exceeded *limits.Exceeded
	if errors.As(err, &exceeded) {
		wait = exceeded.RetryAfter
	}
	return reply{status: 503, reason: "Service Unavailable", extra: reasonLine(causeCongestion, err.Error()) + retryAfter(wait), why: blocklist.Limit}
}

func retryAfter(wait time.Duration) string {
	if wait <= 0 {
		return ""
	}
	return "Retry-After: " + strconv.Itoa(max(int(wait.Seconds()), 1)) + "\r\n"
}

// Proceed sends the admitted INVITE on. The journal has its branches from the call's beginning.
func (sess *session) Proceed() { sess.invite.ask(sess.branch) }

// tryNext sends the request to the next targets; an INVITE once the journal has its branches.
func (tx *serverTx) tryNext() {
	id := tx.shard.newBranch()
	if tx.session == nil {
		tx.ask(id)
		return
	}
	step := tx.fork.take()
	tx.fork.steps = append([][]target{step}, tx.fork.steps...)
	tx.session.call.Note(saveStep(id, step), func() {
		switch {
		case tx.state != serverProceeding || tx.held != nil:
		case !tx.hasMore():
			tx.fail(487, "Request Terminated") // the caller has cancelled meanwhile
		default:
			tx.ask(id)
		}
	})
}

// ask sends the request to every target of the next step. id is the number of the first one's branch.
func (tx *serverTx) ask(id uint64) {
	s := tx.shard
	m := s.stored(tx.request)
	defer s.release(m)
	step := tx.attempt()
	all := true
	for i, t := range step {
		all = tx.forward(m, t, id+2*uint64(i), len(step)) && all
	}
	if !all {
		tx.fork.consider(tx.own(513, "Message Too Large"))
		tx.advance()
	}
}

// attempt takes the next step and counts its targets in the call's record.
func (tx *serverTx) attempt() []target {
	step := tx.fork.take()
	if tx.session != nil {
		call := tx.session.call
		call.Attempts += len(step)
		call.Callee.Address, tx.session.callee.addr = step[0].addr, step[0].addr
	}
	return step
}

// forward sends the request to one target, of so many at once. It tells whether it could be sent at all.
func (tx *serverTx) forward(m *message, to target, id uint64, beside int) bool {
	s := tx.shard
	branch, h := tx.branch(m, to, id, beside)
	tx.branches = append(tx.branches, branch)
	s.out = appendForward(s.out[:0], m, h)
	crashpoint.Hit("sip.invite.before")
	sent := s.start(branch, s.out)
	crashpoint.Hit("sip.invite.after")
	if !sent {
		tx.endLeg(branch, 513)
	} else if tx.method == methodInvite && tx.hasMore() {
		s.Wheel.Set(&branch.life, s.front.settings.Load().nextTarget(), branch, wakeMoveOn)
	}
	return sent
}

// branch makes a branch to a target, and what changes in the request on it.
func (tx *serverTx) branch(m *message, to target, id uint64, beside int) (*clientTx, *hop) {
	s, f := tx.shard, tx.fork
	h := &hop{branch: id, loop: f.loop, from: tx.from, uri: []byte(to.uri), routes: f.routes}
	if dialogForming(m) {
		h.recordRoute = tx.listener
	}
	if f.counted || beside > 1 {
		h.drop |= setOf(hdrMaxBreadth)
		h.add = append(strconv.AppendInt(append(h.add, "Max-Breadth: "...), int64(max(f.breadth/beside, 1)), 10), "\r\n"...)
	}
	tx.offerTimer(m, &h.edits)
	h.listener = s.front.listenerFor(tx.listener, to.addr)
	b := &clientTx{shard: s, id: id, method: tx.method, listener: h.listener, to: to.addr, uri: to.uri, server: tx}
	if sess := tx.joined; sess != nil {
		b.leg = 1 + sess.call.AddLeg(cdr.Leg{URI: to.uri, Address: to.addr, Asked: time.Since(sess.call.Setup)})
	}
	return b, h
}

// endLeg notes what came of a branch in its call's record.
func (tx *serverTx) endLeg(b *clientTx, status int) {
	if sess := tx.joined; sess != nil && b.leg > 0 {
		sess.call.EndLeg(b.leg-1, status, time.Since(sess.call.Setup))
	}
}

// dialogForming tells whether the request may begin a dialog, in whose way we want to stay (RFC 3261 12.1, RFC 6665, RFC 3515).
func dialogForming(m *message) bool {
	switch string(m.methodName) {
	case "INVITE", "SUBSCRIBE", "NOTIFY", "REFER":
		return true
	}
	return false
}
