package acctstack_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"tollgate/acctstack"
	"tollgate/acctstack/stacktest"
)

// hand is one rule of a stack for the table of keeping: how it is written, and what its module answers.
type hand struct {
	control  string
	answer   string // ok, fail, queued, permanent, next
	spool    string // Spool=: "", none, a kind
	realtime string // of Realtime=: "", STORE, LOSE
	has      bool   // Trail.Has names it
}

var errBroken = acctstack.Permanent(errors.New("no such column"))

// restated is the rule of keeping written once more, from the words of the manual: what is kept for each rule ("kept",
// "quarantined" or ""), given what was asked and how the walk ended.
func restated(hands []hand, kind acctstack.Kind, asked int, ok, refused bool) []string {
	got := make([]string, len(hands))
	each := kind >= acctstack.Transaction
	hands = hands[:asked]
	stored := slices.ContainsFunc(hands, func(h hand) bool { return h.answer == "ok" })
	one := false // somebody was the first of those that share a copy
	for i, h := range hands {
		shares := (h.control == "alternative" || h.control == "sufficient") && !each
		if h.answer == "queued" && (kind != acctstack.Start || ok) {
			got[i] = "kept"
			one = one || shares
			continue
		}
		if h.answer != "fail" && h.answer != "permanent" {
			continue
		}
		if h.spool == "none" || kind == acctstack.Start && !ok || kind == acctstack.Stop && refused && !h.has {
			continue
		}
		first := shares && !one
		one = one || shares
		named := h.spool == kind.String()
		sure := h.realtime == "STORE" && h.spool == "" && h.answer == "fail"
		if shares && !named && !sure && (stored || kind == acctstack.Start || !first) {
			continue
		}
		got[i] = map[string]string{"fail": "kept", "permanent": "quarantined"}[h.answer]
	}
	return got
}

// grants tells whether a failure counts as ok in the walk.
func grants(h hand, kind acctstack.Kind, refused bool) bool {
	if h.realtime == "LOSE" {
		return h.answer != "ok"
	}
	terminal := h.control == "alternative" || h.control == "sufficient"
	kept := h.spool == "" || h.spool == kind.String() || h.spool != "none" && (!terminal || kind >= acctstack.Transaction)
	return h.realtime == "STORE" && (h.answer == "fail" || h.answer == "queued") && kept && (kind != acctstack.Stop || !refused || h.has)
}

// cardsOf is the table's row of a hand, as the walk takes it.
func rowOf(h hand, kind acctstack.Kind, refused bool) *row {
	result := h.answer
	if result == "permanent" || result == "queued" {
		result = "fail"
	}
	if grants(h, kind, refused) {
		result = "ok"
	}
	i := slices.IndexFunc(gnugk, func(r row) bool { return r.control == h.control && r.result == result })
	return &gnugk[i]
}

func (h hand) lines(name string) (rule, section string) {
	section = "[" + name + "]\nSpool=" + h.spool + "\n"
	if h.realtime != "" {
		section += "Realtime=GRANT_AND_" + h.realtime + "\n"
	}
	return name + "=" + h.control + ";start,update,stop,cdr\n", section
}

// hands are all that a rule can be: of an event that is stored, and of next, not every setting makes a difference. pick thins
// them out for longer stacks.
func hands(pick func(h hand) bool) []hand {
	var all []hand
	for _, control := range []string{"required", "optional", "sufficient", "alternative"} {
		for _, answer := range []string{"ok", "fail", "queued", "permanent", "next"} {
			for _, spool := range []string{"", "none", "start", "stop"} {
				for _, realtime := range []string{"", "STORE", "LOSE"} {
					for _, has := range []bool{false, true} {
						idle := answer == "ok" && spool+realtime != "" || answer == "next" && spool != "" ||
							answer == "queued" && (spool == "start" || realtime == "LOSE")
						if h := (hand{control, answer, spool, realtime, has}); !idle && pick(h) {
							all = append(all, h)
						}
					}
				}
			}
		}
	}
	return all
}

// rules are the rules of the hands, named A, B and C, by way of the INI file.
func rulesFor(t *testing.T, cache map[string]acctstack.Rule, hands []hand) []acctstack.Rule {
	var rules []acctstack.Rule
	for i, h := range hands {
		name := string(rune('A' + i))
		line, section := h.lines(name)
		key := line + section
		rule, ok := cache[key]
		if !ok {
			rule = stacktest.Build(t, line+section, stacktest.Factory(name, &stacktest.Fake{})).Rules()[0]
			cache[key] = rule
		}
		rules = append(rules, rule)
	}
	return rules
}

