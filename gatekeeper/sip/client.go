package sip

import (
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"time"

	"tollgate/wheel"
)

type clientState uint8

const (
	clientCalling    clientState = iota // nothing has come back
	clientProceeding                    // a provisional answer has
	clientCompleted                     // a final answer other than 2xx
	clientAccepted                      // a 2xx to INVITE (RFC 6026)
)

// What a client transaction's timers wake it for.
const (
	wakeRetransmit uint8 = iota // A, E
	wakeGiveUp                  // B, F; after a CANCEL: no 487 came
	wakeSilent                  // C
	wakeDone                    // D, M
	wakeMoveOn                  // nothing came, and there is another target
)

// clientTx is a client transaction (RFC 3261 17.1): a branch of a forwarded request, or a request of our own.
type clientTx struct {
	shard    *shard
	id       uint64 // the number in the branch; odd for a CANCEL, which shares its INVITE's branch
	method   method
	state    clientState
	listener *listener
	to       netip.AddrPort
	request  []byte    // as sent; nil after the final answer
	ack      []byte    // the ACK of a final answer other than 2xx
	server   *serverTx // whose branch this is; nil for requests of our own
	session  *session  // told of the end of a BYE; nil for others
	party    *party    // whom a forwarded BYE, or an OPTIONS of ours, went to
	probe    *probe    // told of the answer to its OPTIONS; nil for others
	gateway  bool      // an OPTIONS that asks a gateway whether it is there
	uri      string    // the Request-URI of a branch of a fork
	leg      int       // 1 + its index in the call's record; 0: it has none
	cancel   bool      // a CANCEL is wanted, or was sent
	why      []byte    // the Reason lines of that
	left     bool      // for another target: only a 2xx counts any more
	strays   []string  // the To tags of 2xx that came too late and have got their BYE

	resend wheel.Timer
	life   wheel.Timer
	wait   time.Duration
}

// newBranch makes the number of a branch. It cannot be guessed by who does not see our traffic.
func (s *shard) newBranch() uint64 { return s.random.Uint64() &^ 1 }

func (s *shard) newTag() string {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], s.random.Uint64())
	return hex.EncodeToString(b[:])
}

// branchOf is the number in the branch of an answer. An answer to a CANCEL has the INVITE's branch.
func branchOf(m *message) (uint64, bool) {
	id, _, ok := parseBranch(m.via.branch)
	if methodOf(m.cseqMethod) == methodCancel {
		id |= 1
	}
	return id, ok
}

// start sends the request, which is copied, and arms the retransmissions. It tells whether the request could be sent at
// all; one that is too long for a datagram is over.
func (s *shard) start(tx *clientTx, datagram []byte) bool {
	tx.request = append(make([]byte, 0, len(datagram)), datagram...)
	s.clients[tx.id] = tx
	tx.wait = t1
	s.Wheel.Set(&tx.resend, tx.wait, tx, wakeRetransmit)
	s.Wheel.Set(&tx.life, timeout, tx, wakeGiveUp)
	if !s.send(tx.listener, tx.to, datagram) {
		tx.end()
		return false
	}
	return true
}

// moveOn leaves a target that says nothing for the next one, long before timer B would and before SignalTimeout ends the
// call. Should it speak later it is cancelled, or even has the call if it answers first.
func (tx *clientTx) moveOn() {
	server := tx.server
	tx.shard.Wheel.Set(&tx.life, timeout-tx.shard.front.settings.Load().nextTarget(), tx, wakeGiveUp)
	if server.state != serverProceeding || !server.hasMore() {
		return
	}
	tx.left, tx.cancel = true, true
	tx.resend.Stop()
	tx.shard.front.silent(tx.to)
	server.leave()
}

// handleResponse matches an answer to its request. What matches none is dropped (RFC 6026 8.8).
func (s *shard) handleResponse(m *message) {
	id, ok := branchOf(m)
	tx := s.clients[id]
	if !ok || tx == nil {
		s.front.stats.strays.Add(1)
		return
	}
	if tx.method == methodInvite {
		tx.inviteAnswer(m)
	} else {
		tx.answer(m)
	}
}

// answer takes an answer to a request other than INVITE (RFC 3261 17.1.2). The transaction ends with the final one;
// its retransmissions are strays then.
func (tx *clientTx) answer(m *message) {
	if m.status < 200 {
		tx.state = clientProceeding
		if tx.server != nil && m.status > 100 {
			tx.server.relay(m)
		}
		return
	}
	if tx.session != nil && tx.party != nil {
		tx.session.byeAnswered(tx.party, m.status)
	}
	probe, over := tx.probe, tx.isOver(m)
	tx.end()
	if probe != nil {
		probe.answered(tx.party, m.status)
	}
	if tx.gateway {
		tx.shard.front.gatewayAnswered(tx.to, m.status)
	}
	switch {
	case tx.server == nil:
	case over:
		tx.server.answer(200, "OK", "")
	default:
		tx.server.final(tx, m)
	}
}

