package sip

import (
	"sync"
	"time"

	"tollgate/wheel"
)

// A call of a former run may have ended while nobody was here to see it. Its two sides tell: each is asked with an OPTIONS
// inside the dialog (RFC 3261 11, 12.2), and a side that knows no such dialog any more, or is gone, ends the call.

const (
	// firstProbe leaves the peers time to repeat what they have sent meanwhile.
	firstProbe = 5 * time.Second
	// probeRate is how many calls are asked in a second, so that a restart with very many calls is no flood.
	probeRate = 500
)

// probes spreads the questions over time.
type probes struct {
	mu    sync.Mutex
	count int
}

// add gives the call its turn. The caller holds the shard's lock.
func (p *probes) add(sess *session) {
	p.mu.Lock()
	wait := firstProbe + time.Duration(p.count)*time.Second/probeRate
	p.count++
	p.mu.Unlock()
	sess.probe = &probe{session: sess}
	sess.shard.Wheel.Set(&sess.probe.timer, wait, sess.probe, 0)
}

// probe is the question to both sides of one call.
type probe struct {
	session *session
	timer   wheel.Timer
	open    int  // sides that have not answered
	gone    bool // one of them does not know the dialog
}

// Expire asks both sides.
func (p *probe) Expire(uint8) {
	sess := p.session
	if sess.call.Ended() {
		return
	}
	p.open = 2
	sess.ask(p, &sess.callee)
	sess.ask(p, &sess.caller)
}

// ask sends one side an OPTIONS as if from the other. It has the CSeq number that the other side used last: a number of our
// own would make that side's next request look like an old one (RFC 3261 12.2.2).
func (sess *session) ask(p *probe, to *party) {
	s := sess.shard
	r := &inDialog{method: "OPTIONS", callID: sess.callID, from: sess.from, to: sess.to, cseq: max(sess.caller.cseq, 1)}
	if to == &sess.caller {
		r.from, r.to, r.cseq = sess.to, sess.from, max(sess.callee.cseq, 1)
	}
	addr := s.address(r, to)
	l := s.front.listenerFor(sess.listener, addr)
	tx := &clientTx{shard: s, id: s.newBranch(), method: methodOptions, listener: l, to: addr, probe: p, party: to}
	s.out = s.appendInDialog(s.out[:0], l, tx.id, r)
	if !s.start(tx, s.out) {
		p.answered(to, 200) // too long for a datagram: nothing is known, and nothing ends
	}
}

// answered takes a side's answer; 0 is none. Only 481 says that there is no such dialog, and 408 that nobody is there
// (RFC 5057 5.1); with any other refusal the dialog is up. A caller that has not acknowledged the answer may not have heard it
// yet, and knows no dialog therefore.
func (p *probe) answered(by *party, status int) {
	sess := p.session
	p.open--
	early := by == &sess.caller && !sess.acked
	p.gone = p.gone || status == 0 || status == 408 || status == 481 && !early
	if p.open > 0 {
		return
	}
	sess.probe = nil
	switch {
	case sess.call.Ended():
	case p.gone:
		sess.call.EndUnseen()
		sess.acked = true
		sess.hangUp("")
	default:
		sess.call.Alive()
	}
}
