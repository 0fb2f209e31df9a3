package routes

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"tollgate/config"
)

// The bounds of the parameters.
const (
	maxStrip   = 64
	maxPrepend = 64
	maxWeight  = 65535 // as in an SRV record (RFC 2782)
)

const defaultPort = 5060 // RFC 3261 19.1.2

// params are the parameters of a target, or of all targets of a route. Those that are not given are negative or nil.
type params struct {
	strip, weight int
	prepend       *string
}

// parseTarget reads sip:ADDRESS[:PORT];PARAMETER;... . The host is an address: a name would have to be looked up for each call.
func parseTarget(item string, common params) (t Target, hasWeight bool, err error) {
	if item == "" {
		return Target{}, false, fmt.Errorf("a target is missing before or after a comma or &")
	}
	host, rest, _ := strings.Cut(item, ";")
	host = strings.TrimSpace(host)
	if t.Addr, err = parseAddr(host); err != nil {
		return Target{}, false, err
	}
	t.Host = t.Addr.String()
	own := noParams()
	if rest != "" || strings.HasSuffix(item, ";") {
		if own, err = parseParams(rest); err != nil {
			return Target{}, false, fmt.Errorf("%s: %w", quote(host), err)
		}
	}
	t.Strip = max(0, firstOf(own.strip, common.strip))
	t.Weight = max(0, own.weight)
	if own.prepend == nil {
		own.prepend = common.prepend
	}
	if own.prepend != nil {
		t.Prepend = *own.prepend
	}
	return t, own.weight >= 0, nil
}

func noParams() params { return params{strip: -1, weight: -1} }

func firstOf(a, b int) int {
	if a >= 0 {
		return a
	}
	return b
}

func hasScheme(text string) bool {
	return len(text) >= len("sip:") && strings.EqualFold(text[:len("sip:")], "sip:")
}

func parseAddr(host string) (netip.AddrPort, error) {
	if hasScheme(host) && strings.ContainsAny(host, " \t") {
		return netip.AddrPort{}, fmt.Errorf("%s has a blank in it; targets are separated by commas or &", quote(host))
	}
	if !hasScheme(host) {
		return netip.AddrPort{}, fmt.Errorf("%s is not of the form sip:ADDRESS:PORT", quote(host))
	}
	if strings.ContainsAny(host, "@?/") {
		return netip.AddrPort{}, fmt.Errorf("%s: a target is an address and a port only, with parameters behind semicolons", quote(host))
	}
	text := host[len("sip:"):]
	addrText, portText, hasPort := text, "", false
	if i := strings.LastIndexByte(text, ':'); i > strings.LastIndexByte(text, ']') {
		addrText, portText, hasPort = text[:i], text[i+1:], true
	}
	bare, bracketed := strings.CutPrefix(addrText, "[")
	if bracketed {
		bare = strings.TrimSuffix(bare, "]")
	}
	addr, err := netip.ParseAddr(bare)
	if err != nil || addr.Zone() != "" || bracketed != addr.Is6() || bracketed && addrText != "["+bare+"]" {
		return netip.AddrPort{}, fmt.Errorf("%s: %s is not an IP address", quote(host), quote(addrText))
	}
	addr = addr.Unmap()
	if addr.IsUnspecified() || addr.IsMulticast() {
		return netip.AddrPort{}, fmt.Errorf("%s: no gateway can have the address %s", quote(host), addr)
	}
	port := uint64(defaultPort)
	if hasPort {
		if port, err = strconv.ParseUint(portText, 10, 16); err != nil || port == 0 {
			return netip.AddrPort{}, fmt.Errorf("%s: port %s is not between 1 and 65535", quote(host), portText)
		}
	}
	return netip.AddrPortFrom(addr, uint16(port)), nil
}

// parseParams reads NAME=VALUE;NAME=VALUE.
func parseParams(text string) (params, error) {
	p := noParams()
	var given []string
	for item := range strings.SplitSeq(text, ";") {
		name, value, found := strings.Cut(item, "=")
		name, value = strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(value)
		if slices.Contains(given, name) {
			return p, fmt.Errorf("parameter %s given twice", name)
		}
		given = append(given, name)
		var err error
		switch name {
		case "strip":
			p.strip, err = parseNumber(name, value, maxStrip)
		case "weight":
			p.weight, err = parseNumber(name, value, maxWeight)
		case "prepend":
			err = checkPrepend(value)
			p.prepend = &value
		default:
			return p, unknown(name)
		}
		if !found {
			err = fmt.Errorf("parameter %s has no value; give one as in %s=2", name, name)
		}
		if err != nil {
			return p, err
		}
	}
	return p, nil
}

func unknown(name string) error {
	if name == "" {
		return fmt.Errorf("a parameter is missing before or after a semicolon")
	}
	known := []string{"strip", "prepend", "weight"}
	hint := config.Hint(name, known)
	if hint == "" {
		hint = "; there are " + strings.Join(known, ", ")
	}
	return fmt.Errorf("unknown parameter %s%s", quote(name), hint)
}

func parseNumber(name, value string, most int) (int, error) {
	n, err := strconv.ParseUint(value, 10, 31)
	if err != nil || n > uint64(most) {
		return -1, fmt.Errorf("%s=%.20s: a number from 0 to %d is needed", name, value, most)
	}
	return int(n), nil
}

// checkPrepend lets pass what may stand in the user part of a SIP URI (RFC 3261 25.1), but for the three characters that
// separate things here.
func checkPrepend(value string) error {
	if len(value) > maxPrepend {
		return fmt.Errorf("prepend=%.20s…: more than %d characters", value, maxPrepend)
	}
	for i := 0; i < len(value); i++ {
		c := value[i]
		letter := 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9'
		if !letter && strings.IndexByte("-_.!~*'()=+$?/", c) < 0 && !isEscape(value[i:]) {
			return fmt.Errorf("prepend=%s: %q cannot stand in a SIP user; # is written %%23", value, c)
		}
	}
	return nil
}
