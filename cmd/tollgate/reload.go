package main

import (
	"fmt"
	"slices"

	"go.uber.org/zap"

	"tollgate/config"
)

// reload reads the file again and puts it in force as a whole, or not at all. Warnings go with a reload that was done.
func (d *daemon) reload() config.Problems {
	problems := d.tryReload()
	d.monitor.Reloaded(problems.Err() == nil)
	return problems
}

func (d *daemon) tryReload() config.Problems {
	if !d.reloading.TryLock() {
		return config.Problems{{File: d.loader.path, Text: "another reload or a shutdown is under way"}}
	}
	defer d.reloading.Unlock()
	again := d.loader
	again.running = d.config
	c, problems := again.load()
	if problems.Err() != nil {
		return problems
	}
	stack, _ := d.build(c) // load has told its problems
	if err := stack.Start(); err != nil {
		return append(problems, config.Problem{File: d.loader.path, Text: err.Error()})
	}
	problems = append(problems, d.fixed(c)...)
	d.accounting.Swap(stack)
	d.gatekeeper.Configure(c.calls)
	d.granting.Store(c.calls.GrantUnjournalled || c.calls.Unjournalled)
	d.front.Configure(c.sip)
	d.status.Reconfigure(c.statport)
	c.listen, c.status, c.home, c.name, c.stateDir = d.config.listen, d.config.status, d.config.home, d.config.name, d.config.stateDir
	c.journal, c.monitor = d.config.journal, d.config.monitor
	d.config = c
	d.log.Info("reloaded", zap.String("file", d.loader.path))
	return problems
}

// fixed warns of changes that need a restart.
func (d *daemon) fixed(c *configuration) config.Problems {
	var problems config.Problems
	warn := func(what string, changed bool) {
		if changed {
			problems = append(problems, config.Problem{File: d.loader.path, Warning: true, Text: fmt.Sprintf("%s has changed: this needs a restart", what)})
		}
	}
	warn("[SIP] Listen", !slices.Equal(c.listen, d.config.listen))
	warn("Home or StatusPort", !slices.Equal(c.status, d.config.status) || !slices.Equal(c.home, d.config.home))
	warn("Name", c.name != d.config.name)
	warn("StateDir", c.stateDir != d.config.stateDir)
	now, then := c.journal, d.config.journal
	now.WhenFull, now.NoCalls = then.WhenFull, then.NoCalls // the gatekeeper's settings have them
	warn("[Journal]", now != then)
	warn("[Monitor]", c.monitor != d.config.monitor)
	return problems
}
