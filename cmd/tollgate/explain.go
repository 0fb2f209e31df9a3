package main

import (
	"fmt"
	"io"
	"strings"

	"tollgate/acctstack"
	"tollgate/config"
)

// names collects a flag that may be given several times.
type names []string

// String lists the names.
func (n *names) String() string { return strings.Join(*n, ",") }

// Set adds one.
func (n *names) Set(name string) error {
	*n = append(*n, name)
	return nil
}

func explainCommand(args []string, stdout, stderr io.Writer) error {
	fs := newFlags("tollgate explain -c FILE [-down NAME]... [EVENT]...", stderr)
	l := configFlags(fs)
	var down names
	fs.Var(&down, "down", "a `module` (or MODULE:INSTANCE) that is to fail; may be given several times")
	if err := fs.Parse(args); err != nil {
		return err
	}
	c, problems := l.load()
	for _, p := range problems {
		fmt.Fprintln(stderr, p)
	}
	if problems.Err() != nil {
		return errConfig
	}
	kinds, err := chosenKinds(fs.Args())
	if err != nil {
		return err
	}
	rules := c.stack.Rules
	for _, name := range down {
		if !isUsed(name, rules) {
			return fmt.Errorf("-down %s: the stack has no such module%s", name, config.Hint(name, ruleNames(rules)))
		}
	}
	e := explainer{rules: rules, down: down, teardown: c.calls.Teardown, refuse: c.sip.RefuseStatus}
	for _, kind := range kinds {
		e.explain(stdout, kind)
	}
	return nil
}

// chosenKinds are the events named, or those that this program makes.
func chosenKinds(args []string) ([]acctstack.Kind, error) {
	if len(args) == 0 {
		return []acctstack.Kind{acctstack.On, acctstack.Start, acctstack.Alert, acctstack.Connect, acctstack.Update, acctstack.Stop,
			acctstack.Reject, acctstack.Off}, nil
	}
	var kinds []acctstack.Kind
	for _, arg := range args {
		kind, ok := acctstack.ParseKind(arg)
		if !ok {
			return nil, fmt.Errorf("unknown event %q%s", arg, config.Hint(arg, acctstack.KindNames()))
		}
		kinds = append(kinds, kind)
	}
	return kinds, nil
}

func ruleNames(rules []acctstack.Rule) []string {
	names := make([]string, len(rules))
	for i := range rules {
		names[i] = rules[i].Name
	}
	return names
}

// explainer walks events through the rules with the machine that the running stack uses.
type explainer struct {
	rules    []acctstack.Rule
	down     []string
	teardown acctstack.Kinds
	refuse   int
}

func (e *explainer) explain(out io.Writer, kind acctstack.Kind) {
	var walk acctstack.Walk
	walk.Begin(e.rules, kind)
	for i, more := walk.Next(); more; i, more = walk.Next() {
		result := acctstack.OK
		if e.isDown(e.rules[i].Name) {
			result = acctstack.Fail
		}
		walk.Answer(result, nil)
	}
	verdict := walk.Verdict()
	fmt.Fprintf(out, "%s\n%s  %s\n\n", kind, verdict, e.consequence(kind, &verdict))
}

func (e *explainer) isDown(name string) bool {
	for _, d := range e.down {
		if strings.EqualFold(d, name) {
			return true
		}
	}
	return false
}

// consequence tells what the verdict means for the call and its records.
func (e *explainer) consequence(kind acctstack.Kind, v *acctstack.Verdict) string {
	switch {
	case kind == acctstack.Start && !v.OK:
		return fmt.Sprintf("the call is refused: %d, Reason Q.850 cause 41; a stop follows", e.refuse)
	case kind == acctstack.Start:
		return "the call goes on"
	case !v.OK && e.teardown.Has(kind):
		return "the call is ended, cause 41; a stop follows"
	case !v.Asked():
		return "nothing is recorded"
	case !v.Stored() && v.Kept():
		return "nobody has the record yet: it is kept, and delivered when the module is back"
	case !v.Stored():
		return "the record is lost: nobody stored it, and it is kept for nobody"
	}
	return "recorded; the call is not affected"
}
