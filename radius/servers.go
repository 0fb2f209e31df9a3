package radius

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"tollgate/config"
)

// Server is one RADIUS server as the operator wrote it.
type Server struct {
	Host     string // address or name, without brackets
	AuthPort uint16
	AcctPort uint16
	Secret   config.Secret
}

// Address is HOST:PORT of the accounting port, an IPv6 address in brackets.
func (s Server) Address() string { return net.JoinHostPort(s.Host, strconv.Itoa(int(s.AcctPort))) }

// ParseServers reads a list HOST[:AUTHPORT[:ACCTPORT[:SECRET]]], separated by ";", "," or blanks, as GnuGk writes it. An
// IPv6 address stands in brackets. A port that is absent, empty or 0, and a secret that is absent or empty, are those of
// defaults. The secret is all that follows the third colon. The error tells all mistakes, and no secret.
func ParseServers(text string, defaults Server) ([]Server, error) {
	var servers []Server
	var mistakes []error
	for i, entry := range strings.FieldsFunc(text, isSeparator) {
		server, err := parseServer(entry, defaults)
		if err != nil {
			mistakes = append(mistakes, fmt.Errorf("server %d of the list: %w", i+1, err))
		}
		servers = append(servers, server)
	}
	if err := errors.Join(mistakes...); err != nil {
		return nil, err
	}
	return servers, nil
}

func isSeparator(r rune) bool { return strings.ContainsRune(";, \t", r) }

func parseServer(entry string, defaults Server) (Server, error) {
	server := defaults
	host, rest, err := splitHost(entry)
	if err != nil {
		return server, err
	}
	server.Host = host
	parts := strings.SplitN(rest, ":", 3)
	if server.AuthPort, err = parsePort(parts[0], defaults.AuthPort); err != nil {
		return server, fmt.Errorf("%s: the authentication port %w", host, err)
	}
	if len(parts) > 1 {
		if server.AcctPort, err = parsePort(parts[1], defaults.AcctPort); err != nil {
			return server, fmt.Errorf("%s: the accounting port %w", host, err)
		}
	}
	if len(parts) > 2 && parts[2] != "" {
		server.Secret = config.Secret(parts[2])
	}
	if server.Secret == "" {
		return server, fmt.Errorf("%s has no secret", host) // RFC 2865 3: the secret must not be empty
	}
	return server, nil
}

// splitHost takes the host from the front of an entry.
func splitHost(entry string) (host, rest string, err error) {
	if inner, ok := strings.CutPrefix(entry, "["); ok {
		host, rest, ok = strings.Cut(inner, "]")
		if !ok {
			return "", "", errors.New("the bracket after the IPv6 address is missing")
		}
		if addr, err := netip.ParseAddr(host); err != nil || !addr.Is6() {
			return "", "", errors.New("there is no IPv6 address in the brackets")
		}
		if rest == "" {
			return host, "", nil
		}
		if rest, ok = strings.CutPrefix(rest, ":"); !ok {
			return "", "", errors.New("a colon is missing after the bracket")
		}
		return host, rest, nil
	}
	host, rest, _ = strings.Cut(entry, ":")
	if !isHostName(host) {
		return "", "", errors.New("it does not begin with an address or a host name (an IPv6 address stands in brackets)")
	}
	return host, rest, nil
}

// isHostName accepts names and IPv4 addresses; what consists of digits and dots must be an address.
func isHostName(host string) bool {
	if host == "" || len(host) > 253 {
		return false
	}
	if strings.Trim(host, "0123456789.") == "" {
		_, err := netip.ParseAddr(host)
		return err == nil
	}
	for _, c := range host {
		alphanumeric := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !alphanumeric && c != '-' && c != '.' && c != '_' {
			return false
		}
	}
	return true
}

// parsePort does not repeat the text in its error: somebody may have written the secret in its place.
func parsePort(text string, absent uint16) (uint16, error) {
	if text == "" {
		return absent, nil
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return 0, errors.New("is not a number of 0 to 65535")
	}
	if port == 0 {
		return absent, nil
	}
	return uint16(port), nil
}

// PortRange are the source ports that a client may use; the zero range leaves the choice to the system.
type PortRange struct{ Low, High uint16 }

// ParsePortRange reads "a-b", whose order does not matter, or a single port. GnuGk's default 1024-65535 is the zero
// range: the system knows better which port no other program wants.
func ParsePortRange(text string) (PortRange, error) {
	a, b, pair := strings.Cut(text, "-")
	if !pair {
		b = a
	}
	low, err1 := strconv.ParseUint(strings.TrimSpace(a), 10, 16)
	high, err2 := strconv.ParseUint(strings.TrimSpace(b), 10, 16)
	if err1 != nil || err2 != nil || low == 0 || high == 0 {
		return PortRange{}, fmt.Errorf("port range %q is not of the form 1024-65535", text)
	}
	r := PortRange{Low: uint16(min(low, high)), High: uint16(max(low, high))}
	if r == (PortRange{Low: 1024, High: 65535}) {
		return PortRange{}, nil
	}
	return r, nil
}
