package main

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"go.uber.org/zap"
)

func runCommand(args []string, stderr io.Writer) error {
	fs := newFlags("tollgate run [-t] [-strict] [-log text|json] [-level LEVEL] -c FILE", stderr)
	l := configFlags(fs)
	form := fs.String("log", "text", "`form` of the log: text or json")
	level := fs.String("level", "info", "lowest `level` that is logged: debug, info, warn, error")
	only := fs.Bool("t", false, "check the configuration and exit, as tollgate check")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if *only {
		return check(*l, stderr, stderr)
	}
	log, err := newLog(*form, *level, stderr)
	if err != nil {
		return err
	}
	// Ask for signals first: one that comes during the start must not kill the process with calls in it.
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	defer signal.Stop(signals)

	l.log = log
	d := newDaemon(*l)
	c, problems := d.loader.load()
	for _, p := range problems {
		fmt.Fprintln(stderr, p)
	}
	if problems.Err() != nil {
		return errConfig
	}
	if err := d.start(c); err != nil {
		return err
	}
	log.Info("ready", zap.String("version", version), zap.Stringers("sip", d.front.Addresses()), zap.Stringers("status port", d.status.Addrs()))
	return d.serve(signals)
}
