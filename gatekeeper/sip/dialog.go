package sip

import (
	"cmp"
	"iter"
	"net/netip"
	"slices"
	"time"

	"tollgate/cdr"
	"tollgate/wheel"
)

// side is one end of a call.
type side uint8

const (
	callerSide side = iota
	calleeSide
)

// party is what we know of one end of a dialog, so that a request of our own can reach it.
type party struct {
	addr    netip.AddrPort // where its signalling came from or went to
	tag     string
	contact string           // the remote target
	routes  []string         // the Route set from here to it
	reach   []netip.AddrPort // the next hops that its Contacts and Record-Routes have named
	sent    numbers          // of its requests
	heard   time.Duration    // when it was last known to be there, after the call's Connected
	silence uint8            // OPTIONS in a row that it has not answered
}

// dialog is the call with one callee (RFC 3261 12). A fork may give the call several (13.2.2.4): each has the numbers of its
// own and ends for itself, and with the last one the call ends.
type dialog struct {
	session        *session
	to             string // To as the callee answered it
	caller, callee party
	answer         answer     // where its 2xx came from
	record         *cdr.Party // what its 2xx says of the callee, unless it was the first
	acked          bool       // the caller has acknowledged the 2xx
	over           bool
	asking         bool // an OPTIONS is under way to a side
	// timer waits for the ACK, then for what schedule says, and behind the end for a BYE with credentials.
	timer   wheel.Timer
	expires uint32        // the session interval that was agreed on, in seconds; 0: none (RFC 4028)
	left    time.Duration // of the session interval, behind what timer waits for
}

// What a dialog's timer wakes it for.
const (
	wakeChallenged uint8 = iota // the BYE with credentials did not come
	wakeUnacked                 // nor did the ACK
	wakePing                    // the time of a keep-alive
	wakeAsk                     // the end of the session interval, or the time to ask after a restart
)

// Expire is the end of one of the dialog's waits.
func (d *dialog) Expire(what uint8) {
	switch {
	case what == wakeChallenged:
		d.session.byeDone()
	case what == wakeUnacked:
		d.unacked()
	case d.session.call.Ended() || d.over:
	default:
		d.ask(what)
	}
}

// peer is the other end.
func (d *dialog) peer(from side) *party {
	if from == callerSide {
		return &d.callee
	}
	return &d.caller
}

func (d *dialog) party(of side) *party {
	if of == callerSide {
		return &d.caller
	}
	return &d.callee
}

// maxCallees bounds the callees that a call knows: no fork is larger, a flood of answers may be.
const maxCallees = 16

// with finds the dialog with the callee of that tag, which is empty if the callee is older than tags. There may be an early
// one only.
func (sess *session) with(tag []byte) (d *dialog, known bool) {
	if sess.answeredOnce {
		for d := range sess.dialogs() {
			if d.callee.tag == string(tag) {
				return d, true
			}
		}
	}
	for _, early := range sess.tags {
		if early == string(tag) {
			if sess.answeredOnce {
				return nil, true
			}
			return sess.dialog, true
		}
	}
	return nil, false
}

// dialogs goes through all of them, over or not.
func (sess *session) dialogs() iter.Seq[*dialog] {
	return func(yield func(*dialog) bool) {
		if !yield(sess.dialog) {
			return
		}
		for _, d := range sess.others {
			if !yield(d) {
				return
			}
		}
	}
}

// isLast tells whether no other dialog of the call is up.
func (sess *session) isLast(d *dialog) bool {
	for other := range sess.dialogs() {
		if other != d && !other.over {
			return false
		}
	}
	return true
}

// of is the dialog that the party is an end of.
func (sess *session) of(p *party) *dialog {
	for d := range sess.dialogs() {
		if p == &d.caller || p == &d.callee {
			return d
		}
	}
	return sess.dialog
}

// rest stops the timers.
func (sess *session) rest() {
	if sess.dialog == nil {
		return
	}
	for d := range sess.dialogs() {
		d.timer.Stop()
	}
}

// learn notes the tag of a callee that has answered before the call has its answer, and where it can be reached.
func (sess *session) learn(m *message) {
	if _, known := sess.with(m.toTag); !known && len(sess.tags) < maxCallees {
		sess.tags = append(sess.tags, string(m.toTag))
		routes, _ := sess.shard.front.routeSets(m)
		sess.shard.front.widen(&sess.callee, m.contact(), bytesOf(routes))
	}
}

// answered takes the first 2xx, which may go up once then is called.
func (sess *session) answered(branch *clientTx, m *message, then func()) {
	if len(sess.tags) > 1 {
		sess.caller.sent.forked(sess.cseq)
		sess.callee.sent.forked(0)
	}
	sess.tags = slices.Clip(slices.DeleteFunc(sess.tags, func(tag string) bool { return tag == string(m.toTag) }))
	if len(sess.tags) == 0 {
		sess.tags = nil
	}
	sess.answeredOnce = true
	sess.invite = nil
	sess.confirm(branch, m)
	call := sess.call
	call.Callee.Address = branch.to
	if v := m.vendor(); v != "" {
		call.Callee.Vendor = v
	}
	describe(&call.Callee, m)
	call.Connect(sess.saveDialog(), then)
}

