package acctstack

import (
	"fmt"
	"slices"

	"tollgate/config"
)

// Advise warns of stacks that are legal and hold a surprise. file and line are the place of [Gatekeeper::Acct].
func Advise(rules []Rule, factories []Factory, file string, line int) config.Problems {
	a := advisor{rules: rules, file: file, line: line}
	for i := range rules {
		a.unsupported(&rules[i], factories)
	}
	a.nobody(Start)
	a.nobody(Stop)
	a.forgivenDecides()
	a.sufficientTwice()
	slices.SortStableFunc(a.problems, func(x, y config.Problem) int { return x.Line - y.Line })
	return a.problems
}

type advisor struct {
	rules    []Rule
	file     string
	line     int
	problems config.Problems
}

func (a *advisor) warn(line int, format string, args ...any) {
	a.problems = append(a.problems, config.Problem{File: a.file, Line: line, Text: fmt.Sprintf(format, args...), Warning: true})
}

// unsupported tells of events that the operator listed and the module can never store.
func (a *advisor) unsupported(rule *Rule, factories []Factory) {
	if missing := rule.Listed &^ rule.Kinds; missing != 0 {
		i := slices.IndexFunc(factories, func(f Factory) bool { return f.Name == rule.Module() })
		if i >= 0 {
			a.warn(rule.Line, "%s does not support %s; it supports %s", rule.Name, missing, factories[i].Supports)
		}
	}
	if !rule.Fixed && rule.Kinds == 0 {
		a.warn(rule.Line, "%s is never called", rule.Name)
	}
}

// eligible lists the rules that see the kind.
func (a *advisor) eligible(kind Kind) []*Rule {
	var rules []*Rule
	for i := range a.rules {
		if a.rules[i].Kinds.Has(kind) {
			rules = append(rules, &a.rules[i])
		}
	}
	return rules
}

func (a *advisor) nobody(kind Kind) {
	if !slices.ContainsFunc(a.eligible(kind), func(r *Rule) bool { return !r.Fixed }) {
		a.warn(a.line, "no module stores the %s of a call", kind)
	}
}

// forgivenDecides tells of an optional or alternative module that is the last one asked about a start: its failure
// decides, and the call is refused.
func (a *advisor) forgivenDecides() {
	rules := a.eligible(Start)
	if len(rules) == 0 {
		return
	}
	last := rules[len(rules)-1]
	if last.Fixed || last.Control == Required || last.Control == Sufficient {
		return
	}
	a.warn(last.Line, "%s is %s, but it is the last one asked about a start, so its failure refuses the call; "+
		"add default=accept;start below it to let the call go on", last.Name, last.Control)
}

// sufficientTwice tells of neighbours that look like failover and are none. The verdict on Kamailio's kinds has no effect,
// so they are left out.
func (a *advisor) sufficientTwice() {
	told := map[string]bool{}
	for kind := range Transaction {
		rules := a.eligible(kind)
		for i := 1; i < len(rules); i++ {
			first, second := rules[i-1], rules[i]
			pair := first.Name + " " + second.Name
			if first.Fixed || second.Fixed || first.Control != Sufficient || second.Control != Sufficient || told[pair] {
				continue
			}
			told[pair] = true
			a.warn(first.Line, "%s and %s are both sufficient, which is not failover: a failure of %s is final although %s "+
				"succeeds; make %s alternative", first.Name, second.Name, first.Name, second.Name, first.Name)
		}
	}
}
