package sip

import (
	"math/rand/v2"
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
		f.askGateway(addr)
	}
}

// askGateway sends an OPTIONS outside of any dialog, from the shard in which the answer will be looked for.
func (f *Front) askGateway(to netip.AddrPort) {
	l := f.listenerFor(f.listeners[0], to)
	callID := strconv.FormatUint(rand.Uint64(), 36) + "@" + l.hostPort
	s := f.shardOf([]byte(callID))
	s.Lock()
	defer s.Unlock()
	self, gateway := "<sip:"+l.hostPort+">", "sip:"+to.String()
	r := &inDialog{method: "OPTIONS", uri: gateway, from: self + ";tag=" + s.newTag(), to: "<" + gateway + ">", callID: callID, cseq: 1}
	tx := &clientTx{shard: s, id: s.newBranch(), method: methodOptions, listener: l, to: to, gateway: true}
	s.out = s.appendInDialog(s.out[:0], l, tx.id, r)
	s.start(tx, s.out)
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
