package acctstack_test

import (
	"strings"
	"testing"

	"tollgate/acctstack"
)

func TestAdvise(t *testing.T) {
	const decides = ", but it is the last one asked about a start, so its failure refuses the call; add default=accept;start below it to let the call go on"
	const failover = "t.ini:2: warning: RadAcct and SQLAcct are both sufficient, which is not failover: a failure of RadAcct is final although SQLAcct succeeds; make RadAcct alternative"
	tests := []struct{ name, lines, want string }{
		{"GnuGk's sample 1", "RadAcct=optional;start,stop\nFileAcct=required", "t.ini:2: warning: RadAcct is optional" + decides},
		{"GnuGk's sample 1, mended", "RadAcct=optional;start,stop\nFileAcct=required\ndefault=accept;start", ""},
		{"GnuGk's sample 2", "RadAcct=alternative;start,stop\nFileAcct=sufficient;stop\ndefault=accept", ""},
		{"GnuGk's sample 3", "RadAcct=alternative;start,stop\nFileAcct=sufficient;stop\ndefault=fail;start", ""},
		{"all required", "RadAcct=required\nSQLAcct=required", ""},
		{"required decides", "RadAcct=optional\nSQLAcct=required;start,stop", ""},
		{"sufficient decides", "RadAcct=alternative\nSQLAcct=sufficient", ""},
		{"an instance fills in", "RadAcct=alternative\nRadAcct:backup=sufficient", ""},
		{"alternative decides", "RadAcct=required\nSQLAcct=alternative;start,stop", "t.ini:3: warning: SQLAcct is alternative" + decides},
		{"alternative alone", "RadAcct=alternative", "t.ini:2: warning: RadAcct is alternative" + decides},
		{"default stands too high", "default=accept;start\nRadAcct=optional", "t.ini:3: warning: RadAcct is optional" + decides},
		{"two sufficient", "RadAcct=sufficient\nSQLAcct=sufficient", failover},
		{"two sufficient, only for some kinds", "RadAcct=sufficient;stop\nFileAcct=optional;stop\nSQLAcct=sufficient;start,stop", ""},
		{"two sufficient with one between them for another kind", "RadAcct=sufficient;start,stop\nFileAcct=optional\nSQLAcct=sufficient;start", failover},
		{"two sufficient for kinds without effect", "RadAcct=required;start,stop\nSQLAcct=sufficient;cdr\nSQLAcct:b=sufficient;cdr", ""},
		{"default between them", "RadAcct=sufficient;start,stop\ndefault=accept\nSQLAcct=sufficient;start,stop", ""},
		{"a chain of three", "RadAcct=sufficient\nSQLAcct=sufficient\nSQLAcct:b=sufficient", failover + "\n" +
			"t.ini:3: warning: SQLAcct and SQLAcct:b are both sufficient, which is not failover: a failure of SQLAcct is final although SQLAcct:b succeeds; make SQLAcct alternative"},
		{"no rule", "", "t.ini:1: warning: no module stores the start of a call\nt.ini:1: warning: no module stores the stop of a call"},
		{"default stores nothing", "default=accept", "t.ini:1: warning: no module stores the start of a call\nt.ini:1: warning: no module stores the stop of a call"},
		{"no start", "FileAcct=required", "t.ini:1: warning: no module stores the start of a call"},
		{"no stop", "RadAcct=required;start", "t.ini:1: warning: no module stores the stop of a call"},
		{"unsupported", "RadAcct=required;start,alert,connect,stop", "t.ini:2: warning: RadAcct does not support alert,connect; it supports start,update,stop,on,off"},
		{"unsupported in an instance", "RadAcct:b=required;start,alert,stop", "t.ini:2: warning: RadAcct:b does not support alert; it supports start,update,stop,on,off"},
		{"nothing supported", "RadAcct=required\nFileAcct=required;start,alert", "t.ini:3: warning: FileAcct does not support start,alert; it supports stop\nt.ini:3: warning: FileAcct is never called"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			rules, problems := parse(t, test.lines)
			if problems != nil {
				t.Fatal(problems)
			}
			advice := acctstack.Advise(rules, backends(), "t.ini", 1)
			if got := advice.Error(); got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
			if advice.Err() != nil {
				t.Error("advice must not refuse the file")
			}
		})
	}
}

// TestAdviceHelps: what the warning about sample 1 tells the operator to do lets the call go on.
func TestAdviceHelps(t *testing.T) {
	const sample = "optional fail, required skip"
	for stack, want := range map[string]bool{sample: false, sample + ", default=accept;start": true} {
		running, _ := scripted(t, stack, acctstack.Start)
		if d := decide(running, startEvent()); d.ok != want {
			t.Errorf("%s: got %v\n%s", stack, d.ok, strings.TrimSpace(d.text))
		}
	}
}