var errorsOf = map[string]error{"fail": errAway, "queued": acctstack.ErrQueued, "permanent": errBroken, "next": acctstack.ErrNext}

var fates = map[acctstack.Fate]string{acctstack.FateKept: "kept", acctstack.FateQuarantined: "quarantined"}

// judge plays the hands through the machine and compares what it keeps with the restatement, and the outcome with GnuGk's
// table.
func judge(t *testing.T, cache map[string]acctstack.Rule, deal []hand, kind acctstack.Kind, refused bool) {
	t.Helper()
	ev := &acctstack.Event{Kind: kind, Trail: &acctstack.Trail{Refused: refused}}
	var stack []card
	for i, h := range deal {
		stack = append(stack, card{row: rowOf(h, kind, refused)})
		if h.has {
			ev.Trail.Has = append(ev.Trail.Has, string(rune('A'+i)))
		}
	}
	var walk acctstack.Walk
	walk.BeginEvent(rulesFor(t, cache, deal), ev)
	for i, more := walk.Next(); more; i, more = walk.Next() {
		result := acctstack.Fail
		switch deal[i].answer {
		case "ok":
			result = acctstack.OK
		case "next":
			result = acctstack.Next
		}
		walk.Answer(result, errorsOf[deal[i].answer])
	}
	v := walk.Verdict()
	want := byTable(stack, kind)
	if v.OK != want.ok || len(v.Steps) != len(want.asked) {
		t.Fatalf("%s %+v: outcome %v after %d, want %+v\n%s", kind, deal, v.OK, len(v.Steps), want, v)
	}
	kept := restated(deal, kind, len(v.Steps), v.OK, refused)
	any := false
	for i := range v.Steps {
		got := fates[v.Fate(i)]
		if got != kept[i] {
			t.Fatalf("%s refused=%v %+v\nrule %d: %q, want %q\n%s", kind, refused, deal, i, got, kept[i], v)
		}
		any = any || got != ""
		if told := v.Tell(i); (told == "") != (deal[i].answer == "ok") || strings.HasPrefix(told, "not kept") != (got == "" && told != "") {
			t.Fatalf("%s %+v: rule %d: told %q", kind, deal, i, told)
		}
		if step := v.Steps[i]; step.Granted && deal[i].realtime == "STORE" && got == "" && kind != acctstack.Start {
			t.Fatalf("%s %+v: rule %d counted as ok and is not kept", kind, deal, i)
		}
	}
	if v.Kept() != any {
		t.Fatalf("%s %+v: Kept is %v", kind, deal, v.Kept())
	}
}

// TestRuleOfKeeping plays every stack of one and of two rules, and a choice of those of three.
func TestRuleOfKeeping(t *testing.T) {
	cache := map[string]acctstack.Rule{}
	every := hands(func(h hand) bool { return true })
	granted := hands(func(h hand) bool { return !h.has })
	some := hands(func(h hand) bool {
		return (h.spool == "" || h.spool == "stop") && h.realtime != "LOSE" && (h.answer == "ok" || h.answer == "fail") && !h.has
	})
	played := 0
	for _, kind := range []acctstack.Kind{acctstack.Start, acctstack.Update, acctstack.Stop, acctstack.CDR} {
		for _, refused := range []bool{false, true} {
			if refused && kind != acctstack.Stop {
				continue
			}
			all := granted
			if refused {
				all = every
			}
			for _, a := range all {
				judge(t, cache, []hand{a}, kind, refused)
				for _, b := range all {
					judge(t, cache, []hand{a, b}, kind, refused)
					played++
				}
			}
			for _, a := range some {
				for _, b := range some {
					for _, c := range some {
						judge(t, cache, []hand{a, b, c}, kind, refused)
						played++
					}
				}
			}
		}
	}
	if played < 100_000 {
		t.Errorf("only %d stacks were played", played)
	}
}

