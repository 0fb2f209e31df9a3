package sip

import (
	"cmp"
	"hash/maphash"
	"net/netip"
	"slices"

	"tollgate/cdr"
	"tollgate/gatekeeper"
	"tollgate/wheel"
)

// side is one end of a call.
type side uint8

const (
	callerSide side = iota
	calleeSide
)

// party is what we know of one end, so that a request of our own can reach it.
type party struct {
	addr    netip.AddrPort // where its signalling came from or went to
	tag     string
	contact string           // the remote target
	routes  []string         // the Route set from here to it
	reach   []netip.AddrPort // the next hops that its Contacts and Record-Routes have named
	cseq    uint32           // the last CSeq number of its requests
}

// session is the SIP side of one call: the INVITE while it is not answered, then the dialog. It is the gatekeeper's
// Line.
type session struct {
	shard    *shard
	next     *session // with the same hash of the Call-ID
	key      uint64
	call     *gatekeeper.Call
	invite   *serverTx // nil once it has its final answer
	listener *listener

	callID       string
	from, to     string // the caller's From, and To as the callee answered it
	cseq         uint32 // of the INVITE
	caller       party
	callee       party
	tags         []string // of the callees that have answered, provisionally or not
	answeredOnce bool
	acked        bool   // the caller has acknowledged the answer
	hangingUp    string // the Reason header of our BYEs, while they wait for the ACK
	byes         int    // BYEs under way; with the last one's end the session is forgotten
	linger       wheel.Timer
	branch       uint64 // of the INVITE to the first target: the journal knows it before the INVITE goes on
	answer       answer // where the 2xx came from
	probe        *probe // of a restored call; nil: none under way
	moves        int
	skip         uint32 // CSeq numbers that our own requests pass over
}

// What a session's timer wakes it for.
const (
	wakeChallenged uint8 = iota // the BYE with credentials did not come
	wakeUnacked                 // nor did the ACK
)

func (s *shard) sessionKey(callID []byte) uint64 { return maphash.Bytes(s.front.seed, callID) }

// fill makes the session of a new call from its INVITE.
func (s *shard) fill(sess *session, tx *serverTx, m *message) {
	*sess = session{shard: s, key: s.sessionKey(m.callID), invite: tx, listener: tx.listener,
		callID: string(m.callID), from: string(m.from), cseq: m.cseq, branch: s.newBranch()}
	sess.caller = party{addr: tx.from, tag: string(m.fromTag), contact: m.contact(), cseq: m.cseq}
	s.front.widen(&sess.caller, m.contact(), m.routeSet(hdrRecordRoute))
	s.remember(sess)
}

// remember enters the session in the table.
func (s *shard) remember(sess *session) {
	sess.next = s.sessions[sess.key]
	s.sessions[sess.key] = sess
}

// forget drops the session; what still comes for it is answered 481.
func (s *shard) forget(sess *session) {
	at := s.sessions[sess.key]
	if at == sess {
		if sess.next == nil {
			delete(s.sessions, sess.key)
		} else {
			s.sessions[sess.key] = sess.next
		}
		return
	}
	for ; at != nil; at = at.next {
		if at.next == sess {
			at.next = sess.next
			return
		}
	}
}

// dialogOf finds the call that a request inside a dialog belongs to, and the side that sent it: by the caller's tag and
// that of a callee that has answered, provisionally or not. A fork may have given the call several. Nothing else is a
// dialog, or anybody could send through us to anywhere with a tag of his own.
func (s *shard) dialogOf(m *message, from netip.AddrPort) (*session, side) {
	for sess := s.sessions[s.sessionKey(m.callID)]; sess != nil; sess = sess.next {
		switch {
		case sess.callID != string(m.callID):
		case len(m.fromTag)+len(m.toTag)+len(sess.caller.tag) == 0 && sess.knows(nil) && sess.callee.reaches(from):
			return sess, calleeSide // both are older than tags
		case sess.caller.tag == string(m.fromTag) && sess.knows(m.toTag):
			return sess, callerSide
		case sess.caller.tag == string(m.toTag) && sess.knows(m.fromTag):
			return sess, calleeSide
		}
	}
	return nil, callerSide
}

// maxCallees bounds the callees that a call knows: no fork is larger, a flood of answers may be.
const maxCallees = 16

func (sess *session) knows(tag []byte) bool {
	if sess.answeredOnce && sess.callee.tag == string(tag) {
		return true
	}
	for _, known := range sess.tags {
		if known == string(tag) {
			return true
		}
	}
	return false
}

