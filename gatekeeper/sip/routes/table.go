// Package routes has [SIP::Routes]: which gateways a dialled number goes to, in which order, and which of them answer.
package routes

import (
	"cmp"
	"net/netip"
	"slices"

	"tollgate/config"
)

// Table is [SIP::Routes]. It never changes; the zero Table has no route.
type Table struct {
	byPrefix map[string]*Route
	lengths  []int    // that prefixes have, longest first
	routes   []*Route // as they stand in the file
	targets  []Target // each address once
	addrs    map[netip.Addr]struct{}
}

// Route sends the dialled users that begin with its prefix to its targets. It never changes.
type Route struct {
	name  string // as it stands in the file
	line  int
	steps []Step
	runs  []run
}

// run are the neighbouring steps from first to before end whose order is drawn by their weights.
type run struct{ first, end int }

// Prefix is the prefix of the dialled users that the route is for; "" is the default.
func (r *Route) Prefix() string {
	if r.name == "*" {
		return ""
	}
	return r.name
}

func newTable(found []*Route) *Table {
	t := &Table{byPrefix: make(map[string]*Route, len(found)), routes: found, addrs: map[netip.Addr]struct{}{}}
	lengths, known := map[int]struct{}{}, map[netip.AddrPort]struct{}{}
	for _, r := range found {
		prefix := r.Prefix()
		t.byPrefix[prefix] = r
		if _, has := lengths[len(prefix)]; !has {
			lengths[len(prefix)] = struct{}{}
			t.lengths = append(t.lengths, len(prefix))
		}
		for _, step := range r.steps {
			for _, target := range step {
				if _, has := known[target.Addr]; !has {
					known[target.Addr] = struct{}{}
					t.targets = append(t.targets, target)
				}
				t.addrs[target.Addr.Addr()] = struct{}{}
			}
		}
	}
	slices.SortFunc(t.lengths, func(a, b int) int { return cmp.Compare(b, a) })
	return t
}

// Find is the route with the longest prefix of user, which is without escapes; nil if there is none.
func (t *Table) Find(user string) *Route {
	for _, n := range t.lengths {
		if n > len(user) {
			continue
		}
		if r := t.byPrefix[user[:n]]; r != nil {
			return r
		}
	}
	return nil
}

// Targets are all targets, each address once, in the order of the file. The caller must not change them.
func (t *Table) Targets() []Target { return t.targets }

// Has tells whether one of the targets has the address, whatever its port.
func (t *Table) Has(addr netip.Addr) bool {
	_, has := t.addrs[addr.Unmap()]
	return has
}

// Empty tells whether there is no route.
func (t *Table) Empty() bool { return len(t.routes) == 0 }

// Unreachable finds the targets of an address family that none of the listeners has.
func (t *Table) Unreachable(listen []netip.AddrPort, section *config.Section) config.Problems {
	var has4, has6 bool
	for _, l := range listen {
		is4 := l.Addr().Unmap().Is4()
		has4, has6 = has4 || is4, has6 || !is4
	}
	var problems config.Problems
	for _, r := range t.routes {
		for _, step := range r.steps {
			for _, target := range step {
				if is4 := target.Addr.Addr().Is4(); is4 && !has4 || !is4 && !has6 {
					problems = append(problems, problem(section, r.line,
						"route %s: no address of [SIP] Listen is of the same family as %s", shown(r.name), target.Addr.Addr()))
				}
			}
		}
	}
	return problems
}
