package sip

import (
	"hash/maphash"
	"net/netip"

	"tollgate/cdr"
	"tollgate/gatekeeper"
)

// session is the SIP side of one call: the INVITE while it is not answered, then its dialogs. It is the gatekeeper's Line.
type session struct {
	shard    *shard
	next     *session // with the same hash of the Call-ID
	key      uint64
	call     *gatekeeper.Call
	invite   *serverTx // nil once it has its final answer
	listener *listener

	callID, from string    // the caller's
	cseq         uint32    // of the INVITE
	*dialog                // the one of the record; before the answer it stands for all early ones
	others       []*dialog // those of a fork, over or not
	tags         []string  // of callees that have answered provisionally
	answeredOnce bool
	restored     bool
	moves        int    // changes of remote targets that the journal was told of
	hangingUp    string // the Reason header of our BYEs, while some wait for their ACK
	byes         int    // BYEs under way; with the last one's end the session is forgotten
	branch       uint64 // of the INVITE to the first target: the journal knows it before the INVITE goes on
}

func (s *shard) sessionKey(callID []byte) uint64 { return maphash.Bytes(s.front.seed, callID) }

// fill makes the session of a new call from its INVITE.
func (s *shard) fill(sess *session, tx *serverTx, m *message) {
	*sess = session{shard: s, key: s.sessionKey(m.callID), invite: tx, listener: tx.listener,
		callID: string(m.callID), from: string(m.from), cseq: m.cseq, branch: s.newBranch()}
	sess.dialog = &dialog{session: sess}
	sess.caller = party{addr: tx.from, tag: string(m.fromTag), contact: m.contact(), sent: numbers{last: m.cseq}}
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
	sess.rest()
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

// dialogOf finds the dialog that a request belongs to, and the side that sent it: by the caller's tag and that of a callee that
// has answered, provisionally or not. Nothing else is a dialog, or anybody could send through us to anywhere with a tag of his
// own. The dialog is nil for the early one of a callee that has lost the call to another.
func (s *shard) dialogOf(m *message, from netip.AddrPort) (*session, *dialog, side) {
	for sess := s.sessions[s.sessionKey(m.callID)]; sess != nil; sess = sess.next {
		if sess.callID != string(m.callID) {
			continue
		}
		if len(m.fromTag)+len(m.toTag)+len(sess.caller.tag) == 0 { // both may be older than tags
			if d, known := sess.with(nil); known && sess.callee.reaches(from) {
				return sess, d, calleeSide
			}
		}
		if sess.caller.tag == string(m.fromTag) {
			if d, known := sess.with(m.toTag); known {
				return sess, d, callerSide
			}
		}
		if sess.caller.tag == string(m.toTag) {
			if d, known := sess.with(m.fromTag); known {
				return sess, d, calleeSide
			}
		}
	}
	return nil, nil, callerSide
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
