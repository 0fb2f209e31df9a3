package statusport

import (
	"net/netip"
	"strconv"

	"tollgate/gatekeeper/sip/blocklist"
)

// Blocks are the sources that are not answered for a while.
type Blocks interface {
	// Blocked lists them in the order in which their blocks began.
	Blocked() []blocklist.Entry
	// Unblock answers a source again and tells whether it was blocked.
	Unblock(addr netip.Addr) bool
}

// blocked lists them: "Blocked", for each one BLK|address|until|refusals that began the block|datagrams dropped since, the
// count, ";". What stands for an IPv6 network has its length behind the address.
func (c *client) blocked(invocation) ([]byte, bool) {
	b := []byte("Blocked\r\n")
	n := 0
	if source := c.server.opts.Blocks; source != nil {
		for _, e := range source.Blocked() {
			b = c.server.appendBlock(b, &e)
			n++
		}
	}
	b = append(b, "Number of Blocked Sources: "...)
	b = strconv.AppendInt(b, int64(n), 10)
	return append(b, "\r\n;\r\n"...), true
}

func (s *Server) appendBlock(b []byte, e *blocklist.Entry) []byte {
	b = append(b, "BLK|"...)
	b = e.Addr.AppendTo(b)
	if e.Addr.Is6() {
		b = append(b, "/64"...)
	}
	b = append(b, '|')
	b = s.times.Append(b, e.Until)
	b = appendNumber(b, int64(e.Refusals))
	b = append(b, '|')
	b = strconv.AppendUint(b, e.Dropped, 10)
	return append(b, "\r\n"...)
}

// unblock takes an address as blocked lists it, or any of a blocked IPv6 network. Everyone sees the result.
func (c *client) unblock(in invocation) ([]byte, bool) {
	if len(in.args) != 1 {
		return nil, false
	}
	addr, ok := parseSource(in.args[0])
	if !ok {
		return nil, false
	}
	if source := c.server.opts.Blocks; source != nil && source.Unblock(addr) {
		c.server.announce("Address " + in.args[0] + " unblocked.")
	} else {
		c.server.announce("Address " + in.args[0] + " is not blocked")
	}
	return nil, true
}

// parseSource reads an address, or an IPv6 network of 64 bits.
func parseSource(text string) (netip.Addr, bool) {
	if prefix, err := netip.ParsePrefix(text); err == nil {
		return prefix.Addr(), prefix.Bits() == 64 && prefix.Addr().Is6()
	}
	addr, err := netip.ParseAddr(text)
	return addr.WithZone(""), err == nil
}