// confirm fills in the dialog from its 2xx, and waits for the ACK.
func (d *dialog) confirm(branch *clientTx, m *message) {
	s := d.session.shard
	d.to = string(m.to)
	d.answer = answer{branch: branch.id, to: branch.to, listener: branch.listener.addr}
	d.callee.addr, d.callee.tag, d.callee.contact = branch.to, string(m.toTag), m.contact()
	d.callee.routes, d.caller.routes = s.front.routeSets(m)
	s.front.widen(&d.callee, d.callee.contact, bytesOf(d.callee.routes))
	s.front.widen(&d.caller, d.caller.contact, bytesOf(d.caller.routes))
	s.Wheel.Set(&d.timer, timeout, d, wakeUnacked)
}

// forkSkip is how many requests the caller may have sent in an early dialog of a fork that its 2xx has made one of its own.
const forkSkip = 16

// further takes a 2xx behind the first. One of another callee is a further dialog of the call (RFC 3261 13.2.2.4), as long as
// the call is up: a dialog behind its end would be one without a record. further tells whether the 2xx may go up.
func (sess *session) further(branch *clientTx, m *message) bool {
	if !sess.answeredOnce {
		sess.learn(m)
		return true
	}
	if d, _ := sess.with(m.toTag); d != nil {
		if !d.acked && !d.over && !sess.call.Ended() { // its sender counts from the first; we cannot tell which one was lost
			sess.shard.Wheel.Set(&d.timer, timeout, d, wakeUnacked)
		}
		return true
	}
	if sess.call.Ended() || len(sess.others) >= maxCallees-1 {
		return false
	}
	first := &sess.caller
	d := &dialog{session: sess, record: &cdr.Party{Address: branch.to, Vendor: m.vendor()}}
	d.caller = party{addr: first.addr, tag: first.tag, contact: first.contact, reach: slices.Clip(first.reach), sent: numbers{last: sess.cseq, skip: forkSkip}}
	d.callee.sent.skip = forkSkip
	d.callee.reach = slices.Clip(sess.callee.reach)
	describe(d.record, m)
	d.confirm(branch, m)
	sess.others = append(sess.others, d)
	sess.call.Note(sess.saveDialog(), nil)
	return true
}

// leave is the end of one of several dialogs; another one takes the place of the record's.
func (d *dialog) leave() {
	sess := d.session
	d.over = true
	d.timer.Stop()
	if d != sess.dialog {
		sess.call.Note(sess.saveDialog(), nil)
		return
	}
	i := slices.IndexFunc(sess.others, func(other *dialog) bool { return !other.over })
	sess.dialog, sess.others[i] = sess.others[i], d
	if sess.record != nil {
		sess.call.Callee = *sess.record
	}
	sess.call.Change(sess.saveDialog())
}

// acknowledged takes the caller's ACK, once it has gone on to the callee.
func (d *dialog) acknowledged() {
	if d.acked || d.over {
		return
	}
	d.acked = true
	switch sess := d.session; {
	case sess.hangingUp != "":
		d.hangUpUnacked()
	case !sess.call.Ended():
		d.renew()
	}
}

// maxMoves bounds the remote targets of a call that the journal is told of: a peer may name a new one all the time.
const maxMoves = 100

// move takes a new remote target (RFC 3261 12.2, RFC 3311 5.1). The journal is told of one that differs.
func (d *dialog) move(p *party, m *message) {
	sess, before := d.session, p.contact
	p.contact = cmp.Or(m.contact(), p.contact)
	sess.shard.front.widen(p, p.contact, bytesOf(p.routes))
	if p.contact != before && sess.answeredOnce && !sess.call.Ended() && sess.moves < maxMoves {
		sess.moves++
		sess.call.Note(sess.saveDialog(), nil)
	}
}

// widen notes the next hop that a Contact and a Route set name. Whoever is in the dialog may send his peer there, and
// nowhere else: a request inside a call that went to a third party would be a call without a record.
func (f *Front) widen(p *party, contact string, routes [][]byte) {
	if addr, _, _ := f.nextHop([]byte(contact), routes, p.addr); len(p.reach) < maxCallees && !p.reaches(addr) {
		p.reach = append(p.reach, addr)
	}
}

func (p *party) reaches(addr netip.AddrPort) bool {
	return addr == p.addr || slices.Contains(p.reach, addr)
}

// routeSets splits the Record-Routes of a 2xx at our own: what stands above leads to the callee, from the last to the
// first; what stands below leads to the caller (RFC 3261 12.1).
func (f *Front) routeSets(m *message) (callee, caller []string) {
	ours := false
	for _, r := range m.routeSet(hdrRecordRoute) {
		switch {
		case f.ours(r):
			ours, caller = true, nil // a spiral has more than one of ours: the lowest is the caller's
		case ours:
			caller = append(caller, string(r))
		default:
			callee = append([]string{string(r)}, callee...)
		}
	}
	return callee, caller
}
