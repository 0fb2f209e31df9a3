package main

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"go.uber.org/zap"

	"tollgate/acctstack"
	"tollgate/config"
	"tollgate/gatekeeper"
	"tollgate/gatekeeper/limits"
	"tollgate/gatekeeper/sip"
	"tollgate/journal"
	"tollgate/modules/statusacct"
	"tollgate/monitor"
	"tollgate/statusport"
)

// configuration is a file that was read, checked and understood: everything that the daemon is made from.
type configuration struct {
	name     string
	home     []netip.Addr
	stateDir string
	drain    gatekeeper.Drain
	listen   []netip.AddrPort // of SIP
	status   []netip.AddrPort // of the status port; empty if it is off

	calls    *gatekeeper.Settings
	sip      *sip.Settings
	statport statusport.Settings
	journal  journal.Settings
	monitor  monitor.Settings
	stack    acctstack.Setup
}

// loader reads configurations. They differ only in the file.
type loader struct {
	path   string
	strict bool
	status statusacct.Broadcaster
	log    *zap.Logger
	// running is the configuration in force at a reload: what needs a restart to change stays as it is for modules, too.
	running *configuration
}

// load reads the file, and builds the stack to see whether it can be built. Nothing is opened. The configuration is nil if the
// problems hold an error.
func (l loader) load() (*configuration, config.Problems) {
	r := reading{factories: modules(l.status), log: l.log, running: l.running}
	r.schema = schema(r.factories)
	var err error
	if r.file, err = config.Load(l.path); err != nil && !errors.As(err, &r.problems) {
		r.problems = config.Problems{{File: l.path, Text: err.Error()}}
	}
	if r.file == nil {
		return nil, r.problems
	}
	r.add(r.schema.Check(r.file, l.strict))
	r.stack()
	r.main()
	r.add(r.unusedInstances())
	r.problems.Sort()
	if r.problems.Err() != nil {
		return nil, r.problems
	}
	return &r.result, r.problems
}

// reading is a file on its way to a configuration. An error in one section keeps nobody from reading the others, so that
// all errors are told at once.
type reading struct {
	file      *config.File
	schema    config.Schema
	factories []acctstack.Factory
	log       *zap.Logger
	running   *configuration
	problems  config.Problems
	rules     []acctstack.Rule // as the file has them, those with errors included
	result    configuration
}

func (r *reading) add(problems config.Problems) { r.problems = append(r.problems, problems...) }

func (r *reading) section(name string) *config.Section { return r.schema.Section(r.file, name) }

// wrong tells whether there is an error at that line.
func (r *reading) wrong(line int) bool {
	return slices.ContainsFunc(r.problems, func(p config.Problem) bool { return !p.Warning && p.Line == line })
}

// sound tells whether a section has no error so far, so that its values can be relied on.
func (r *reading) sound(name string) bool {
	section := r.section(name)
	return !r.wrong(section.Line) && !slices.ContainsFunc(section.Entries, func(e config.Entry) bool { return r.wrong(e.Line) })
}

// whole tells whether every section of the file is one that is known: a section that seems to be missing may stand
// there with a mistake in its header.
func (r *reading) whole() bool {
	known := map[int]bool{}
	for _, section := range r.file.Sections {
		for _, e := range section.Entries {
			known[e.Line] = true
		}
	}
	return !slices.ContainsFunc(r.problems, func(p config.Problem) bool { return !p.Warning && !known[p.Line] })
}

// stack reads the rules and makes their modules.
func (r *reading) stack() {
	acct := r.section("Gatekeeper::Acct")
	rules, problems := acctstack.ParseRules(acct, acctstack.Settings(), r.factories)
	r.add(problems)
	if problems.Err() == nil {
		r.add(acctstack.Advise(rules, r.factories, r.file.Path, acct.Line))
	}
	r.rules = rules
	if !r.sound("Gatekeeper::Main") {
		return
	}
	main := r.section("Gatekeeper::Main")
	home, err := parseHome(main.Text("Home"))
	if err != nil {
		return // Check has told
	}
	whole := r.whole()
	rules = slices.DeleteFunc(slices.Clone(rules), func(rule acctstack.Rule) bool {
		return r.wrong(rule.Line) || !rule.Fixed && (!r.sound(rule.Name) || !whole && r.section(rule.Name).Line == 0)
	})
	env := acctstack.Env{Name: main.Text("Name"), Address: home[0], StateDir: main.Text("StateDir"), Log: r.log,
		TimestampFormat: main.Text("TimestampFormat")}
	if r.running != nil {
		env.Name, env.Address, env.StateDir = r.running.name, r.running.home[0], r.running.stateDir
	}
	r.result.stack = acctstack.Setup{Rules: rules, Factories: r.factories, Section: r.section, Env: env}
	_, problems = acctstack.Build(r.result.stack)
	r.add(problems)
}

