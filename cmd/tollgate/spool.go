package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"tollgate/cdr"
)

const spoolUsage = `Usage: tollgate spool COMMAND [flags] (-c FILE | -state DIR)

Events that a module could not take are kept until they are delivered, each copy for one module. An event that no further try
can bring through is set aside in quarantine.

  list                  the events that are kept: id, time, age, kind, session, module, state; and how many there are
  show ID|SESSION       an event in full, for whom it is kept, and what each module answered
  retry ID|SESSION|all  try copies now; those in quarantine are released from it
  drop ID|SESSION|all   give copies up for good: these events are not delivered to that module
  export                the records themselves, to be loaded by hand: a line of JSON each, or CDR lines

ID is an event's id, SESSION an Acct-Session-Id. tollgate spool COMMAND -h tells the flags of a command.

While the gatekeeper runs it does all of this, asked over the socket "control" in its StateDir; else the journal there is
read. Without it nothing is delivered: kept events are tried when it starts. And retry and drop are refused as long as calls
are in the journal that are to go on when it starts.
`

// spoolStore is the spool of a gatekeeper, be it one that runs or what it has left.
type spoolStore interface {
	each(q spoolQuery, f func(*spoolEntry) error) error
	answers(id cdr.UUID) ([]spoolAnswer, error)
	act(verb spoolVerb, refs []spoolRef) (spoolOutcome, error)
	close() error
}

// spoolRun is one use of the command.
type spoolRun struct {
	stdin    io.Reader
	terminal bool // stdin is one, so that somebody can answer a question
	stdout   io.Writer
	stderr   io.Writer

	config   string // a configuration that names the StateDir
	stateDir string // in place of it
	target   string // ID, SESSION or all; "" where the command takes none
	query    spoolQuery
	json     bool
	format   string
	yes      bool
	acts     bool // retry or drop

	store  spoolStore
	live   bool            // a gatekeeper runs
	times  *cdr.TimeFormat // of CDR lines
	began  time.Time
	told   time.Time // of progress
	events int
}

func spoolCommand(args []string, stdout, stderr io.Writer) error {
	_, err := unix.IoctlGetTermios(int(os.Stdin.Fd()), unix.TCGETS)
	r := &spoolRun{stdin: os.Stdin, terminal: err == nil, stdout: stdout, stderr: stderr}
	return r.run(args)
}

func (r *spoolRun) run(args []string) (err error) {
	if len(args) == 0 {
		fmt.Fprint(r.stderr, spoolUsage)
		return errors.New("spool: no command")
	}
	var do func() error
	switch args[0] {
	case "list":
		do = r.list
	case "show":
		do = r.show
	case "retry":
		do = r.retry
	case "drop":
		do = r.drop
	case "export":
		do = r.export
	case "help", "-h", "-help", "--help":
		fmt.Fprint(r.stdout, spoolUsage)
		return nil
	default:
		fmt.Fprint(r.stderr, spoolUsage)
		return fmt.Errorf("spool: unknown command %q", args[0])
	}
	r.acts = args[0] == "retry" || args[0] == "drop"
	if err := r.parse(args[0], args[1:]); err != nil {
		return err
	}
	if err := r.open(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.store.close()) }()
	r.began = time.Now()
	r.told = r.began
	return do()
}

// spoolFlags are the usages of the commands, and whether they take an ID.
func spoolFlags(command string) (usage string, target bool) {
	switch command {
	case "list":
		return "tollgate spool list [-instance NAME] [-quarantine] [-json] (-c FILE | -state DIR)", false
	case "show":
		return "tollgate spool show ID|SESSION (-c FILE | -state DIR)", true
	case "retry":
		return "tollgate spool retry ID|SESSION|all [-instance NAME] [-quarantine] (-c FILE | -state DIR)", true
	case "drop":
		return "tollgate spool drop ID|SESSION|all -instance NAME [-quarantine] [-yes] (-c FILE | -state DIR)", true
	}
	return "tollgate spool export [-instance NAME] [-quarantine] [-format json|line] (-c FILE | -state DIR)", false
}

// parse reads the flags, which may stand before the ID and behind it.
func (r *spoolRun) parse(command string, args []string) error {
	usage, takesTarget := spoolFlags(command)
	fs := newFlags(usage, r.stderr)
	fs.StringVar(&r.config, "c", "/etc/tollgate.ini", "configuration `file`, for its StateDir")
	fs.StringVar(&r.stateDir, "state", "", "`dir` is the gatekeeper's StateDir, instead of a configuration that names it")
	if command != "show" {
		fs.StringVar(&r.query.Instance, "instance", "", "only what is kept for the module of this `name`, such as RadAcct or RadAcct:backup")
		fs.BoolVar(&r.query.Quarantine, "quarantine", false, "only what is in quarantine")
	}
	switch command {
	case "list":
		fs.BoolVar(&r.json, "json", false, "print a line of JSON for each copy, and no totals")
	case "export":
		fs.StringVar(&r.format, "format", "json", "`form` of the records: json is all fields of every event, line the CDR line of every stop")
	case "drop":
		fs.BoolVar(&r.yes, "yes", false, "do not ask")
	}
	rest, err := parseAround(fs, args)
	if err != nil {
		return err
	}
	switch {
	case takesTarget && len(rest) != 1, !takesTarget && len(rest) > 0:
		fs.Usage()
		return fmt.Errorf("spool %s: %d arguments", command, len(rest))
	case takesTarget:
		r.target = rest[0]
	}
	if command == "drop" && r.query.Instance == "" {
		fs.Usage()
		return errors.New("spool drop: -instance is missing: say for which module the event is given up")
	}
	if r.target != "all" {
		r.query.Match = r.target
	}
	return nil
}

// parseAround reads flags wherever they stand and gives the other arguments.
func parseAround(fs *flag.FlagSet, args []string) (rest []string, err error) {
	for {
		if err := fs.Parse(args); err != nil {
			return nil, err
		}
		if fs.NArg() == 0 {
			return rest, nil
		}
		rest, args = append(rest, fs.Arg(0)), fs.Args()[1:]
	}
}

// each goes through the chosen events and tells on stderr how far it has come if that takes long.
func (r *spoolRun) each(f func(*spoolEntry) error) error {
	const every = 5 * time.Second
	return r.store.each(r.query, func(e *spoolEntry) error {
		r.events++
		if now := time.Now(); now.Sub(r.told) >= every {
			r.told = now
			fmt.Fprintf(r.stderr, "%d events so far\n", r.events)
		}
		return f(e)
	})
}

// writer is a buffer before stdout, and what writes its rest.
func (r *spoolRun) writer() (*bufio.Writer, func(error) error) {
	w := bufio.NewWriterSize(r.stdout, 64<<10)
	return w, func(err error) error { return errors.Join(err, w.Flush()) }
}

// nothing is what is said when no event was chosen.
func (r *spoolRun) nothing() string {
	var b strings.Builder
	b.WriteString("nothing is kept")
	if r.query.Quarantine {
		b.WriteString(" in quarantine")
	}
	if r.query.Instance != "" {
		b.WriteString(" for " + r.query.Instance)
	}
	if r.query.Match != "" {
		b.WriteString(" of " + r.query.Match)
	}
	return b.String()
}
