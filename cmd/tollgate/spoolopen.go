package main

import (
	"errors"
	"fmt"
	"os"

	"tollgate/config"
	"tollgate/gatekeeper"
)

// open finds out where the spool is, and whether a gatekeeper runs there.
func (r *spoolRun) open() error {
	file, err := r.configuration()
	if err != nil {
		return err
	}
	schema := declarations()
	calls, err := gatekeeper.ParseSettings(schema.Section(file, "CallTable"), schema.Section(file, "Gatekeeper::Acct"))
	if err != nil {
		return err
	}
	r.times = calls.CDRTimes
	dir := r.stateDir
	if dir == "" {
		dir = schema.Section(file, "Gatekeeper::Main").Text("StateDir")
	}
	if _, err := os.Stat(dir); err != nil {
		return fmt.Errorf("StateDir: %w", err)
	}
	remote, err := dialSpool(dir)
	switch {
	case err == nil:
		r.store, r.live = remote, true
	case errors.Is(err, errNoGatekeeper):
		r.store, err = openLeftSpool(dir, file, r.acts, r.stderr)
	}
	return err
}

// configuration is the file that -c names, or an empty one: with -state the defaults do. Only mistakes in what is read here
// matter, as events must be saved from a gatekeeper that does not start, too.
func (r *spoolRun) configuration() (*config.File, error) {
	if r.stateDir != "" {
		return config.Parse("defaults", nil)
	}
	file, err := config.Load(r.config)
	if err != nil {
		fmt.Fprintln(r.stderr, err)
		return nil, errConfig
	}
	return file, nil
}
