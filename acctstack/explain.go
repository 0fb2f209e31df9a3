package acctstack

import (
	"fmt"
	"strings"
)

// Reason says in words why the step had its effect. last tells whether nobody was asked after it.
func (s *Step) Reason(rule *Rule, last bool) string {
	who := rule.Control.String()
	if rule.Fixed {
		who = "default"
	}
	if s.Granted {
		plain := Step{Result: OK, Effect: s.Effect}
		why := "not stored, which Realtime=GRANT_AND_LOSE counts as ok: "
		if rule.Storing {
			why = "to be kept, which Realtime=GRANT_AND_STORE counts as ok: "
		}
		return why + plain.Reason(rule, last)
	}
	switch {
	case s.Effect == Spoils:
		return who + " failed: the event fails, whatever the others say; the walk goes on"
	case s.Effect == Ends:
		return who + " succeeded: enough, nobody further is asked"
	case s.Result != OK && last:
		return who + " failed and was the last one asked: its result decides"
	case s.Result != OK:
		return who + " failed: forgiven, the walk goes on"
	case last:
		return who + " succeeded and was the last one asked"
	}
	return who + " succeeded: the walk goes on"
}

// String tells the whole walk, a line for each step, with what is kept of an event that failed there, and one for the
// outcome.
func (v Verdict) String() string {
	var b strings.Builder
	for i := range v.Steps {
		step := &v.Steps[i]
		rule := &v.Rules[step.Rule]
		fmt.Fprintf(&b, "  %-18s %-5s %s", rule.Name, step.Result, step.Reason(rule, i == len(v.Steps)-1))
		if fate := v.Tell(i); fate != "" {
			b.WriteString("; " + fate)
		}
		b.WriteByte('\n')
	}
	outcome := "ok"
	switch {
	case len(v.Steps) == 0:
		outcome = "ok: no rule is eligible"
	case !v.OK:
		outcome = "FAIL"
	}
	fmt.Fprintf(&b, "  => %s\n", outcome)
	return b.String()
}
