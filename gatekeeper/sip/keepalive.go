package sip

import (
	"sync"
	"time"

	"tollgate/gatekeeper"
)

// A call may end without anybody to tell us, because a side has lost its power or its network, or while we were away. Its
// sides can be asked: an OPTIONS inside the dialog (RFC 3261 11, 12.2) is answered 481 by a side that knows no such dialog any
// more, and by nobody where there is nobody left.

const (
	// firstProbe leaves the peers of a restored call time to repeat what they have sent meanwhile.
	firstProbe = 5 * time.Second
	// probeRate is how many restored calls are asked in a second, so that a restart with very many calls is no flood.
	probeRate = 500
)

// probes spreads the questions behind a restart over time.
type probes struct {
	mu    sync.Mutex
	count int
}

// add gives the dialog its turn. The caller holds the shard's lock.
func (p *probes) add(d *dialog) {
	p.mu.Lock()
	wait := firstProbe + time.Duration(p.count)*time.Second/probeRate
	p.count++
	p.mu.Unlock()
	d.session.shard.Wheel.Set(&d.timer, wait, d, wakeAsk)
}

// interval is how long the dialog may go without a refresh.
func (d *dialog) interval() time.Duration {
	if d.expires > 0 {
		return time.Duration(d.expires) * time.Second
	}
	return d.session.shard.front.settings.Load().SessionExpires
}

// renew begins the session interval anew.
func (d *dialog) renew() {
	d.left = d.interval()
	d.schedule()
}

// schedule sets the timer to what comes first: the next keep-alive or the end of the session interval. Keep-alives come up to
// an eighth early, so that calls that have begun together are not asked together.
func (d *dialog) schedule() {
	s := d.session.shard
	wait, what := d.left, wakeAsk
	if every := s.front.settings.Load().KeepAlive; every > 0 {
		every -= time.Duration(s.below(uint32(every/8/time.Millisecond)+1)) * time.Millisecond
		if wait == 0 || every < wait {
			wait, what = every, wakePing
		}
	}
	d.timer.Stop()
	if wait > 0 {
		d.left -= min(wait, d.left)
		s.Wheel.Set(&d.timer, wait, d, what)
	}
}

// probe is the question to both sides of a dialog.
type probe struct {
	dialog *dialog
	most   uint8 // how often in a row a side may say nothing
	open   int   // sides that have not answered
}

// ask sends an OPTIONS to both sides. Behind the session interval, and behind a restart, one that is not answered is the end:
// it has been repeated for 32 s.
func (d *dialog) ask(what uint8) {
	sess := d.session
	settings := sess.shard.front.settings.Load()
	p := &probe{dialog: d, most: 1, open: 2}
	life := timeout
	if what == wakePing {
		p.most = settings.keepAliveFailures()
		life = min(life, settings.KeepAlive*3/4) // or it would be under way when its successor is due
	} else {
		d.left = d.interval()
	}
	if what == wakeAsk || !d.asking {
		d.asking = true
		d.options(p, &d.callee, life)
		d.options(p, &d.caller, life)
	}
	if sess.restored && !d.acked {
		sess.shard.Wheel.Set(&d.timer, timeout, d, wakeUnacked)
		return
	}
	d.schedule()
}

// options sends one side an OPTIONS as if from the other, which may take that long.
func (d *dialog) options(p *probe, to *party, life time.Duration) {
	s, r := d.session.shard, d.request("OPTIONS", to)
	addr := s.address(r, to)
	l := s.front.listenerFor(d.session.listener, addr)
	tx := &clientTx{shard: s, id: s.newBranch(), method: methodOptions, listener: l, to: addr, probe: p, party: to}
	s.out = s.appendInDialog(s.out[:0], l, tx.id, r)
	if !s.start(tx, s.out) {
		p.answered(to, 200) // too long for a datagram: nothing is known, and nothing ends
		return
	}
	s.Wheel.Set(&tx.life, life, tx, wakeGiveUp)
}

// answered takes a side's answer; 0 is none. Only 481 says that there is no such dialog, and 408 that nobody is there
// (RFC 5057 5.1); with any other refusal the dialog is up. A caller that has not acknowledged the answer may not have heard it
// yet, and knows no dialog therefore.
func (p *probe) answered(by *party, status int) {
	d := p.dialog
	p.open--
	d.asking = d.asking && p.open > 0
	switch {
	case d.over || d.session.call.Ended():
		return
	case status == 481 && by == &d.caller && !d.acked:
	case status == 481:
		d.vanished(by)
		return
	case status == 0 || status == 408:
		if by.silence++; by.silence >= p.most {
			d.vanished(by)
			return
		}
	default:
		d.hear(by)
	}
	if p.open == 0 && d.caller.silence+d.callee.silence == 0 {
		d.session.call.Alive()
	}
}

// hear takes a sign of life of a side: a request, or an answer, that it has sent inside the dialog.
func (d *dialog) hear(from *party) {
	if d.session.answeredOnce {
		from.silence, from.heard = 0, time.Since(d.session.call.Connected)
	}
}

// vanished ends the dialog, which one side is not in any more: nobody knows since when. The record says when it was heard
// last.
func (d *dialog) vanished(side *party) {
	sess := d.session
	reason := reasonLine(gatekeeper.CauseTimerExpiry, "the other side has vanished")
	if !sess.isLast(d) {
		d.leave()
		d.hangUp(reason)
		return
	}
	d.acked = true // as far as it ever will be
	sess.call.EndUnseen(sess.call.Connected.Add(side.heard), func() { sess.hangUp(reason) })
}