// TestTell: the words of a stack that an operator would write.
func TestTell(t *testing.T) {
	tests := []struct {
		name, lines string
		kind        acctstack.Kind
		errs        []error
		want        string
	}{
		{"own copy", "A=required\nB=optional", acctstack.Stop, []error{errAway, nil}, "kept for it|"},
		{"another has it", "A=alternative\nB=sufficient", acctstack.Stop, []error{errAway, nil}, "not kept: B has it|"},
		{"one of several", "A=alternative\nB=sufficient", acctstack.Stop, []error{errAway, errAway}, "kept for it|not kept: another one that failed before keeps it"},
		{"no start", "A=alternative\ndefault=accept", acctstack.Start, []error{errAway}, "not kept: alternative keeps no start|"},
		{"a start by name", "A=alternative\ndefault=accept\n[A]\nSpool=start", acctstack.Start, []error{errAway}, "kept for it|"},
		{"refused", "A=required", acctstack.Start, []error{errAway}, "not kept: the call is refused"},
		{"as GnuGk", "A=required\n[A]\nSpool=none", acctstack.Stop, []error{errAway}, "not kept: Spool=none"},
		{"the first keeps nothing", "A=alternative\nB=sufficient\n[A]\nSpool=none", acctstack.Stop, []error{errAway, errAway}, "not kept: Spool=none|kept for it"},
		{"permanent", "A=required", acctstack.Stop, []error{errBroken}, "quarantined"},
		{"next", "A=required", acctstack.Stop, []error{acctstack.ErrNext}, "not kept: it said next"},
		{"queued", "A=required", acctstack.Stop, []error{acctstack.ErrQueued}, "kept for it"},
		{"queued, another has it", "A=alternative\nB=sufficient", acctstack.Stop, []error{acctstack.ErrQueued, nil}, "kept for it|"},
		{"queued before a reload", "A=optional\n[A]\nSpool=none", acctstack.Stop, []error{acctstack.ErrQueued}, "kept for it"},
		{"queued and kept there", "A=alternative\nB=sufficient\n[A]\nSpool=none", acctstack.Stop, []error{acctstack.ErrQueued, errAway},
			"kept for it|not kept: another one that failed before keeps it"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			rules := stacktest.Build(t, test.lines, stacktest.Factory("A", &stacktest.Fake{}), stacktest.Factory("B", &stacktest.Fake{})).Rules()
			var walk acctstack.Walk
			walk.Begin(rules, test.kind)
			for i, more := walk.Next(); more; i, more = walk.Next() {
				result := acctstack.OK
				if err := test.errs[i]; errors.Is(err, acctstack.ErrNext) {
					result = acctstack.Next
				} else if err != nil {
					result = acctstack.Fail
				}
				walk.Answer(result, test.errs[i])
			}
			v := walk.Verdict()
			var told []string
			for i := range v.Steps {
				told = append(told, v.Tell(i))
			}
			if got := strings.Join(told, "|"); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// TestRuleSaysWhatItKeeps: the words of tollgate check.
func TestRuleSaysWhatItKeeps(t *testing.T) {
	for lines, want := range map[string]string{
		"A=required;start,stop":                                               "keeps start,stop when they fail here",
		"A=alternative;start,stop":                                            "keeps stop when no module has them and this was the first to fail; keeps no start",
		"A=sufficient;start,update,stop,cdr\n[A]\nSpool=stop":                 "keeps stop,cdr when they fail here; keeps update when no module has them and this was the first to fail; keeps no start",
		"A=required\n[A]\nSpool=none":                                         "keeps nothing (Spool=none)",
		"A=alternative\n[A]\nRealtime=GRANT_AND_STORE":                        "keeps what fails here, and counts it as ok (Realtime=GRANT_AND_STORE)",
		"A=alternative;start,stop\n[A]\nRealtime=GRANT_AND_STORE\nSpool=stop": "keeps stop when they fail here, and counts them as ok (Realtime=GRANT_AND_STORE); keeps no start",
		"default=accept":                                                      "",
	} {
		rules := stacktest.Build(t, lines, stacktest.Factory("A", &stacktest.Fake{})).Rules()
		if got := rules[0].Keeps(); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", lines, got, want)
		}
	}
}

func TestParseSpool(t *testing.T) {
	for _, test := range []struct{ raw, kinds, err string }{
		{"", "", ""}, {" none ", "none", ""}, {"NONE", "none", ""}, {"start, Stop", "start,stop", ""}, {"cdr;missed", "missed,cdr", ""},
		{"stp", "", `unknown event "stp"; did you mean "stop"?`}, {"nnone", "", `unknown event "nnone"; did you mean "none"?`},
		{"stop,none", "", "none stands alone"}, {"stop,,start", "", "an event is missing between the separators"},
	} {
		kinds, nothing, err := acctstack.ParseSpool(test.raw)
		got := kinds.String()
		if nothing {
			got = "none"
		}
		if got != test.kinds && err == nil || fmt.Sprint(err) != test.err && test.err != "" || (err != nil) != (test.err != "") {
			t.Errorf("%q: %s, %v", test.raw, got, err)
		}
	}
}
