package sip

import (
	"bytes"
	"strconv"
	"time"

	"tollgate/gatekeeper/sip/sessiontimer"
)

// timerOffer is what a request that goes on says of session timers (RFC 4028).
type timerOffer struct {
	asked sessiontimer.Request // as it came
	sent  uint32               // its Session-Expires as it went on, in seconds; 0: none
}

// timerPolicy is what the operator wants.
func (s *Settings) timerPolicy() sessiontimer.Policy {
	return sessiontimer.Policy{Expires: uint32(s.SessionExpires / time.Second), MinSE: uint32(s.MinSE / time.Second)}
}

// timerRequest is what a request says of session timers.
func timerRequest(m *message) sessiontimer.Request {
	var r sessiontimer.Request
	if v := m.find(hdrSessionExpires); v != nil {
		r.Expires, r.Refresher, _ = sessiontimer.ParseExpires(v)
	}
	if v := m.find(hdrMinSE); v != nil {
		r.MinSE, _ = sessiontimer.ParseMinSE(v)
	}
	r.Supported = m.hasTag(hdrSupported, "timer")
	return r
}

// hasTag tells whether a header that lists option tags has that one.
func (m *message) hasTag(id headerID, tag string) bool {
	for i := range m.headers {
		if h := &m.headers[i]; h.id == id && sessiontimer.HasTag(m.value(h), tag) {
			return true
		}
	}
	return false
}

// tooShort is the answer to a request for a session interval that is too small (RFC 4028 8.1); nil if it is not.
func (s *shard) tooShort(m *message) *reply {
	if !isRefresh(m) || m.find(hdrSessionExpires) == nil {
		return nil
	}
	edit := s.front.settings.Load().timerPolicy().OnRequest(timerRequest(m))
	if !edit.TooSmall {
		return nil
	}
	return &reply{status: 422, reason: "Session Interval Too Small", extra: "Min-SE: " + strconv.Itoa(int(edit.MinSE)) + "\r\n"}
}

// offerTimer applies RFC 4028 8.1 to a request that goes on. Whoever comes behind us on its way back finds its headers as we
// have left them.
func (tx *serverTx) offerTimer(m *message, e *edits) {
	if !isRefresh(m) {
		return
	}
	asked := timerRequest(m)
	edit := tx.shard.front.settings.Load().timerPolicy().OnRequest(asked)
	sent := asked.Expires
	if edit.Expires > 0 {
		sent = edit.Expires
		_, params, _ := bytes.Cut(m.find(hdrSessionExpires), []byte(";"))
		e.set(hdrSessionExpires, "Session-Expires: ", sent)
		if len(params) > 0 {
			e.add = append(append(e.add, ';'), params...)
		}
		e.add = append(e.add, "\r\n"...)
	}
	if edit.MinSE > 0 {
		e.set(hdrMinSE, "Min-SE: ", edit.MinSE)
		e.add = append(e.add, "\r\n"...)
	}
	if sent > 0 {
		tx.offer = &timerOffer{asked: asked, sent: sent}
	}
}

// set begins a line that takes the place of those with that id.
func (e *edits) set(id headerID, name string, n uint32) {
	e.drop |= setOf(id)
	e.add = strconv.AppendUint(append(e.add, name...), uint64(n), 10)
}

// agree applies RFC 4028 8.2 to a 2xx of a session refresh request, which renews the dialog.
func (tx *serverTx) agree(d *dialog, m *message, e *edits) {
	var o timerOffer
	if tx.offer != nil {
		o = *tx.offer
	}
	a := sessiontimer.Answer{Required: m.hasTag(hdrRequire, "timer")}
	if v := m.find(hdrSessionExpires); v != nil {
		a.Expires, a.Refresher, _ = sessiontimer.ParseExpires(v)
	}
	edit, interval := sessiontimer.OnAnswer(o.asked, o.sent, a)
	if edit.Insert {
		e.set(hdrSessionExpires, "Session-Expires: ", edit.Expires)
		e.add = append(e.add, ";refresher=uac\r\n"...)
		if edit.Require {
			e.add = append(e.add, "Require: timer\r\n"...)
		}
	}
	if d == nil {
		return
	}
	d.expires = interval
	if d.acked && !d.over && !d.session.call.Ended() {
		d.renew()
	}
}

// appendUp writes an answer as it goes up: with the CSeq number that its request came with, and what it says of session
// timers.
func (tx *serverTx) appendUp(dst []byte, m *message) []byte {
	var e edits
	d := tx.inside
	if d != nil {
		if m.cseq != tx.cseq {
			e.cseq = tx.cseq
		}
		if m.status != 408 && m.status != 481 {
			d.hear(d.peer(tx.sender))
		}
	} else if tx.session != nil {
		if d, _ = tx.session.with(m.toTag); d == nil && !tx.session.answeredOnce {
			d = tx.session.dialog
		}
	}
	if m.status/100 == 2 && (tx.method == methodInvite || string(m.cseqMethod) == "UPDATE") {
		if tx.inside != nil {
			d.move(d.peer(tx.sender), m)
		}
		tx.agree(d, m, &e)
	}
	return appendUpstream(dst, m, &e)
}
