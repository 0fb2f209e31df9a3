package sip

import (
	"hash/maphash"
	"net/netip"
	"time"

	"tollgate/wheel"
)

// Timers of RFC 3261 17 and RFC 6026.
const (
	t1         = 500 * time.Millisecond
	t2         = 4 * time.Second
	t4         = 5 * time.Second
	timeout    = 64 * t1               // B, F, H, J, L, M
	timerD     = 32 * time.Second      // an INVITE client after a final answer other than 2xx
	timerC     = 185 * time.Second     // RFC 3261 16.6 step 11: more than three minutes
	tryingWait = 50 * time.Millisecond // with a tick or two more 100 goes out within 200 ms (RFC 3261 17.2.1)
)

type serverState uint8

const (
	serverProceeding serverState = iota
	serverCompleted              // a final answer other than 2xx was sent, or any to a request other than INVITE
	serverConfirmed              // its ACK came
	serverAccepted               // a 2xx to INVITE was sent (RFC 6026)
)

// What a server transaction's timers wake it for.
const (
	wakeTrying uint8 = iota
	wakeResend
	wakeForget
)

// serverTx is a server transaction (RFC 3261 17.2) and, for a request that we forward, its response context (16).
type serverTx struct {
	shard    *shard
	key      uint64
	method   method
	state    serverState
	listener *listener
	peer     netip.AddrPort // where answers go
	from     netip.AddrPort // where the request came from
	request  []byte         // as it came; nil after the final answer
	last     []byte         // the last answer, for a retransmitted request; nil if there is none to repeat
	toTag    string         // of the answers that are ours
	session  *session       // of the INVITE that made it, else nil
	joined   *session       // the call that the INVITE belongs to: its own, or the one that it joined as a spiral
	fork     *fork          // of a request outside a dialog that goes on, until its final answer; else nil
	inside   *dialog        // that the request goes through; nil: none
	sender   side           // of that
	cseq     uint32         // the number of a request inside a dialog as it came
	offer    *timerOffer    // of session timers; nil: not asked for (RFC 4028)

	held []byte // the 2xx that waits for the journal, as it will go up; else nil

	branches    []*clientTx
	cancelled   bool
	cancelCause int // Q.850, of that

	resend wheel.Timer // 100, then G
	life   wheel.Timer
	wait   time.Duration
}

// serverKey identifies a transaction by the topmost Via and the method (RFC 3261 17.2.3); peers without the magic
// cookie by what RFC 2543 compared. The hash is keyed, so equal keys are equal transactions.
func (s *shard) serverKey(m *message, as method) uint64 {
	var h maphash.Hash
	h.SetSeed(s.front.seed)
	_ = h.WriteByte(byte(as))
	if as == methodOther {
		_, _ = h.Write(m.methodName)
	}
	if len(m.via.branch) > len(magicCookie) && string(m.via.branch[:len(magicCookie)]) == magicCookie {
		_, _ = h.Write(m.via.branch)
		_, _ = h.Write(m.via.host)
		_, _ = h.Write([]byte{byte(m.via.port >> 8), byte(m.via.port)})
		return h.Sum64()
	}
	for _, part := range [...][]byte{m.callID, m.fromTag, m.via.element} {
		_, _ = h.Write(part)
		_ = h.WriteByte(0)
	}
	_, _ = h.Write([]byte{byte(m.cseq >> 24), byte(m.cseq >> 16), byte(m.cseq >> 8), byte(m.cseq)})
	return h.Sum64()
}

// newServer makes the transaction of a request that has just come in.
func (s *shard) newServer(m *message, from netip.AddrPort, l *listener) *serverTx {
	tx := &serverTx{shard: s, key: s.serverKey(m, m.method), method: m.method, listener: l, from: from, peer: replyTo(m, from)}
	tx.request = append(make([]byte, 0, len(m.raw)), m.raw...)
	s.servers[tx.key] = tx
	if m.method == methodInvite {
		s.Wheel.Set(&tx.resend, tryingWait, tx, wakeTrying)
	}
	return tx
}

// replyTo is where answers go (RFC 3261 18.2.2, RFC 3581 4): the source's address, and its port where rport asks for
// it, else the port that the Via names.
func replyTo(m *message, from netip.AddrPort) netip.AddrPort {
	switch {
	case m.via.rport:
		return from
	case m.via.port == 0:
		return netip.AddrPortFrom(from.Addr(), defaultPort)
	}
	return netip.AddrPortFrom(from.Addr(), m.via.port)
}

// again takes a retransmission of the request: the last answer is repeated, if there is one.
func (tx *serverTx) again() {
	if len(tx.last) > 0 && (tx.state == serverProceeding || tx.state == serverCompleted) {
		tx.shard.send(tx.listener, tx.peer, tx.last)
	}
}

// acked takes the ACK of a final answer other than 2xx.
func (tx *serverTx) acked() {
	if tx.state != serverCompleted {
		return
	}
	tx.state, tx.last = serverConfirmed, nil
	tx.resend.Stop()
	tx.shard.Wheel.Set(&tx.life, t4, tx, wakeForget)
}

// respond sends an answer, complete as datagram, and moves the transaction on. Once a final answer was sent only
// retransmissions of a 2xx, and further ones from other branches, still pass.
func (tx *serverTx) respond(status int, datagram []byte) {
	switch {
	case tx.state == serverProceeding:
	case tx.state == serverAccepted && status/100 == 2:
		tx.shard.send(tx.listener, tx.peer, datagram)
		return
	default:
		return
	}
	tx.shard.send(tx.listener, tx.peer, datagram)
	wheel := tx.shard.Wheel
	if status < 200 {
		tx.last = append(tx.last[:0], datagram...)
		return
	}
	tx.resend.Stop()
	tx.request, tx.fork = nil, nil
	if tx.session != nil {
		tx.session.call.SIPStatus = status
		tx.shard.front.stats.answers[status/100%len(answerClasses)].Add(1)
	}
	wheel.Set(&tx.life, timeout, tx, wakeForget)
	if tx.method == methodInvite && status < 300 {
		tx.state, tx.last = serverAccepted, nil
		return
	}
	tx.state = serverCompleted
	tx.last = append(make([]byte, 0, len(datagram)), datagram...)
	if tx.method == methodInvite {
		tx.wait = t1
		wheel.Set(&tx.resend, tx.wait, tx, wakeResend)
	}
}

// answer sends an answer of our own. extra are complete header lines.
func (tx *serverTx) answer(status int, reason, extra string) {
	if tx.state != serverProceeding {
		return
	}
	s := tx.shard
	m := s.stored(tx.request)
	defer s.release(m)
	if tx.toTag == "" && status > 100 {
		tx.toTag = s.newTag()
	}
	s.out = appendReply(s.out[:0], m, tx.from, reply{status: status, reason: reason, toTag: tx.toTag, extra: extra, server: s.front.product})
	tx.respond(status, s.out)
}

// Expire is the end of one of the transaction's timers.
func (tx *serverTx) Expire(what uint8) {
	switch what {
	case wakeTrying:
		if tx.state == serverProceeding && len(tx.last) == 0 {
			tx.answer(100, "Trying", "")
		}
	case wakeResend: // timer G
		if tx.state == serverCompleted {
			tx.shard.send(tx.listener, tx.peer, tx.last)
			tx.wait = min(2*tx.wait, t2)
			tx.shard.Wheel.Set(&tx.resend, tx.wait, tx, wakeResend)
		}
	case wakeForget: // timers H, I, J, L
		tx.resend.Stop()
		delete(tx.shard.servers, tx.key)
	}
}
