package acctstack_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tollgate/acctstack"
	"tollgate/acctstack/stacktest"
)

// row is one line of GnuGk's truth table: what the answer of a rule does to the two things that the walk carries along,
// and whether the next rule is asked.
type row struct{ control, result, final, last, goesOn string }

// gnugk is the truth table, as GnuGk's AcctList runs it. The outcome is: final and last = ok; they start as true and ok.
var gnugk = []row{
	{"required", "ok", "unchanged", "ok", "yes"},
	{"required", "fail", "false", "fail", "yes"},
	{"required", "next", "false", "fail", "yes"},
	{"optional", "ok", "unchanged", "ok", "yes"},
	{"optional", "fail", "unchanged", "fail", "yes"},
	{"optional", "next", "unchanged", "fail", "yes"},
	{"sufficient", "ok", "unchanged", "ok", "no"},
	{"sufficient", "fail", "false", "fail", "yes"},
	{"sufficient", "next", "false", "fail", "yes"},
	{"alternative", "ok", "unchanged", "ok", "no"},
	{"alternative", "fail", "unchanged", "fail", "yes"},
	{"alternative", "next", "unchanged", "fail", "yes"},
	{"any", "not eligible", "unchanged", "unchanged", "yes"},
	{"default=accept", "ok", "unchanged", "ok", "yes"},
	{"default=fail", "fail", "false", "fail", "yes"},
}

// card is a rule of a random stack with what its module will answer.
type card struct {
	row  *row // what the table says of it
	rule acctstack.Rule
}

// deck has a card for every way in which a rule can meet an event of that kind.
func deck(t testing.TB, kind acctstack.Kind) []card {
	listed, other := ";"+kind.String(), ";update"
	if kind == acctstack.Update {
		other = ";stop"
	}
	var cards []card
	add := func(line, control, result string) {
		factory := stacktest.Factory("M", &stacktest.Fake{})
		i := slices.IndexFunc(gnugk, func(r row) bool { return r.control == control && r.result == result })
		cards = append(cards, card{&gnugk[i], stacktest.Rules(t, line, factory)[0]})
	}
	noList := kind < acctstack.Transaction // without a list, a rule sees GnuGk's kinds only
	for _, control := range []string{"required", "optional", "sufficient", "alternative"} {
		for _, result := range []string{"ok", "fail", "next"} {
			add("M="+control+listed, control, result)
		}
		add("M="+control+other, "any", "not eligible")
		if noList {
			add("M="+control, control, "fail")
		} else {
			add("M="+control, "any", "not eligible")
		}
	}
	for control, result := range map[string]string{"default=accept": "ok", "default=fail": "fail"} {
		add(control+listed, control, result)
		add(control+other, "any", "not eligible")
		if noList {
			add(control, control, result)
		} else {
			add(control, "any", "not eligible")
		}
	}
	return cards
}

// outcome is what a walk comes to.
type outcome struct {
	ok     bool
	asked  string // the indices of the rules that were asked, default included
	blamed int    // -1 if nobody is
}

// byTable plays the stack by the table alone. Terminal controls end the walk of GnuGk's kinds only.
func byTable(stack []card, kind acctstack.Kind) outcome {
	final, last := true, "ok"
	out := outcome{blamed: -1}
	var asked []byte
	for i, c := range stack {
		if c.row.last == "unchanged" {
			continue
		}
		last = c.row.last
		asked = append(asked, byte('a'+i))
		if c.row.final == "false" && final {
			final, out.blamed = false, i
		}
		if c.row.goesOn == "no" && kind < acctstack.Transaction {
			break
		}
	}
	out.ok, out.asked = final && last == "ok", string(asked)
	if final && last != "ok" {
		out.blamed = int(asked[len(asked)-1] - 'a')
	}
	return out
}

var results = map[string]acctstack.Result{"ok": acctstack.OK, "fail": acctstack.Fail, "next": acctstack.Next}

// byMachine plays the stack with the machine.
func byMachine(walk *acctstack.Walk, stack []card, rules []acctstack.Rule, kind acctstack.Kind) (outcome, acctstack.Verdict) {
	walk.Begin(rules, kind)
	for i, more := walk.Next(); more; i, more = walk.Next() {
		walk.Answer(results[stack[i].row.result], nil)
	}
	verdict := walk.Verdict()
	out := outcome{ok: verdict.OK, blamed: -1}
	var asked []byte
	for i := range verdict.Steps {
		asked = append(asked, byte('a'+verdict.Steps[i].Rule))
	}
	out.asked = string(asked)
	if blamed := verdict.Blamed(); blamed != nil {
		out.blamed = blamed.Rule
	}
	return out, verdict
}

