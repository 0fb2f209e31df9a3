package main

import (
	"errors"
	"fmt"
	"net/netip"

	"go.uber.org/zap"

	"tollgate/acctstack"
	"tollgate/config"
	"tollgate/gatekeeper"
	"tollgate/gatekeeper/sip"
	"tollgate/modules/statusacct"
	"tollgate/statusport"
)

// configuration is a file that was read, checked and understood: everything that the daemon is made from, and the
// stack, not yet started.
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
	rules    []acctstack.Rule
	stack    *acctstack.Stack
}

// loader reads configurations. They differ only in the file.
type loader struct {
	path   string
	strict bool
	status statusacct.Broadcaster
	log    *zap.Logger
}

// load reads the file and builds the stack. Nothing is opened. The configuration is nil if the problems hold an error.
func (l loader) load() (*configuration, config.Problems) {
	factories := modules(l.status)
	declared := schema(factories)
	file, err := config.Load(l.path)
	var problems config.Problems
	if err != nil && !errors.As(err, &problems) {
		problems = config.Problems{{File: l.path, Text: err.Error()}}
	}
	if file == nil {
		return nil, problems
	}
	problems = append(problems, declared.Check(file, l.strict)...)
	acct := declared.Section(file, "Gatekeeper::Acct")
	rules, ps := acctstack.ParseRules(acct, acctstack.Settings(), factories)
	problems = append(problems, ps...)
	if problems.Err() != nil {
		problems.Sort()
		return nil, problems
	}
	problems = append(problems, acctstack.Advise(rules, factories, l.path, acct.Line)...)
	problems = append(problems, unusedInstances(file, rules, factories)...)
	c := &configuration{rules: rules}
	problems = append(problems, c.understand(declared, file)...)
	problems = append(problems, c.build(declared, file, factories, l.log)...)
	problems.Sort()
	if problems.Err() != nil {
		return nil, problems
	}
	return c, problems
}

// understand reads everything but the stack.
func (c *configuration) understand(declared config.Schema, file *config.File) config.Problems {
	main := declared.Section(file, "Gatekeeper::Main")
	var problems config.Problems
	note := func(key string, err error) {
		if err != nil {
			problems = append(problems, main.Problem(key, "%s: %v", key, err))
		}
	}
	var err error
	c.name, c.stateDir = main.Text("Name"), main.Text("StateDir")
	c.home, err = parseHome(main.Text("Home"))
	note("Home", err)
	c.drain, err = gatekeeper.ParseOnShutdown(main.Text("OnShutdown"))
	note("OnShutdown", err)
	if port := uint16(main.Int("StatusPort")); port != 0 {
		for _, addr := range c.home {
			c.status = append(c.status, netip.AddrPortFrom(addr, port))
		}
	}
	c.calls, err = gatekeeper.ParseSettings(declared.Section(file, "CallTable"), declared.Section(file, "Gatekeeper::Acct"))
	note("CallTable", err)
	sipMain := declared.Section(file, "SIP")
	c.listen, err = sip.ParseListen(sipMain.Text("Listen"))
	note("Listen", err)
	var ps config.Problems
	c.sip, ps = sip.ParseSettings(sipMain, declared.Section(file, "SIP::Routes"))
	problems = append(problems, ps...)
	c.statport, ps = statusport.ParseSettings(main, declared.Section(file, statusport.AuthSection))
	return append(problems, ps...)
}

func (c *configuration) build(declared config.Schema, file *config.File, factories []acctstack.Factory, log *zap.Logger) config.Problems {
	if len(c.home) == 0 {
		return nil // told already
	}
	stack, problems := acctstack.Build(acctstack.Setup{
		Rules: c.rules, Factories: factories,
		Section: func(name string) *config.Section { return declared.Section(file, name) },
		Env: acctstack.Env{Name: c.name, Address: c.home[0], StateDir: c.stateDir, Log: log,
			TimestampFormat: declared.Section(file, "Gatekeeper::Main").Text("TimestampFormat")},
	})
	c.stack = stack
	return problems
}

// unusedInstances warns of module sections that no rule reads: a misspelt instance would go unnoticed.
func unusedInstances(file *config.File, rules []acctstack.Rule, factories []acctstack.Factory) config.Problems {
	var problems config.Problems
	for _, section := range file.Sections {
		if isModuleSection(section.Name, factories) && !isUsed(section.Name, rules) {
			problems = append(problems, config.Problem{File: section.File, Line: section.Line, Warning: true,
				Text: fmt.Sprintf("section [%s] is not used: [Gatekeeper::Acct] has no %s=", section.Name, section.Name)})
		}
	}
	return problems
}
