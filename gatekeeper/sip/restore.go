package sip

import (
	"errors"
	"fmt"
	"hash/maphash"
	"net/netip"
	"slices"
	"time"

	"go.uber.org/zap"

	"tollgate/cdr"
	"tollgate/gatekeeper"
)

// Restore lets a call of a former run go on: what its peers still send for it, and repeat, belongs to it. alive is when that
// run was last known to be up. It is called between Listen and Start. The error tells why the signalling cannot go on; the
// records of the call are taken care of all the same.
func (f *Front) Restore(saved *gatekeeper.Saved, alive time.Time) error {
	var c savedCall
	err := c.read(saved.Lines)
	if err == nil && c.dialog == nil && (c.invite == nil || len(c.steps) == 0 || saved.Answered()) && !saved.Ended() {
		err = fmt.Errorf("sip: the signalling of call %s is not in the journal", saved.Call.SessionID)
	}
	s := f.shards[maphash.String(f.seed, saved.Call.SIPCallID)%uint64(len(f.shards))]
	s.Lock()
	defer s.Unlock()
	switch {
	case err != nil:
		s.Restore(nowhere{}, saved, alive).Abandon(err)
	case c.dialog != nil:
		s.restoreDialog(&c, saved, alive)
	case saved.Ended():
		s.Restore(nowhere{}, saved, alive).Resume()
	default:
		err = s.restoreInvite(&c, saved, alive)
	}
	return err
}

// cseqSkip is how far our own requests in a restored dialog are ahead of the last number that the journal has: it is not told
// of every request that passes. A gap is no error (RFC 3261 12.2.2).
const cseqSkip = 1000

// errGivenUp is why a call does not go on that had no verdict when the former run ended, longer ago than an INVITE lasts.
var errGivenUp = errors.New("sip: its caller has given up")

// nowhere is the line of a call that has no signalling any more.
type nowhere struct{}

// Proceed does nothing.
func (nowhere) Proceed() {}

// Drop does nothing.
func (nowhere) Drop(gatekeeper.Release) {}

// listenerAt finds the listener of that address, or one of its family if Listen was changed meanwhile.
func (f *Front) listenerAt(addr netip.AddrPort) *listener {
	for _, l := range f.listeners {
		if l.addr == addr {
			return l
		}
	}
	return f.listenerFor(f.listeners[0], addr)
}

// restoreInvite lets a call go on that was not answered. The caller repeats its INVITE, and the callee its answer, as long as
// their transactions last; within that time we repeat ours, too, on the branch that the callee knows.
func (s *shard) restoreInvite(c *savedCall, saved *gatekeeper.Saved, alive time.Time) error {
	m, l := &message{}, s.front.listenerAt(c.listener)
	if err := m.parse(c.invite); err != nil {
		s.Restore(nowhere{}, saved, alive).Abandon(err)
		return fmt.Errorf("sip: the INVITE of a saved call: %w", err)
	}
	tx := s.newServer(m, c.from, l)
	sess := &session{}
	s.fill(sess, tx, m)
	tx.session, tx.joined = sess, sess
	tx.fork = s.newFork(m, c.steps, bytesOf(c.routes))
	tx.fork.loop = c.loop
	sess.branch = c.branch
	sess.call = s.Restore(sess, saved, alive)
	if sess.call.Admitted() {
		sess.resumeAttempt(c, saved.Call.Alerting.IsZero() && time.Since(saved.Call.Setup) < t4)
	}
	if !sess.call.Admitted() && time.Since(saved.Call.Setup) > timeout {
		sess.call.Abandon(errGivenUp)
		tx.answer(480, "Temporarily Unavailable", "")
		sess.invite = nil
		s.forget(sess)
		return nil
	}
	sess.call.Resume()
	return nil
}

// resumeAttempt goes on with the target that was asked last. One that has rung has the INVITE, and one that has refused it a
// while ago would take our repetition for a new call (RFC 3261 17.2.1, timer I); then we only listen for an answer.
func (sess *session) resumeAttempt(c *savedCall, repeat bool) {
	tx, branch := sess.invite, c.branch
	f, call := tx.fork, sess.call
	known := call.Legs
	call.Legs, call.Attempts = nil, 0
	for i := range c.attempts {
		before := f.take()
		for j := range before {
			call.Legs = append(call.Legs, formerLeg(known, &before[j]))
		}
		call.Attempts += len(before)
		if step := c.attempts[i].step; len(f.steps) == 0 || !slices.Equal(f.steps[0], step) {
			f.steps = append([][]target{step}, f.steps...) // a redirection has named it
		}
		branch = c.attempts[i].branch
	}
	if repeat {
		tx.ask(branch)
	} else {
		tx.listen(branch)
	}
}

