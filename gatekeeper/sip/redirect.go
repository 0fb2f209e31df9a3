package sip

import (
	"bytes"
	"cmp"
	"net/netip"
	"slices"
	"strconv"

	sipgo "github.com/emiago/sipgo/sip"
)

// follow takes a redirection (RFC 3261 16.5, 16.7 step 4) where the operator wants it followed, and tells whether there is
// somewhere to go: what its Contacts name comes next, the highest q first.
func (tx *serverTx) follow(m *message) bool {
	if m.status/100 != 3 || tx.cancelled || !tx.shard.front.settings.Load().FollowRedirects {
		return false
	}
	f := tx.fork
	var more []target
	for _, c := range m.contacts() {
		t, ok := tx.shard.front.redirected(c.uri)
		if ok && f.targets+len(more) < maxTargets && !slices.Contains(more, t) && !f.lists(t) && !tx.asked(t) {
			more = append(more, t)
		}
	}
	f.add(more)
	f.followed = f.followed || len(more) > 0
	return len(more) > 0
}

// asked tells whether the target has been tried already: none is tried twice (RFC 3261 16.5).
func (tx *serverTx) asked(t target) bool {
	return slices.ContainsFunc(tx.branches, func(b *clientTx) bool { return b.uri == t.uri && b.to == t.addr })
}

// redirected is the target that a Contact names. It must be an address, over UDP, and not ourselves.
func (f *Front) redirected(uri []byte) (target, bool) {
	var parsed sipgo.Uri
	if !isURI(uri) || sipgo.ParseUri(string(uri), &parsed) != nil || parsed.Scheme != "sip" || len(parsed.Headers) > 0 || f.isOurs(&parsed) {
		return target{}, false
	}
	if transport, ok := parsed.UriParams.Get("transport"); ok && !equalFold([]byte(transport), "udp") {
		return target{}, false
	}
	addr, ok := parseIP([]byte(parsed.Host))
	if !ok || parsed.Port < 0 || parsed.Port > 65535 {
		return target{}, false
	}
	port := cmp.Or(uint16(parsed.Port), defaultPort)
	return target{addr: netip.AddrPortFrom(addr, port), uri: string(uri)}, true
}

// weightedContact is an element of a Contact header.
type weightedContact struct {
	uri []byte
	q   float64
}

// contacts lists the message's Contacts, the highest q first (RFC 3261 20.10; without q it is 1).
func (m *message) contacts() []weightedContact {
	var list []weightedContact
	for i := range m.headers {
		if m.headers[i].id != hdrContact {
			continue
		}
		for rest := m.value(&m.headers[i]); len(rest) > 0 && len(list) < maxTargets; {
			var c []byte
			c, rest = cutOutside(rest, ',')
			list = append(list, weightedContact{uri: addressIn(trim(c)), q: qOf(c)})
		}
	}
	slices.SortStableFunc(list, func(a, b weightedContact) int { return cmp.Compare(b.q, a.q) })
	return list
}

func qOf(contact []byte) float64 {
	v := bytes.TrimSpace(param(contact, "q"))
	if q, err := strconv.ParseFloat(string(v[:min(len(v), 5)]), 64); err == nil && q >= 0 && q <= 1 {
		return q
	}
	return 1
}
