package sip

import "net/netip"

// parseIPv4 reads a dotted address as netip.ParseAddr does, without making a string of it.
func parseIPv4(host []byte) (netip.Addr, bool) {
	var quad [4]byte
	at, digits, n := 0, 0, 0
	for _, c := range host {
		switch {
		case c == '.':
			if digits == 0 || at == 3 {
				return netip.Addr{}, false
			}
			quad[at] = byte(n)
			at, digits, n = at+1, 0, 0
		case c < '0' || c > '9', digits > 0 && n == 0: // no leading zero
			return netip.Addr{}, false
		default:
			if n = 10*n + int(c-'0'); n > 255 {
				return netip.Addr{}, false
			}
			digits++
		}
	}
	if at != 3 || digits == 0 {
		return netip.Addr{}, false
	}
	quad[3] = byte(n)
	return netip.AddrFrom4(quad), true
}