// isOver tells whether a BYE found the dialog gone because ours came before it: its sender has what it wants.
func (tx *clientTx) isOver(m *message) bool {
	return m.status == 481 && tx.session != nil && tx.party != nil && (tx.session.restored || tx.session.of(tx.party).over)
}

// inviteAnswer takes an answer to an INVITE (RFC 3261 17.1.1, RFC 6026 7.2).
func (tx *clientTx) inviteAnswer(m *message) {
	if tx.state == clientCalling {
		tx.shard.front.heard(tx.to)
	}
	switch {
	case tx.state == clientCompleted:
		if m.status >= 300 {
			tx.shard.send(tx.listener, tx.to, tx.ack)
		}
	case tx.state == clientAccepted:
		if m.status/100 == 2 {
			tx.server.relay2xx(tx, m)
		}
	case m.status < 200:
		tx.provisional(m)
	case m.status < 300:
		tx.settle(clientAccepted, timeout)
		tx.server.relay2xx(tx, m)
	default:
		tx.ack = tx.shard.appendAck(nil, tx, m)
		tx.shard.send(tx.listener, tx.to, tx.ack)
		tx.settle(clientCompleted, timerD)
		tx.server.final(tx, m)
	}
}

func (tx *clientTx) provisional(m *message) {
	first := tx.state == clientCalling
	tx.state = clientProceeding
	tx.resend.Stop()
	if tx.cancel {
		if first {
			tx.sendCancel()
		}
	} else if first || m.status > 100 {
		tx.shard.Wheel.Set(&tx.life, timerC, tx, wakeSilent)
	}
	if m.status > 100 && !tx.left {
		tx.server.relay(m)
	}
}

// settle is a final answer to an INVITE: the request is not needed any more.
func (tx *clientTx) settle(state clientState, linger time.Duration) {
	tx.state, tx.request = state, nil
	tx.resend.Stop()
	tx.shard.Wheel.Set(&tx.life, linger, tx, wakeDone)
}

// pending tells whether a final answer is still to come.
func (tx *clientTx) pending() bool { return tx.request != nil }

// stop cancels the branch (RFC 3261 9.1): at once if a provisional answer has come, else when it comes. why are Reason header
// lines, or nothing.
func (tx *clientTx) stop(why []byte) {
	if !tx.pending() || tx.cancel {
		return
	}
	tx.cancel, tx.why = true, why
	if tx.state == clientProceeding {
		tx.sendCancel()
	}
}

func (tx *clientTx) sendCancel() {
	s := tx.shard
	cancel := &clientTx{shard: s, id: tx.id | 1, method: methodCancel, listener: tx.listener, to: tx.to}
	s.out = s.appendCancel(s.out[:0], tx.request, tx.why)
	s.start(cancel, s.out)
	s.Wheel.Set(&tx.life, timeout, tx, wakeGiveUp)
}

// end forgets the transaction.
func (tx *clientTx) end() {
	tx.request = nil
	tx.resend.Stop()
	tx.life.Stop()
	delete(tx.shard.clients, tx.id)
	if tx.session != nil {
		tx.session.byeDone()
		tx.session = nil
	}
}

// Expire is the end of one of the transaction's timers.
func (tx *clientTx) Expire(what uint8) {
	switch what {
	case wakeRetransmit:
		tx.retransmit()
	case wakeGiveUp:
		tx.giveUp()
	case wakeSilent:
		tx.stop(nil)
	case wakeDone:
		tx.end()
	case wakeMoveOn:
		tx.moveOn()
	}
}

// giveUp is the end of a transaction that got no final answer.
func (tx *clientTx) giveUp() {
	probe := tx.probe
	tx.end()
	if probe != nil {
		probe.answered(tx.party, 0)
	}
	if tx.gateway {
		tx.shard.front.silent(tx.to)
	}
	if tx.server != nil {
		tx.server.timedOut(tx)
	}
}

// retransmit is timer A, which doubles without end, or E, which doubles up to T2 and stays there after a provisional
// answer.
func (tx *clientTx) retransmit() {
	if tx.method == methodInvite && tx.state != clientCalling || !tx.pending() {
		return
	}
	tx.shard.send(tx.listener, tx.to, tx.request)
	tx.wait *= 2
	if tx.method != methodInvite {
		tx.wait = min(tx.wait, t2)
		if tx.state == clientProceeding {
			tx.wait = t2
		}
	}
	tx.shard.Wheel.Set(&tx.resend, tx.wait, tx, wakeRetransmit)
}
