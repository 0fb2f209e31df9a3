package sip

import (
	"net/netip"
	"time"

	"go.uber.org/zap"

	"tollgate/gatekeeper/sip/blocklist"
)

// Requests outside of calls: those that begin one, and those that have nothing to do with calls.

// handleOutside takes a request that is no INVITE and stands in no call. What is for us is answered, the rest goes where the
// calls of its user would go.
func (s *shard) handleOutside(m *message, from netip.AddrPort, l *listener) {
	settings := s.front.settings.Load()
	switch {
	case m.method == methodOptions && (m.maxForwards == 0 || userOf(m.uri) == ""): // RFC 3261 11.2, 16.3 step 3
		s.stateless(m, from, l, reply{status: 200, reason: "OK", extra: allow + "Accept: application/sdp\r\n"})
		return
	case string(m.methodName) == "REGISTER":
		s.stateless(m, from, l, reply{status: 405, reason: "Method Not Allowed", extra: allow})
		return
	case !s.trusted(settings, m, from, l):
		return
	}
	where, refused := s.route(settings, m)
	if refused == nil && s.isLoop(m) {
		refused = &reply{status: 482, reason: "Loop Detected", why: blocklist.Loop}
	}
	if refused != nil {
		s.refuse(m, from, l, *refused)
		return
	}
	tx := s.newServer(m, from, l)
	tx.fork = where
	tx.ask(s.newBranch())
}

// trusted tells whether the sender may place calls, and refuses the request if not.
func (s *shard) trusted(settings *Settings, m *message, from netip.AddrPort, l *listener) bool {
	if settings.trusts(from.Addr()) {
		return true
	}
	s.refuse(m, from, l, reply{status: 403, reason: "Forbidden", why: blocklist.Untrusted})
	return false
}

// refuse answers a request that makes no call and no transaction, with a line in the log. Who is refused too often is not
// answered any more.
func (s *shard) refuse(m *message, from netip.AddrPort, l *listener, r reply) {
	s.front.refused(m, from, r.why)
	s.stateless(m, from, l, r)
}

// refused writes the line of a refusal: what the sender controls stands behind its address (etc/fail2ban).
func (f *Front) refused(m *message, from netip.AddrPort, why blocklist.Reason) {
	f.stats.refusals[why].Add(1)
	line := blocklist.Line(nil, from, why, methodText(m.method))
	f.log.Info(string(line), zap.ByteString("call_id", bounded(m.callID)), zap.ByteString("uri", bounded(m.uri)),
		zap.ByteString("user_agent", bounded(m.find(hdrUserAgent))))
	if f.settings.Load().trusts(from.Addr()) || why == blocklist.Limit || why == blocklist.Loop {
		return
	}
	now := time.Now()
	if f.blocked.Refused(from.Addr(), now) {
		f.log.Info(string(blocklist.Line(nil, from, blocklist.Blocked, methodText(m.method))))
	}
}

// bounded is the beginning of a peer's text, for the log.
func bounded(text []byte) []byte { return text[:min(len(text), 128)] }

func methodText(m method) string {
	if m == methodOther {
		return "OTHER"
	}
	return methodNames[m]
}

// route finds where a request outside of a dialog goes (RFC 3261 16.4, 16.5): the operator's routes decide. A Route that
// it brings beyond ours is followed only to an address that we know: anywhere else would be a way around the routes.
func (s *shard) route(settings *Settings, m *message) (*fork, *reply) {
	uri, rest, err := s.front.preprocess(m)
	if err != nil {
		return nil, &reply{status: 400, reason: "Malformed Route", why: blocklist.Malformed}
	}
	if len(rest) > 0 {
		if to, uri, rest := s.front.nextHop(uri, rest, netip.AddrPort{}); to.IsValid() && settings.knows(to.Addr()) {
			return s.newFork(m, [][]target{{{addr: to, uri: string(uri)}}}, rest), nil
		}
	}
	user := userOf(uri)
	route := settings.Routes.Find(unescape(user))
	if route == nil {
		return nil, &reply{status: 404, reason: "Not Found", why: blocklist.Unrouted}
	}
	steps := route.Plan(s.below, s.front.health.Down)
	return s.newFork(m, planned(steps, user), nil), nil
}

// below draws a number below n.
func (s *shard) below(n uint32) uint32 { return uint32(s.random.Uint64() % uint64(n)) }

// knows tells whether the address is a trusted peer's or a gateway's.
func (s *Settings) knows(addr netip.Addr) bool { return s.trusts(addr) || s.Routes.Has(addr) }

// handleStray forwards a request of a dialog that is no call's, such as that of a subscription (RFC 6665): between peers and
// gateways that we know, and never one that could place or change a call.
func (s *shard) handleStray(m *message, from netip.AddrPort, l *listener) {
	settings := s.front.settings.Load()
	uri, rest, err := s.front.preprocess(m)
	switch string(m.methodName) {
	case "INVITE", "BYE", "ACK", "UPDATE", "PRACK", "INFO":
		s.stateless(m, from, l, *noCall())
		return
	}
	if err != nil || !settings.knows(from.Addr()) {
		s.stateless(m, from, l, *noCall())
		return
	}
	to, uri, rest := s.front.nextHop(uri, rest, netip.AddrPort{})
	if !to.IsValid() || !settings.knows(to.Addr()) || s.isLoop(m) {
		s.stateless(m, from, l, *noCall())
		return
	}
	tx := s.newServer(m, from, l)
	tx.fork = s.newFork(m, [][]target{{{addr: to, uri: string(uri)}}}, rest)
	tx.ask(s.newBranch())
}