// main reads everything but the stack.
func (r *reading) main() {
	c := &r.result
	if r.sound("Gatekeeper::Main") {
		main := r.section("Gatekeeper::Main")
		c.name, c.stateDir = main.Text("Name"), main.Text("StateDir")
		c.home, _ = parseHome(main.Text("Home")) // Check has parsed both
		c.drain, _ = gatekeeper.ParseOnShutdown(main.Text("OnShutdown"))
		if !main.Has("OnShutdown") && main.Bool("DisconnectCallsOnShutdown") {
			c.drain = gatekeeper.Drain{}
		}
		for _, addr := range c.home {
			if port := uint16(main.Int("StatusPort")); port != 0 {
				c.status = append(c.status, netip.AddrPortFrom(addr, port))
			}
		}
	}
	if r.sound("CallTable") && r.sound("Gatekeeper::Acct") {
		calls, err := gatekeeper.ParseSettings(r.section("CallTable"), r.section("Gatekeeper::Acct"))
		if err != nil {
			r.add(config.Problems{{File: r.file.Path, Text: err.Error()}})
		}
		c.calls = calls
		r.limits()
	}
	var problems config.Problems
	r.journal()
	if r.sound("Monitor") {
		c.monitor, problems = monitor.ParseSettings(r.section("Monitor"))
		r.add(problems)
	}
	if r.sound("SIP") {
		main := r.section("SIP")
		c.listen, _ = sip.ParseListen(main.Text("Listen")) // Check has parsed it
		c.sip, problems = sip.ParseSettings(main, r.section("SIP::Routes"))
		r.add(problems)
	}
	if r.sound(statusport.AuthSection) {
		c.statport, problems = statusport.ParseSettings(r.section("Gatekeeper::Main"), r.section(statusport.AuthSection))
		r.add(problems)
	}
}

// limits reads [Limits].
func (r *reading) limits() {
	if !r.sound("Limits") || r.result.calls == nil {
		return
	}
	settings, err := limits.Parse(r.section("Limits"))
	var problems config.Problems
	switch {
	case errors.As(err, &problems):
		r.add(problems)
	case err != nil:
		r.add(config.Problems{{File: r.file.Path, Text: err.Error()}})
	}
	r.result.calls.Limits = settings
}

// journal reads [Journal], which says what becomes of calls that it has no room for.
func (r *reading) journal() {
	if !r.sound("Journal") {
		return
	}
	section := r.section("Journal")
	settings, err := journal.ParseSettings(section)
	if err != nil {
		r.add(config.Problems{section.Problem("", "%v", err)})
		return
	}
	r.result.journal = settings
	if r.result.calls != nil {
		r.result.calls.GrantUnjournalled = settings.WhenFull == journal.KeepCalls
		r.result.calls.Unjournalled = settings.NoCalls
	}
	if main := r.section("Gatekeeper::Main"); settings.NoCalls && main.Has("OnShutdown") && r.result.drain.Keep {
		r.add(config.Problems{main.Problem("OnShutdown", "OnShutdown=keep needs the calls in the journal, but [Journal] Calls=0")})
	}
}

// unusedInstances warns of module sections that no rule reads: a misspelt instance would go unnoticed.
func (r *reading) unusedInstances() config.Problems {
	var problems config.Problems
	for _, section := range r.file.Sections {
		if isModuleSection(section.Name, r.factories) && !isUsed(section.Name, r.rules) {
			problems = append(problems, config.Problem{File: section.File, Line: section.Line, Warning: true,
				Text: fmt.Sprintf("section [%s] is not used: [Gatekeeper::Acct] has no %s=", section.Name, section.Name)})
		}
	}
	return problems
}

func isModuleSection(name string, factories []acctstack.Factory) bool {
	module, _, _ := strings.Cut(name, ":")
	return slices.ContainsFunc(factories, func(f acctstack.Factory) bool { return strings.EqualFold(f.Name, module) })
}

func isUsed(name string, rules []acctstack.Rule) bool {
	return slices.ContainsFunc(rules, func(r acctstack.Rule) bool { return strings.EqualFold(r.Name, name) })
}