// learn notes the tag of a callee that has answered, and where it can be reached. The tag is empty if the callee is older
// than tags.
func (sess *session) learn(m *message) {
	if len(sess.tags) < maxCallees && !sess.knows(m.toTag) {
		sess.tags = append(sess.tags, string(m.toTag))
		routes, _ := sess.shard.front.routeSets(m)
		sess.shard.front.widen(&sess.callee, m.contact(), bytesOf(routes))
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

// isBetween tells whether the request runs between the two parties of the record, and not to or from another callee.
func (sess *session) isBetween(m *message) bool {
	return !sess.answeredOnce || sess.callee.tag == string(m.toTag) || sess.callee.tag == string(m.fromTag)
}

// sessionOf finds the call that an INVITE without a To tag belongs to already.
func (s *shard) sessionOf(m *message) *session {
	for sess := s.sessions[s.sessionKey(m.callID)]; sess != nil; sess = sess.next {
		if sess.callID == string(m.callID) && sess.caller.tag == string(m.fromTag) && sess.cseq == m.cseq {
			return sess
		}
	}
	return nil
}

// isSpiral tells whether the INVITE has been here on its way: below its topmost Via stands that of a branch of the
// call's own INVITE that has no final answer yet. Only who was sent that branch can know its number.
func (s *shard) isSpiral(m *message, sess *session) bool {
	if sess.invite == nil {
		return false
	}
	first := true
	for branch := range m.branches() {
		if id, _, ok := parseBranch(branch); ok && !first && sess.invite.hasPending(id) {
			return true
		}
		first = false
	}
	return false
}

// peer is the other end.
func (sess *session) peer(from side) *party {
	if from == callerSide {
		return &sess.callee
	}
	return &sess.caller
}

func (sess *session) party(of side) *party {
	if of == callerSide {
		return &sess.caller
	}
	return &sess.callee
}

// note follows a request inside the dialog: its CSeq number and a new remote target.
func (sess *session) note(m *message, from side) {
	if !sess.isBetween(m) {
		return
	}
	p := sess.party(from)
	p.cseq = max(p.cseq, m.cseq)
	if m.method == methodInvite || string(m.methodName) == "UPDATE" { // target refreshes (RFC 3261 12.2, RFC 3311 5.1)
		sess.refresh(p, m)
	}
}

// isEnd tells whether the BYE ends the call. Before the answer it is the end of the INVITE that ends the call, whatever a
// BYE says (RFC 3261 15).
func (sess *session) isEnd(m *message) bool {
	return m.method == methodBye && sess.answeredOnce && sess.isBetween(m) && !sess.call.Ended()
}

// bidden ends the call by a BYE, which may go on once then is called.
func (sess *session) bidden(m *message, from side, then func()) {
	by := cdr.ReleasedByCaller
	if from == calleeSide {
		by = cdr.ReleasedByCallee
	}
	sess.call.End(causeIn(m, gatekeeper.CauseNormal), by, then)
}

// maxMoves bounds the remote targets of a call that the journal is told of: a peer may name a new one all the time.
const maxMoves = 100

// refresh takes a new remote target. The journal is told of one that differs.
func (sess *session) refresh(p *party, m *message) {
	before := p.contact
	p.contact = cmp.Or(m.contact(), p.contact)
	sess.shard.front.widen(p, p.contact, bytesOf(p.routes))
	if p.contact != before && sess.answeredOnce && !sess.call.Ended() && sess.moves < maxMoves {
		sess.moves++
		sess.call.Note(sess.saveDialog(nil), nil)
	}
}

// finish ends the call in the gatekeeper.
func (sess *session) finish(cause int, by cdr.ReleaseSource) {
	if sess.call != nil {
		sess.call.End(cause, by, nil)
	}
	if !sess.answeredOnce {
		sess.shard.forget(sess)
	}
}

// progress takes a provisional answer before it goes up.
func (sess *session) progress(m *message) {
	if m.status >= 180 && m.status <= 183 {
		if v := m.vendor(); v != "" {
			sess.call.Callee.Vendor = v
		}
		sess.call.Alert()
	}
}

// answered takes the first 2xx, which may go up once then is called.
func (sess *session) answered(branch *clientTx, m *message, then func()) {
	sess.answeredOnce = true
	sess.invite = nil
	sess.to = string(m.to)
	front := sess.shard.front
	sess.callee = party{addr: branch.to, tag: string(m.toTag), contact: m.contact(), reach: sess.callee.reach}
	sess.callee.routes, sess.caller.routes = front.routeSets(m)
	front.widen(&sess.callee, sess.callee.contact, bytesOf(sess.callee.routes))
	front.widen(&sess.caller, sess.caller.contact, bytesOf(sess.caller.routes))
	call := sess.call
	call.Callee.Address = branch.to
	if v := m.vendor(); v != "" {
		call.Callee.Vendor = v
	}
	describe(&call.Callee, m)
	call.Connect(sess.saveDialog(branch), then)
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

// failed takes the final answer that goes up and is no 2xx.
func (sess *session) failed(a finalAnswer, tx *serverTx) {
	sess.invite = nil
	cause, by := a.cause, cdr.ReleasedByCallee
	switch {
	case tx.cancelled:
		cause, by = tx.cancelCause, cdr.ReleasedByCaller
	case a.ours:
		by = cdr.ReleasedByGatekeeper
	}
	sess.finish(cause, by)
}

func textsOf(list [][]byte) []string {
	texts := make([]string, len(list))
	for i, b := range list {
		texts[i] = string(b)
	}
	return texts
}

func bytesOf(texts []string) [][]byte {
	list := make([][]byte, len(texts))
	for i, text := range texts {
		list[i] = []byte(text)
	}
	return list
}
