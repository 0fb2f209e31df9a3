package main

import (
	"flag"
	"fmt"
	"io"
	"strings"

	"go.uber.org/zap"

	"tollgate/config"
)

// nobody is the status port of a program that has none.
type nobody struct{}

// Broadcast drops the line.
func (nobody) Broadcast(int, []byte) {}

// newFlags makes the flags of a command whose help begins with a line of usage.
func newFlags(usage string, out io.Writer) *flag.FlagSet {
	name, _, _ := strings.Cut(strings.TrimPrefix(usage, "tollgate "), " ")
	fs := flag.NewFlagSet(name, flag.ContinueOnError)
	fs.SetOutput(out)
	fs.Usage = func() {
		fmt.Fprintf(out, "Usage: %s\n\n", usage)
		fs.PrintDefaults()
	}
	return fs
}

// configFlags are the flags of every command that reads a configuration.
func configFlags(fs *flag.FlagSet) *loader {
	l := &loader{status: nobody{}, log: zap.NewNop()}
	fs.StringVar(&l.path, "c", "/etc/tollgate.ini", "configuration `file`")
	fs.BoolVar(&l.strict, "strict", false, "take GnuGk's keys and sections that have no effect here for errors")
	return l
}

func checkCommand(args []string, stdout, stderr io.Writer) error {
	fs := newFlags("tollgate check [-strict] -c FILE", stderr)
	l := configFlags(fs)
	if err := fs.Parse(args); err != nil {
		return err
	}
	return check(*l, stdout, stderr)
}

// check prints every problem and, if there is no error, what was found.
func check(l loader, stdout, stderr io.Writer) error {
	c, problems := l.load()
	for _, p := range problems {
		fmt.Fprintln(stderr, p)
	}
	if problems.Err() != nil {
		return errConfig
	}
	fmt.Fprintf(stdout, "%s: ok\n", l.path)
	fmt.Fprintf(stdout, "SIP on %s, status port on %s\n", list(c.listen), list(c.status))
	rules := c.stack.Rules
	for i := range rules {
		rule := &rules[i]
		if rule.Fixed {
			fmt.Fprintf(stdout, "  %-18s %-12s %s\n", rule.Name, rule.Answer, rule.Kinds)
		} else {
			fmt.Fprintf(stdout, "  %-18s %-12s %s\n  %-18s %s\n", rule.Name, rule.Control, rule.Kinds, "", rule.Keeps())
		}
	}
	return nil
}

func list[T fmt.Stringer](items []T) string {
	if len(items) == 0 {
		return "none"
	}
	texts := make([]string, len(items))
	for i, item := range items {
		texts[i] = item.String()
	}
	return strings.Join(texts, ", ")
}

// keysCommand prints what the program can be told.
func keysCommand(args []string, stdout, stderr io.Writer) error {
	fs := newFlags("tollgate keys [-tables]", stderr)
	tables := fs.Bool("tables", false, "print Markdown tables instead of an INI file")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if *tables {
		return declarations().WriteTables(stdout)
	}
	return declarations().WriteSample(stdout)
}

func declarations() config.Schema { return schema(modules(nobody{})) }