type fataler interface{ Fatalf(string, ...any) }

func compare(t fataler, walk *acctstack.Walk, stack []card, kind acctstack.Kind) {
	rules := make([]acctstack.Rule, len(stack))
	for i := range stack {
		rules[i] = stack[i].rule
	}
	want := byTable(stack, kind)
	got, verdict := byMachine(walk, stack, rules, kind)
	if got != want {
		var rows []row
		for _, c := range stack {
			rows = append(rows, *c.row)
		}
		t.Fatalf("%s through %v: got %+v, the table says %+v\n%s", kind, rows, got, want, verdict)
	}
}

// TestEveryShortStack plays every stack of up to three rules.
func TestEveryShortStack(t *testing.T) {
	for _, kind := range []acctstack.Kind{acctstack.Start, acctstack.Update, acctstack.Stop, acctstack.On, acctstack.MediaFail, acctstack.Transaction, acctstack.CDR} {
		cards := deck(t, kind)
		var walk acctstack.Walk
		stacks := 0
		var grow func(stack []card)
		grow = func(stack []card) {
			compare(t, &walk, stack, kind)
			stacks++
			if len(stack) < 3 {
				for _, c := range cards {
					grow(append(stack, c))
				}
			}
		}
		grow(make([]card, 0, 3))
		n := len(cards)
		if want := 1 + n + n*n + n*n*n; stacks != want || n != 26 {
			t.Errorf("%s: %d stacks of %d cards were played", kind, stacks, n)
		}
	}
}

// TestLongStacks plays longer ones at random, and one machine plays them all: what one walk leaves must not show in the
// next.
func TestLongStacks(t *testing.T) {
	decks := map[acctstack.Kind][]card{}
	kinds := kinds()
	for _, kind := range kinds {
		decks[kind] = deck(t, kind)
	}
	var walk acctstack.Walk
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom(kinds).Draw(t, "kind")
		cards := rapid.SliceOfN(rapid.IntRange(0, len(decks[kind])-1), 4, 20).Draw(t, "cards")
		var stack []card
		for _, c := range cards {
			stack = append(stack, decks[kind][c])
		}
		compare(t, &walk, stack, kind)
	})
}

// kinds are all kinds.
func kinds() []acctstack.Kind {
	var all []acctstack.Kind
	for _, name := range acctstack.KindNames() {
		kind, _ := acctstack.ParseKind(name)
		all = append(all, kind)
	}
	return all
}

// TestExplanation checks the words for each effect.
func TestExplanation(t *testing.T) {
	factories := []acctstack.Factory{stacktest.Factory("A", nil), stacktest.Factory("B", nil), stacktest.Factory("C", nil)}
	tests := []struct {
		name, lines string
		results     []acctstack.Result
		want        string
	}{
		{"nobody", "A=required;stop", nil, "  => ok: no rule is eligible\n"},
		{"spoiled", "A=required\nB=optional", []acctstack.Result{acctstack.Fail, acctstack.OK},
			"  A                  fail  required failed: the event fails, whatever the others say; the walk goes on; not kept: the call is refused\n" +
				"  B                  ok    optional succeeded and was the last one asked\n  => FAIL\n"},
		{"ended", "A=optional\nB=sufficient\nC=required", []acctstack.Result{acctstack.OK, acctstack.OK},
			"  A                  ok    optional succeeded: the walk goes on\n" +
				"  B                  ok    sufficient succeeded: enough, nobody further is asked\n  => ok\n"},
		{"forgiven and default", "A=alternative\ndefault=fail", []acctstack.Result{acctstack.Next},
			"  A                  next  alternative failed: forgiven, the walk goes on; not kept: it said next\n" +
				"  default            fail  default failed: the event fails, whatever the others say; the walk goes on\n  => FAIL\n"},
		{"the last one decides", "A=required\nB=optional", []acctstack.Result{acctstack.OK, acctstack.Fail},
			"  A                  ok    required succeeded: the walk goes on\n" +
				"  B                  fail  optional failed and was the last one asked: its result decides; not kept: the call is refused\n  => FAIL\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var walk acctstack.Walk
			walk.Begin(stacktest.Rules(t, test.lines, factories...), acctstack.Start)
			n := 0
			for _, more := walk.Next(); more; _, more = walk.Next() {
				walk.Answer(test.results[n], nil)
				n++
			}
			if got := walk.Verdict().String(); got != test.want {
				t.Errorf("got\n%swant\n%s", got, test.want)
			}
			if _, more := walk.Next(); more || strings.Count(test.want, "\n") != len(walk.Verdict().Steps)+1 {
				t.Error("the walk goes on after its end")
			}
		})
	}
}
