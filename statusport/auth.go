package statusport

import (
	"net/netip"
	"slices"
	"strings"

	"tollgate/config"
)

// AuthSection is the name of the section with the login rules.
const AuthSection = "GkStatus::Auth"

// Auth says who may use the status port: [GkStatus::Auth].
type Auth struct {
	Shutdown bool // the shutdown command is allowed
	rules    []authRule
	networks []network // longest prefix first
	fallback bool      // default=
}

// authRule is one rule and the operator that follows it: '|', '&', or 0 after the last.
type authRule struct {
	name string
	op   byte
}

type network struct {
	prefix netip.Prefix
	allow  bool
}

// Allows evaluates the rules for a client's address. They are taken from left to right without precedence: "|" ends
// the evaluation if the rule before it is true, "&" if it is false; else the next rule's result replaces it (GnuGk's
// order).
func (a *Auth) Allows(addr netip.Addr) bool {
	result := false
	for _, r := range a.rules {
		switch r.name {
		case "allow":
			result = true
		case "explicit":
			result = a.explicit(addr.Unmap().WithZone(""))
		default:
			result = false
		}
		if r.op == '|' && result || r.op == '&' && !result {
			break
		}
	}
	return result
}

// explicit is the entry of the smallest network that holds addr, or default.
func (a *Auth) explicit(addr netip.Addr) bool {
	for _, n := range a.networks {
		if n.prefix.Contains(addr) {
			return n.allow
		}
	}
	return a.fallback
}

// ParseAuth reads the bound section. The Auth is of use only if the problems hold no error.
func ParseAuth(sec *config.Section) (*Auth, config.Problems) {
	a := &Auth{Shutdown: sec.Bool("Shutdown"), fallback: sec.Bool("default")}
	var problems config.Problems
	a.rules, problems = parseRules(sec)
	for _, e := range sec.Entries {
		if declared(e.Name) || e.Line != sec.LineOf(e.Name) { // config reports a name that is given twice
			continue
		}
		n, why := parseNetwork(e)
		if why == "" && a.has(n.prefix) {
			why = "the same address stands in the section already"
		}
		if why != "" {
			problems = append(problems, sec.Problem(e.Name, "%s: %s", e.Name, why))
			continue
		}
		a.networks = append(a.networks, n)
	}
	if len(a.networks) == 0 {
		for _, loopback := range []string{"127.0.0.1/32", "::1/128"} {
			a.networks = append(a.networks, network{netip.MustParsePrefix(loopback), true})
		}
	}
	slices.SortStableFunc(a.networks, func(x, y network) int { return y.prefix.Bits() - x.prefix.Bits() })
	return a, problems
}

func (a *Auth) has(p netip.Prefix) bool {
	return slices.ContainsFunc(a.networks, func(n network) bool { return n.prefix == p })
}

// declared tells whether the name is a key of the section rather than an address.
func declared(name string) bool {
	decl := AuthDecl()
	return slices.ContainsFunc(decl.Keys, func(k config.Key) bool { return strings.EqualFold(k.Name, name) }) ||
		slices.ContainsFunc(decl.Foreign, func(f config.Foreign) bool { return strings.EqualFold(f.Name, name) })
}

// parseRules reads "explicit", "explicit | allow", "forbid & explicit | allow" and so on.
func parseRules(sec *config.Section) (rules []authRule, problems config.Problems) {
	text := sec.Text("rule")
	for {
		end := strings.IndexAny(text, "|&")
		r := authRule{name: text}
		if end >= 0 {
			r = authRule{name: text[:end], op: text[end]}
		}
		r.name = strings.ToLower(strings.TrimSpace(r.name))
		switch r.name {
		case "allow", "forbid", "explicit":
		case "regex", "password":
			problems = append(problems, sec.Problem("rule", "rule=%s is not supported yet; use allow, forbid or explicit", r.name))
		default:
			problems = append(problems, sec.Problem("rule", "%q is no rule; there are allow, forbid and explicit, joined by | and &", r.name))
		}
		rules = append(rules, r)
		if end < 0 {
			return rules, problems
		}
		text = text[end+1:]
	}
}

// parseNetwork reads ADDRESS=allow or ADDRESS/BITS=forbid. The text says what is wrong with it, "" if nothing; it does
// not show the value, which in a section made for GnuGk may be a password.
func parseNetwork(e config.Entry) (n network, why string) {
	prefix, err := netip.ParsePrefix(e.Name)
	if addr, aerr := netip.ParseAddr(e.Name); aerr == nil {
		addr = addr.Unmap().WithZone("")
		prefix, err = netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	switch {
	case err != nil:
		return n, "neither a key of this section nor an address or network (users with passwords are not supported yet)"
	case prefix != prefix.Masked():
		return n, "the address has bits outside of the network; write " + prefix.Masked().String()
	}
	n.prefix = prefix
	switch strings.ToLower(e.Value) {
	case "allow", "accept", "1", "yes", "true", "y", "t", "a":
		n.allow = true
	case "forbid", "deny", "reject", "0", "no", "false", "n", "f":
	default:
		return n, "the value is neither allow nor forbid"
	}
	return n, ""
}
