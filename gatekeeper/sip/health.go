package sip

import (
	"net/netip"
	"strconv"
	"time"

	"go.uber.org/zap"
)

// Whether a gateway is there is known from the INVITEs that it answers or not, and from an OPTIONS that it is asked with
// (RFC 3261 11): those that are down until they answer, and all of them where GatewayProbe asks for it.

// askGateways asks those whose turn it is.
func (f *Front) askGateways(now time.Time) {
	for _, addr := range f.health.Due(now) {
		s := f.shards[0]
		s.Lock()
		s.askGateway(addr)
		s.Unlock()
	}
}

func (s *shard) askGateway(addr netip.AddrPort) {
	l := s.front.listenerFor(s.front.listeners[0], addr)
	tx := &clientTx{shard: s, id: s.newBranch(), method: methodOptions, listener: l, to: addr, gateway: true}
	s.out = s.appendPing(s.out[:0], l, tx.id, addr)
	s.start(tx, s.out)
}

// appendPing writes an OPTIONS outside of any dialog.
func (s *shard) appendPing(dst []byte, l *listener, branch uint64, to netip.AddrPort) []byte {
	self := "<sip:" + l.hostPort + ">"
	r := &inDialog{method: "OPTIONS", uri: "sip:" + to.String(), from: self + ";tag=" + s.newTag(), to: "<sip:" + to.String() + ">",
		callID: strconv.FormatUint(s.random.Uint64(), 36) + "@" + l.hostPort, cseq: 1}
	return s.appendInDialog(dst, l, branch, r)
}

// gatewayAnswered takes the answer to an OPTIONS: whatever it says, somebody is there, unless it says that it is not.
func (f *Front) gatewayAnswered(addr netip.AddrPort, status int) {
	if status == 408 || status == 503 {
		f.silent(addr)
		return
	}
	f.heard(addr)
}

// heard notes that a gateway is there.
func (f *Front) heard(addr netip.AddrPort) {
	if f.health.Answered(addr, time.Now()) {
		f.log.Info("gateway is back", zap.Stringer("gateway", addr))
		f.gatewayChanged(addr, false)
	}
}

// silent notes that a gateway has not answered at all.
func (f *Front) silent(addr netip.AddrPort) {
	if f.health.Failed(addr, time.Now()) {
		f.log.Warn("gateway is down", zap.Stringer("gateway", addr))
		f.gatewayChanged(addr, true)
	}
}
