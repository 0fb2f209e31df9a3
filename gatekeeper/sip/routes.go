package sip

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	sipgo "github.com/emiago/sipgo/sip"

	"tollgate/config"
)

// target is where a call can be sent.
type target struct {
	addr netip.AddrPort
	host string // host[:port] as it is to stand in the Request-URI
}

// route sends the called users that begin with prefix to the targets, tried from left to right.
type route struct {
	name    string // as it stands in the file
	prefix  string // "" is the default
	targets []target
}

// Routes is [SIP::Routes], longest prefix first.
type Routes []route

// ParseRoutes reads [SIP::Routes]. Problems are all errors.
func ParseRoutes(section *config.Section) (Routes, config.Problems) {
	var routes Routes
	var problems config.Problems
	for _, e := range section.Entries {
		r := route{name: e.Name, prefix: e.Name}
		if e.Name == "*" {
			r.prefix = ""
		}
		for _, item := range splitList(e.Value) {
			t, err := parseTarget(item)
			if err != nil {
				problems = append(problems, section.Problem(e.Name, "route %s: %v", e.Name, err))
			}
			r.targets = append(r.targets, t)
		}
		if len(r.targets) == 0 {
			problems = append(problems, section.Problem(e.Name, "route %s has no target; give one as in sip:192.0.2.1:5060", e.Name))
		}
		routes = append(routes, r)
	}
	slices.SortStableFunc(routes, func(a, b route) int { return len(b.prefix) - len(a.prefix) })
	return routes, problems
}

// parseTarget reads sip:host:port. The host is an address: a name would have to be looked up for each call.
func parseTarget(item string) (target, error) {
	var uri sipgo.Uri
	if err := sipgo.ParseUri(item, &uri); err != nil || !strings.EqualFold(uri.Scheme, "sip") {
		return target{}, fmt.Errorf("%q is not of the form sip:ADDRESS:PORT", item)
	}
	addr, ok := parseIP([]byte(uri.Host))
	if !ok {
		return target{}, fmt.Errorf("%q: %q is not an IP address", item, uri.Host)
	}
	if uri.Port < 0 || uri.Port > 65535 {
		return target{}, fmt.Errorf("%q: port %d is not between 1 and 65535", item, uri.Port)
	}
	if uri.User != "" || len(uri.UriParams) > 0 || len(uri.Headers) > 0 {
		return target{}, fmt.Errorf("%q: a target is an address and a port only", item)
	}
	port := uint16(uri.Port)
	if port == 0 {
		port = defaultPort
	}
	t := target{addr: netip.AddrPortFrom(addr, port)}
	t.host = t.addr.String()
	return t, nil
}

// find gives the targets for a called user.
func (r Routes) find(user string) []target {
	for i := range r {
		if strings.HasPrefix(user, r[i].prefix) {
			return r[i].targets
		}
	}
	return nil
}

func splitList(raw string) []string {
	return strings.FieldsFunc(raw, func(c rune) bool { return c == ',' || c == ' ' || c == '\t' })
}

func cutScheme(item string) (scheme, rest string, ok bool) {
	scheme, rest, ok = strings.Cut(item, ":")
	return strings.ToLower(scheme), rest, ok
}