// formerLeg is a leg of the former run: as its last record knew it, or without an answer.
func formerLeg(known []cdr.Leg, t *target) cdr.Leg {
	for i := range known {
		if known[i].URI == t.uri && known[i].Address == t.addr {
			return known[i]
		}
	}
	return cdr.Leg{URI: t.uri, Address: t.addr}
}

// listen makes the branches of an INVITE that was sent by a former run, without sending it again.
func (tx *serverTx) listen(id uint64) {
	s := tx.shard
	m := s.stored(tx.request)
	defer s.release(m)
	step := tx.attempt()
	for i, t := range step {
		b, h := tx.branch(m, t, id+2*uint64(i), len(step))
		b.state, b.request = clientProceeding, appendForward(nil, m, h)
		tx.branches = append(tx.branches, b)
		s.clients[b.id] = b
		s.Wheel.Set(&b.life, timerC, b, wakeSilent)
	}
}

// restoreDialog lets an answered call go on.
func (s *shard) restoreDialog(c *savedCall, saved *gatekeeper.Saved, alive time.Time) {
	sess := c.dialog
	sess.shard, sess.key = s, s.sessionKey([]byte(sess.callID))
	sess.listener = s.front.listenerAt(c.listener)
	s.remember(sess)
	sess.call = s.Restore(sess, saved, alive)
	since := time.Since(saved.Call.Connected)
	for d := range sess.dialogs() {
		d.acked = since > timeout
		for _, p := range [...]*party{&d.caller, &d.callee} {
			p.sent.resume()
			p.heard = alive.Sub(saved.Call.Connected)
		}
		if !saved.Ended() {
			s.front.probes.add(d)
		}
	}
	if since < timeout && c.invite != nil {
		s.restoreAnswered(c, sess, timeout-since)
	}
	if saved.Ended() {
		sess.outlive(saved.Call.Cause, saved.Call.Released)
	}
	sess.call.Resume()
}

// restoreAnswered makes the transactions of an INVITE that was answered a moment ago, so that the 2xx goes up again
// whenever the callee repeats it.
func (s *shard) restoreAnswered(c *savedCall, sess *session, left time.Duration) {
	m := &message{}
	if err := m.parse(c.invite); err != nil {
		s.front.log.Error("the INVITE of a saved call", zap.String("session", sess.call.SessionID), zap.Error(err))
		return
	}
	tx := s.newServer(m, c.from, sess.listener)
	tx.resend.Stop()
	tx.state, tx.request, tx.session, tx.joined = serverAccepted, nil, sess, sess
	s.Wheel.Set(&tx.life, left, tx, wakeForget)
	tx.offerTimer(m, &edits{})
	for d := range sess.dialogs() {
		a := &d.answer
		if s.clients[a.branch] != nil {
			continue // a fork behind us: they came on the same branch
		}
		b := &clientTx{shard: s, id: a.branch, method: methodInvite, state: clientAccepted, listener: s.front.listenerAt(a.listener), to: a.to, server: tx}
		tx.branches = append(tx.branches, b)
		s.clients[b.id] = b
		s.Wheel.Set(&b.life, left, b, wakeDone)
	}
}

// outlive keeps the session of an ended call for a BYE that is repeated. Whoever did not end the call may not know of it yet: the
// BYE may not have gone on. One that has is answered 481, and no harm is done.
func (sess *session) outlive(cause int, by cdr.ReleaseSource) {
	switch by {
	case cdr.ReleasedByCaller:
		sess.bye(&sess.callee, "")
	case cdr.ReleasedByCallee:
		sess.bye(&sess.caller, "")
	default:
		sess.hangUp(reasonLine(cause, "restarted"))
	}
	if sess.hangingUp == "" { // else the session stays until the ACK has had its time
		sess.byes++
		sess.shard.Wheel.Set(&sess.timer, timeout, sess.dialog, wakeChallenged)
	}
}
