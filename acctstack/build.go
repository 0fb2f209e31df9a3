package acctstack

import (
	"cmp"
	"errors"
	"fmt"

	"go.uber.org/zap"

	"tollgate/config"
)

// Setup is what a stack is built from.
type Setup struct {
	Rules     []Rule
	Factories []Factory
	Section   func(name string) *config.Section // the bound section of an instance
	Env       Env                               // Instance, Enabled and the name of Log are filled in for each instance
	Keeping   *Keeping                          // nil: nothing is kept
	Notes     func(instance string) Notes       // nil: there are none
}

// Build makes the stack and its modules. It touches neither disk nor network; Start does. The problems may hold
// warnings only, then the stack is usable.
func Build(setup Setup) (*Stack, config.Problems) {
	s := newStack(setup.Rules, setup.Env.Log)
	s.keeping = setup.Keeping
	var problems config.Problems
	for i := range setup.Rules {
		rule := &setup.Rules[i]
		if rule.Fixed {
			continue
		}
		in, ps := setup.instance(rule)
		problems = append(problems, ps...)
		s.instances[i] = in
	}
	for i := range setup.Rules {
		problems = append(problems, setup.noFailover(i)...)
	}
	return s, problems
}

// noFailover warns of a module that takes over from nobody: what fails above it is kept there and counts as ok.
func (setup *Setup) noFailover(i int) config.Problems {
	rule := &setup.Rules[i]
	if !rule.Control.terminal() {
		return nil
	}
	var stored Kinds
	for kind := range Transaction {
		if rule.Kinds.Has(kind) && rule.stores(kind) {
			stored |= KindsOf(kind)
		}
	}
	for j := i + 1; j < len(setup.Rules); j++ {
		if below := &setup.Rules[j]; below.Kinds&stored != 0 && !below.Fixed {
			return config.Problems{setup.Section(rule.Name).Warning("Realtime", "GRANT_AND_STORE keeps for %s what fails there and counts it as ok, "+
				"so %s below it is not asked about %s instead", rule.Name, below.Name, below.Kinds&stored)}
		}
	}
	return nil
}

func (setup *Setup) instance(rule *Rule) (*instance, config.Problems) {
	section := setup.Section(rule.Name)
	factory := setup.factory(rule.Module())
	if factory == nil {
		return nil, config.Problems{{File: section.File, Line: rule.Line, Text: fmt.Sprintf("unknown module %q", rule.Name)}}
	}
	env := setup.Env
	env.Instance, env.Enabled, env.Log = rule.Name, rule.Kinds, setup.Env.Log.Named(rule.Name)
	if setup.Notes != nil {
		env.Notes = setup.Notes(rule.Name)
	}
	module, err := factory.New(env, section)
	var problems config.Problems
	if err != nil && !errors.As(err, &problems) {
		problems = config.Problems{{File: section.File, Line: cmp.Or(section.Line, rule.Line), Text: err.Error()}}
	}
	if w, ok := module.(Warner); ok && err == nil {
		problems = append(problems, w.Warnings()...)
	}
	for i := range problems {
		if problems[i].Line == 0 { // the file has no such section: the rule is what asks for it
			problems[i].Line, problems[i].Text = rule.Line, fmt.Sprintf("section [%s] is missing: %s", rule.Name, problems[i].Text)
		}
	}
	in := &instance{name: rule.Name, module: module, kinds: rule.Kinds, log: env.Log}
	if setup.Keeping != nil {
		in.queue = setup.Keeping.queue(rule.Name)
	}
	in.timeout, in.retries, in.giveUp = section.Duration("Timeout"), int(section.Int("Retries")), section.Duration("GiveUpAfter")
	return in, append(problems, rule.keeping(section)...)
}

// keeping reads what the module's section says of keeping into the rule.
func (r *Rule) keeping(section *config.Section) (warnings config.Problems) {
	realtime := section.Text("Realtime")
	r.Lossy, r.Storing = realtime == "GRANT_AND_LOSE", realtime == "GRANT_AND_STORE"
	r.Spool, r.NoSpool, _ = ParseSpool(section.Text("Spool")) // Check has parsed it
	if r.Storing && r.NoSpool {
		warnings = append(warnings, section.Warning("Realtime", "GRANT_AND_STORE grants nothing more while Spool=none keeps no event"))
	}
	if r.Storing && !r.NoSpool {
		var unsure Kinds
		for kind := range kindCount {
			if r.Kinds.Has(kind) && !r.stores(kind) {
				unsure |= KindsOf(kind)
			}
		}
		if unsure != 0 {
			warnings = append(warnings, section.Warning("Realtime", "GRANT_AND_STORE grants no %s: %s keeps them for certain only if Spool= names them", unsure, r.Control))
		}
	}
	if idle := r.Spool &^ r.Kinds; idle != 0 {
		warnings = append(warnings, section.Warning("Spool", "Spool: %s is never asked about %s, so none is kept for it", r.Name, idle))
	}
	return warnings
}

func (setup *Setup) factory(name string) *Factory {
	for i := range setup.Factories {
		if setup.Factories[i].Name == name {
			return &setup.Factories[i]
		}
	}
	return nil
}

func newStack(rules []Rule, log *zap.Logger) *Stack {
	s := &Stack{rules: rules, instances: make([]*instance, len(rules)), log: log}
	for i := range rules {
		s.wants |= rules[i].Kinds
	}
	return s
}
