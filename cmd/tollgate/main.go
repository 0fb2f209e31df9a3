// Command tollgate is a VoIP gatekeeper whose product is the accounting record.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"tollgate/cmd/tollgate/call"
)

// The exit codes. An operator's service manager should not restart a program that refuses its configuration.
const (
	exitFailure = 1
	exitConfig  = 2
)

const usage = `Usage: tollgate COMMAND [flags]

  run      take calls, as the configuration says, until SIGTERM; SIGHUP reloads
  check    check a configuration: every error on a line of its own as FILE:LINE: text
  explain  tell what becomes of each event in a configuration's accounting stack
  spool    list, show, retry, drop or export the events that are kept for modules
  call     place calls through a gatekeeper, and answer them
  keys     print every section and key as an annotated INI file, or as tables
  version  print the version

tollgate COMMAND -h tells the flags of a command.
`

// errConfig is the news that the configuration was refused; the problems were printed.
var errConfig = errors.New("the configuration has errors")

func main() {
	if len(os.Args) > 1 && os.Args[1] == "run" {
		coarsenTimers()
	}
	err := run(os.Args[1:], os.Stdout, os.Stderr)
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
	case errors.Is(err, errConfig):
		os.Exit(exitConfig)
	default:
		fmt.Fprintf(os.Stderr, "tollgate: %v\n", err)
		os.Exit(exitFailure)
	}
}

func run(args []string, stdout, stderr io.Writer) error {
	if len(args) == 0 {
		fmt.Fprint(stderr, usage)
		return errors.New("no command")
	}
	switch args[0] {
	case "run":
		return runCommand(args[1:], stderr)
	case "check":
		return checkCommand(args[1:], stdout, stderr)
	case "explain":
		return explainCommand(args[1:], stdout, stderr)
	case "spool":
		return spoolCommand(args[1:], stdout, stderr)
	case "call":
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		return call.Run(ctx, args[1:], stdout)
	case "keys":
		return keysCommand(args[1:], stdout, stderr)
	case "version", "-version", "--version":
		fmt.Fprintln(stdout, versionText())
		return nil
	case "help", "-h", "-help", "--help":
		fmt.Fprint(stdout, usage)
		return nil
	}
	fmt.Fprint(stderr, usage)
	return fmt.Errorf("unknown command %q", args[0])
}
