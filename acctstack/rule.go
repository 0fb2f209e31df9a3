package acctstack

import (
	"fmt"
	"slices"
	"strings"

	"tollgate/config"
)

// Rule is one line of [Gatekeeper::Acct]: who sees which events, and what the answer means. The order of the rules is
// the order of the file.
type Rule struct {
	Name    string // "RadAcct", "RadAcct:backup", or "default"
	Control Control
	Kinds   Kinds // the events that it is eligible for: its list ∩ what the module supports
	Listed  Kinds // the events that its list names; 0 without a list
	Fixed   bool  // default=: no module is asked, the result is Answer
	Answer  Result
	// Lossy is Realtime=GRANT_AND_LOSE: an event that the module has not stored counts as ok in the walk.
	Lossy bool
	// Storing is Realtime=GRANT_AND_STORE: an event that is kept for the module counts as ok in the walk.
	Storing bool
	Spool   Kinds // the kinds that Spool= names: they are kept whenever they fail here
	NoSpool bool  // Spool=none: nothing is kept for the module
	Line    int   // in the file
}

// Module is the name without the instance: "RadAcct" of "RadAcct:backup".
func (r *Rule) Module() string {
	name, _, _ := strings.Cut(r.Name, ":")
	return name
}

// ParseRules reads the stack from [Gatekeeper::Acct]. Keys that the section's settings declare are no rules. GnuGk takes
// an unknown control for required and ignores unknown events; here both are errors.
func ParseRules(section *config.Section, settings []config.Key, factories []Factory) ([]Rule, config.Problems) {
	p := ruleParser{section: section, settings: settings, factories: factories}
	var rules []Rule
	for _, e := range section.Entries {
		if p.isSetting(e.Name) {
			continue
		}
		if strings.EqualFold(e.Name, "default") {
			rules = append(rules, p.fixed(e))
		} else if factory := p.factory(e); factory != nil {
			rules = append(rules, p.rule(e, factory))
		}
	}
	return rules, p.problems
}

type ruleParser struct {
	section   *config.Section
	settings  []config.Key
	factories []Factory
	problems  config.Problems
}

func (p *ruleParser) isSetting(name string) bool {
	return slices.ContainsFunc(p.settings, func(k config.Key) bool { return strings.EqualFold(k.Name, name) })
}

func (p *ruleParser) fail(e config.Entry, format string, args ...any) {
	p.problems = append(p.problems, config.Problem{File: p.section.File, Line: e.Line, Text: fmt.Sprintf(format, args...)})
}

func (p *ruleParser) factory(e config.Entry) *Factory {
	module, _, instance := strings.Cut(e.Name, ":")
	if instance && strings.EqualFold(module, "default") {
		p.fail(e, "default has no instances")
		return nil
	}
	known := []string{"default"}
	for _, k := range p.settings {
		known = append(known, k.Name)
	}
	for i := range p.factories {
		if strings.EqualFold(p.factories[i].Name, module) {
			return &p.factories[i]
		}
		known = append(known, p.factories[i].Name)
	}
	for _, name := range [...]string{"HttpAcct", "AMQPAcct", "MQTTAcct", "LuaAcct", "RequireOneNet", "CapacityControl"} {
		if strings.EqualFold(name, module) {
			p.fail(e, "GnuGk's module %s does not exist here", name)
			return nil
		}
	}
	p.fail(e, "unknown module %q%s", module, config.Hint(module, known))
	return nil
}

func (p *ruleParser) rule(e config.Entry, factory *Factory) Rule {
	rule := Rule{Name: factory.Name, Line: e.Line}
	if _, instance, named := strings.Cut(e.Name, ":"); named {
		if !config.IsInstance(instance) {
			p.fail(e, "%s: %q is not the name of an instance; allowed: 1 to %d letters, digits, - and _", rule.Name, instance, config.MaxInstance)
		}
		rule.Name += ":" + instance
	}
	tokens := split(e.Value)
	var ok bool
	if rule.Control, ok = ParseControl(tokens[0]); !ok {
		p.fail(e, "%s: unknown control %q%s; it is one of %s", rule.Name, tokens[0], config.Hint(tokens[0], controlNames[:]),
			strings.Join(controlNames[:], ", "))
	}
	rule.Listed = p.events(e, tokens[1:])
	rule.Kinds = gnugkKinds
	if len(tokens) > 1 {
		rule.Kinds = rule.Listed
	}
	rule.Kinds &= factory.Supports
	return rule
}

// fixed reads default=, whose first word is a yes or a no in GnuGk's spellings. An empty value is legal and answers
// nothing.
func (p *ruleParser) fixed(e config.Entry) Rule {
	rule := Rule{Name: "default", Control: Required, Fixed: true, Line: e.Line}
	if e.Value == "" {
		return rule
	}
	tokens := split(e.Value)
	switch strings.ToLower(tokens[0]) {
	case "accept", "allow", "a", "true", "t", "yes", "y", "1":
		rule.Answer = OK
	case "fail", "f", "reject", "forbid", "deny", "false", "no", "n", "0":
		rule.Answer = Fail
	default:
		p.fail(e, "default: unknown answer %q%s; it is accept or fail", tokens[0], config.Hint(tokens[0], []string{"accept", "fail", "reject", "allow"}))
	}
	rule.Listed = p.events(e, tokens[1:])
	rule.Kinds = gnugkKinds
	if len(tokens) > 1 {
		rule.Kinds = rule.Listed
	}
	return rule
}

func (p *ruleParser) events(e config.Entry, tokens []string) Kinds {
	var kinds Kinds
	for _, token := range tokens {
		kind, ok := ParseKind(token)
		switch {
		case token == "":
			p.fail(e, "%s: an event is missing between the separators", e.Name)
		case !ok:
			p.fail(e, "%s: unknown event %q%s", e.Name, token, config.Hint(token, kindNames[:]))
		default:
			kinds |= KindsOf(kind)
		}
	}
	return kinds
}

// split cuts at ";" and ",", which mean the same to GnuGk, and trims blanks, which GnuGk doesn't.
func split(value string) []string {
	tokens := strings.Split(strings.ReplaceAll(value, ",", ";"), ";")
	for i := range tokens {
		tokens[i] = strings.TrimSpace(tokens[i])
	}
	return tokens
}
