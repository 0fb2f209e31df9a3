package acctstack_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"tollgate/acctstack"
	"tollgate/acctstack/stacktest"
)

// TestConsequences are stacks whose outcome GnuGk's operators know or are surprised by. Each runs through a running stack
// with real modules. A rule is written CONTROL ANSWER; the answer "-" is of a module that must not be asked, and "skip"
// of one that does not support the event.
func TestConsequences(t *testing.T) {
	tests := []struct {
		name   string
		stack  string
		ok     bool
		called int // default included
	}{
		{"empty list", "", true, 0},
		{"nobody eligible", "required skip, optional skip, sufficient skip", true, 0},
		{"required ok alone", "required ok", true, 1},
		{"optional ok alone", "optional ok", true, 1},
		{"sufficient ok alone", "sufficient ok", true, 1},
		{"alternative ok alone", "alternative ok", true, 1},
		{"required fail alone", "required fail", false, 1},
		{"optional fail alone", "optional fail", false, 1},
		{"sufficient fail alone", "sufficient fail", false, 1},
		{"alternative fail alone", "alternative fail", false, 1},
		{"optional fail, required ok", "optional fail, required ok", true, 2},
		{"the last called one decides", "required ok, optional fail", false, 2},
		{"the last called one decides, alternative", "required ok, alternative fail", false, 2},
		{"required fail, optional ok", "required fail, optional ok", false, 2},
		{"sufficient cannot undo required", "required fail, sufficient ok, optional -", false, 2},
		{"sufficient fail, required ok", "sufficient fail, required ok", false, 2},
		{"sufficient ok ends", "sufficient ok, required -", true, 1},
		{"alternative ok ends", "alternative ok, required -", true, 1},
		{"failover", "alternative fail, sufficient ok", true, 2},
		{"failover to one that does not support the event", "alternative fail, required skip", false, 1},
		{"default=accept after one that is skipped", "alternative fail, required skip, default=accept", true, 2},
		{"accept cannot undo sufficient", "alternative fail, sufficient fail, default=accept", false, 3},
		{"default=fail fails what reaches it", "required ok, default=fail", false, 2},
		{"stopped before default=fail", "alternative ok, optional -, default=fail", true, 1},
		{"optional fail, default=accept", "optional fail, default=accept", true, 2},
		{"default=accept first", "default=accept, optional fail", false, 2},
		{"default=fail first", "default=fail, alternative ok", false, 2},
		{"next is a failure", "alternative next, sufficient ok", true, 2},
		{"next is final under required", "required next, optional ok", false, 2},
	}
	for _, test := range tests {
		for _, kind := range []acctstack.Kind{acctstack.Start, acctstack.Stop} {
			t.Run(test.name+" "+kind.String(), func(t *testing.T) {
				stack, called := scripted(t, test.stack, kind)
				ev := stacktest.Event(kind, 1)
				verdict := decide(stack, ev)
				if verdict.ok != test.ok || verdict.steps != test.called {
					t.Errorf("got %v after %d rules\n%s", verdict.ok, verdict.steps, verdict.text)
				}
				want := ""
				for i, rule := range rulesOf(test.stack) {
					if fields := strings.Fields(rule); len(fields) == 2 && fields[1] != "-" && fields[1] != "skip" {
						want += fmt.Sprintf("M%d ", i)
					}
				}
				if got := called(); got != want {
					t.Errorf("called %q, not %q", got, want)
				}
			})
		}
	}
}

func rulesOf(stack string) []string {
	if stack == "" {
		return nil
	}
	return strings.Split(stack, ", ")
}

// scripted runs a stack as TestConsequences writes it; called lists the modules that were asked, in order.
func scripted(t *testing.T, text string, kind acctstack.Kind) (stack *acctstack.Stack, called func() string) {
	answers := map[string]error{"ok": nil, "fail": errors.New("away"), "next": acctstack.ErrNext}
	var lines, order strings.Builder
	var factories []acctstack.Factory
	for i, rule := range rulesOf(text) {
		control, answer, isModule := strings.Cut(rule, " ")
		if !isModule {
			fmt.Fprintln(&lines, rule)
			continue
		}
		name := fmt.Sprintf("M%d", i)
		factory := stacktest.Factory(name, &stacktest.Fake{Answer: func(context.Context, *acctstack.Event) error {
			order.WriteString(name + " ")
			return answers[answer]
		}})
		if answer == "skip" {
			factory.Supports &^= acctstack.KindsOf(kind)
		}
		factories = append(factories, factory)
		fmt.Fprintf(&lines, "%s=%s\n", name, control)
	}
	return stacktest.Stack(t, lines.String(), factories...), order.String
}

// decision is a verdict that outlives Decided.
type decision struct {
	ev    *acctstack.Event
	ok    bool
	steps int
	text  string
	errs  []error
}

type decisions chan decision

// Decided keeps the verdict.
func (c decisions) Decided(ev *acctstack.Event, v acctstack.Verdict) {
	d := decision{ev: ev, ok: v.OK, steps: len(v.Steps), text: v.String()}
	for _, step := range v.Steps {
		d.errs = append(d.errs, step.Err)
	}
	c <- d
}

func decide(stack *acctstack.Stack, ev *acctstack.Event) decision {
	c := make(decisions, 1)
	stack.Submit(ev, c)
	return <-c
}

// TestAccKindsReachEveryRule: the kinds of Kamailio's acc module end at no terminal control, and rules without a list do
// not see them.
func TestAccKindsReachEveryRule(t *testing.T) {
	fakes := make([]stacktest.Fake, 5)
	var factories []acctstack.Factory
	for i := range fakes {
		factories = append(factories, stacktest.Factory(fmt.Sprintf("M%d", i), &fakes[i]))
	}
	for kind := acctstack.Transaction; kind <= acctstack.CDR; kind++ {
		lines := fmt.Sprintf("M0=required\nM1=sufficient;%[1]s\nM2=alternative;%[1]s\nM3=optional;start,%[1]s\nM4=alternative\ndefault=fail", kind)
		stack := stacktest.Stack(t, lines, factories...)
		if d := decide(stack, stacktest.Event(kind, 1)); !d.ok || d.steps != 3 {
			t.Errorf("%s: %v\n%s", kind, d.ok, d.text)
		}
	}
	for i, want := range []int{0, 5, 5, 5, 0} {
		if got := len(fakes[i].Events()); got != want {
			t.Errorf("M%d got %d events, not %d", i, got, want)
		}
	}
	if !stacktest.Stack(t, "M1=required", factories...).Wants(acctstack.MediaFail) || stacktest.Stack(t, "M1=required", factories...).Wants(acctstack.Ack) {
		t.Error("a rule without a list wants GnuGk's kinds, and no others")
	}
}
