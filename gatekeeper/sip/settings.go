package sip

import (
	"fmt"
	"net/netip"
	"slices"

	"tollgate/config"
)

// Settings are the operator's choices about SIP that may change while calls are up.
type Settings struct {
	Routes       Routes
	Trusted      []netip.Prefix
	RefuseStatus int
}

// Keys are the keys of [SIP].
func Keys() []config.Key {
	return []config.Key{
		{Name: "Listen", Kind: config.String, Default: "udp:127.0.0.1:5060", Check: checkListen,
			Doc: "The addresses that SIP peers reach, as udp:ADDRESS:PORT, separated by commas."},
		{Name: "TrustedPeers", Kind: config.String, Default: "127.0.0.0/8,::1", Check: checkTrusted,
			Doc: "Addresses and networks whose calls need no credentials; an INVITE from anywhere else is answered 403."},
		{Name: "RefuseStatus", Kind: config.Int, Default: "503", Min: 400, Max: 699,
			Doc: "The status that answers an INVITE whose start could not be accounted."},
	}
}

// RoutesDecl declares [SIP::Routes].
func RoutesDecl() config.SectionDecl {
	return config.SectionDecl{
		Name: "SIP::Routes",
		Doc:  "Where calls go: the longest prefix of the called user part wins, * is for all others. Targets are tried from left to right: the next one after a 503, a 408, or 5 s without a word.",
		Open: &config.Key{Name: "PREFIX", Kind: config.String, Example: "sip:192.0.2.10:5060,sip:192.0.2.11:5060",
			Doc: "The targets of called users that begin with PREFIX, as sip:ADDRESS:PORT, separated by commas."},
	}
}

func checkListen(raw string) error {
	_, err := ParseListen(raw)
	return err
}

func checkTrusted(raw string) error {
	_, err := parseTrusted(raw)
	return err
}

// ParseSettings reads [SIP] and [SIP::Routes].
func ParseSettings(main, routes *config.Section) (*Settings, config.Problems) {
	s := &Settings{RefuseStatus: int(main.Int("RefuseStatus"))}
	var problems config.Problems
	s.Routes, problems = ParseRoutes(routes)
	trusted, err := parseTrusted(main.Text("TrustedPeers"))
	if err != nil {
		problems = append(problems, main.Problem("TrustedPeers", "%v", err))
	}
	s.Trusted = trusted
	if listen, err := ParseListen(main.Text("Listen")); err == nil {
		problems = append(problems, unreachable(s.Routes, listen, routes)...)
	}
	if len(s.Routes) == 0 {
		problems = append(problems, routes.Warning("", "no route: every call will be answered 404; add one as in *=sip:127.0.0.1:5070"))
	}
	return s, problems
}

// unreachable finds targets of an address family that no listener has.
func unreachable(routes Routes, listen []netip.AddrPort, section *config.Section) config.Problems {
	var problems config.Problems
	for _, r := range routes {
		for _, t := range r.targets {
			same := func(l netip.AddrPort) bool { return l.Addr().Is4() == t.addr.Addr().Is4() }
			if t.addr.IsValid() && !slices.ContainsFunc(listen, same) {
				problems = append(problems, section.Problem(r.name, "route %s: no address of [SIP] Listen is of the same family as %s", r.name, t.addr.Addr()))
			}
		}
	}
	return problems
}

func parseTrusted(raw string) ([]netip.Prefix, error) {
	var prefixes []netip.Prefix
	for _, item := range splitList(raw) {
		prefix, err := netip.ParsePrefix(item)
		if err != nil {
			addr, err := netip.ParseAddr(item)
			if err != nil {
				return nil, fmt.Errorf("%q is neither an address nor a network such as 192.0.2.0/24", item)
			}
			prefix = netip.PrefixFrom(addr, addr.BitLen())
		}
		prefixes = append(prefixes, prefix)
	}
	return prefixes, nil
}

func (s *Settings) trusts(addr netip.Addr) bool {
	for _, p := range s.Trusted {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}
