package acctstack_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tollgate/acctstack"
	"tollgate/acctstack/stacktest"
	"tollgate/config"
)

// backends are modules with the events of GnuGk's RadAcct, FileAcct and SQLAcct.
func backends() []acctstack.Factory {
	rad, file, sql := stacktest.Factory("RadAcct", nil), stacktest.Factory("FileAcct", nil), stacktest.Factory("SQLAcct", nil)
	rad.Supports = acctstack.KindsOf(acctstack.Start, acctstack.Update, acctstack.Stop, acctstack.On, acctstack.Off)
	file.Supports = acctstack.KindsOf(acctstack.Stop)
	return []acctstack.Factory{rad, file, sql}
}

func parse(t testing.TB, lines string) ([]acctstack.Rule, config.Problems) {
	t.Helper()
	file, err := config.Parse("t.ini", []byte("[Gatekeeper::Acct]\n"+lines+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	return acctstack.ParseRules(file.Section("Gatekeeper::Acct"), acctstack.Settings(), backends())
}

func TestRules(t *testing.T) {
	const required, optional, sufficient, alternative = acctstack.Required, acctstack.Optional, acctstack.Sufficient, acctstack.Alternative
	tests := []struct {
		line    string
		name    string
		control acctstack.Control
		kinds   string
		listed  string
	}{
		{"RadAcct=required", "RadAcct", required, "start,update,stop,on,off", ""},
		{"FileAcct=optional", "FileAcct", optional, "stop", ""},
		{"SQLAcct=sufficient", "SQLAcct", sufficient, "start,alert,connect,update,stop,on,off,register,unregister,reject,mediafail", ""},
		{"radacct=ALTERNATIVE;START,Stop", "RadAcct", alternative, "start,stop", "start,stop"},
		{"RadAcct=required;start;stop", "RadAcct", required, "start,stop", "start,stop"},
		{"RadAcct=required,start,stop", "RadAcct", required, "start,stop", "start,stop"},
		{"RadAcct=required,start;stop,off", "RadAcct", required, "start,stop,off", "start,stop,off"},
		{" RadAcct \t=  required ;\tstart , stop  ", "RadAcct", required, "start,stop", "start,stop"},
		{"RadAcct=required;stop,stop,start,stop", "RadAcct", required, "start,stop", "start,stop"},
		{"RadAcct=required;start,alert", "RadAcct", required, "start", "start,alert"},
		{"FileAcct=required;start", "FileAcct", required, "", "start"},
		{"SQLAcct=required;stop,cdr,missed", "SQLAcct", required, "stop,missed,cdr", "stop,missed,cdr"},
		{"SQLAcct=optional;transaction,ack,request", "SQLAcct", optional, "transaction,ack,request", "transaction,ack,request"},
		{"RadAcct:backup=alternative;start,stop", "RadAcct:backup", alternative, "start,stop", "start,stop"},
		{"RADACCT:Site-2_b=required;on", "RadAcct:Site-2_b", required, "on", "on"},
	}
	for _, test := range tests {
		t.Run(test.line, func(t *testing.T) {
			rules, problems := parse(t, test.line)
			if len(problems) != 0 || len(rules) != 1 {
				t.Fatalf("%d rules, %v", len(rules), problems)
			}
			r := rules[0]
			if r.Name != test.name || r.Control != test.control || r.Kinds.String() != test.kinds || r.Listed.String() != test.listed || r.Fixed || r.Line != 2 {
				t.Errorf("got %+v: %s of %s", r, r.Kinds, r.Listed)
			}
			if module, _, _ := strings.Cut(test.name, ":"); r.Module() != module {
				t.Errorf("its module is %q", r.Module())
			}
		})
	}
}

func TestDefaultRules(t *testing.T) {
	const all = "start,alert,connect,update,stop,on,off,register,unregister,reject,mediafail"
	tests := map[string]struct {
		answer acctstack.Result
		kinds  string
	}{
		"accept": {acctstack.OK, all}, "allow": {acctstack.OK, all}, "a": {acctstack.OK, all}, "true": {acctstack.OK, all}, "T": {acctstack.OK, all},
		"Yes": {acctstack.OK, all}, "y": {acctstack.OK, all}, "1": {acctstack.OK, all},
		"fail": {acctstack.Fail, all}, "F": {acctstack.Fail, all}, "reject": {acctstack.Fail, all}, "Forbid": {acctstack.Fail, all}, "deny": {acctstack.Fail, all},
		"false": {acctstack.Fail, all}, "no": {acctstack.Fail, all}, "n": {acctstack.Fail, all}, "0": {acctstack.Fail, all},
		"accept;start": {acctstack.OK, "start"}, "fail , start;STOP": {acctstack.Fail, "start,stop"}, "fail;cdr": {acctstack.Fail, "cdr"},
		"": {acctstack.OK, ""}, "  ": {acctstack.OK, ""},
	}
	for value, want := range tests {
		for _, key := range []string{"default", "Default"} {
			rules, problems := parse(t, key+"="+value)
			if len(problems) != 0 || len(rules) != 1 {
				t.Errorf("%q: %d rules, %v", value, len(rules), problems)
				continue
			}
			if r := rules[0]; !r.Fixed || r.Name != "default" || r.Control != acctstack.Required || r.Answer != want.answer || r.Kinds.String() != want.kinds {
				t.Errorf("%q: got %+v of %s", value, r, r.Kinds)
			}
		}
	}
}

func TestOrderIsTheFiles(t *testing.T) {
	rules, problems := parse(t, "SQLAcct=required\nTeardown=connect\ndefault=accept;start\nFileAcct=required\nRadAcct:b=optional\nRadAcct=optional\nteardown2=\n")
	if len(problems) != 1 {
		t.Errorf("problems: %v", problems)
	}
	var got []string
	for _, r := range rules {
		got = append(got, r.Name)
	}
	if names := strings.Join(got, " "); names != "SQLAcct default FileAcct RadAcct:b RadAcct" {
		t.Errorf("got %s", names)
	}
}

func TestRuleErrors(t *testing.T) {
	const controls = "; it is one of required, optional, sufficient, alternative"
	const instances = " is not the name of an instance; allowed: 1 to 64 letters, digits, - and _"
	tests := []struct{ name, lines, want string }{
		{"module", "FielAcct=required", `t.ini:2: unknown module "FielAcct"; did you mean "FileAcct"?`},
		{"module, nothing near", "Nothing=required", `t.ini:2: unknown module "Nothing"`},
		{"module of GnuGk", "httpacct=required", `t.ini:2: GnuGk's module HttpAcct does not exist here`},
		{"module with instance", "RadAct:b=required", `t.ini:2: unknown module "RadAct"; did you mean "RadAcct"?`},
		{"instance without module", ":b=required", `t.ini:2: unknown module ""`},
		{"misspelt default", "defualt=accept", `t.ini:2: unknown module "defualt"; did you mean "default"?`},
		{"misspelt setting", "Teardwon=connect", `t.ini:2: unknown module "Teardwon"; did you mean "Teardown"?`},
		{"instance of default", "default:x=accept", `t.ini:2: default has no instances`},
		{"control", "RadAcct=requierd;start", `t.ini:2: RadAcct: unknown control "requierd"; did you mean "required"?` + controls},
		{"control, nothing near", "RadAcct=maybe", `t.ini:2: RadAcct: unknown control "maybe"` + controls},
		{"no value", "RadAcct=", `t.ini:2: RadAcct: unknown control ""` + controls},
		{"event for control", "RadAcct=start,stop", `t.ini:2: RadAcct: unknown control "start"` + controls},
		{"event", "RadAcct=required;strat,stop", `t.ini:2: RadAcct: unknown event "strat"; did you mean "start"?`},
		{"event, nothing near", "RadAcct=required;everything", `t.ini:2: RadAcct: unknown event "everything"`},
		{"events without separator", "RadAcct=required;start stop", `t.ini:2: RadAcct: unknown event "start stop"`},
		{"empty event", "RadAcct=required;start,,stop", `t.ini:2: RadAcct: an event is missing between the separators`},
		{"separator at the end", "RadAcct=required;", `t.ini:2: RadAcct: an event is missing between the separators`},
		{"instance without name", "RadAcct:=required", `t.ini:2: RadAcct: ""` + instances},
		{"instance with a slash", "RadAcct:../x=required", `t.ini:2: RadAcct: "../x"` + instances},
		{"instance with a blank", "RadAcct:a b=required", `t.ini:2: RadAcct: "a b"` + instances},
		{"instance of an instance", "RadAcct:a:b=required", `t.ini:2: RadAcct: "a:b"` + instances},
		{"answer of default", "default=acept", `t.ini:2: default: unknown answer "acept"; did you mean "accept"?; it is accept or fail`},
		{"answer of default is missing", "default=;start", `t.ini:2: default: unknown answer ""; it is accept or fail`},
		{"event of default", "default=accept;strat", `t.ini:2: default: unknown event "strat"; did you mean "start"?`},
		{"all are told", "RadAcct=optinal;strat,of\n\n; a comment\nFileAct=required\nSQLAcct=required",
			`t.ini:2: RadAcct: unknown control "optinal"; did you mean "optional"?` + controls + "\n" +
				`t.ini:2: RadAcct: unknown event "strat"; did you mean "start"?` + "\n" +
				`t.ini:2: RadAcct: unknown event "of"; did you mean "on"?` + "\n" +
				`t.ini:5: unknown module "FileAct"; did you mean "FileAcct"?`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, problems := parse(t, test.lines)
			if got := problems.Error(); got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
			if problems.Err() == nil {
				t.Error("it is a warning only")
			}
		})
	}
}

// TestInstanceNames: rules and sections agree on which names an instance may have.
func TestInstanceNames(t *testing.T) {
	factory := backends()[0]
	schema := config.Schema{stacktest.Declaration(factory)}
	for _, name := range []string{"a", "-", "_", "A-b_9", "a.b", "ä", "a b", strings.Repeat("x", 64), strings.Repeat("x", 65)} {
		file, err := config.Parse("t.ini", []byte("[RadAcct:"+name+"]\n"))
		if err != nil {
			t.Fatal(err)
		}
		_, problems := parse(t, "RadAcct:"+name+"=required")
		if section := schema.Check(file, false); (problems.Err() == nil) != (section.Err() == nil) {
			t.Errorf("%q: the rule says %v, the section %v", name, problems, section)
		}
	}
}

// TestSpellings: case, blanks and the choice of separators change nothing.
func TestSpellings(t *testing.T) {
	names := acctstack.KindNames()
	controls := []string{"required", "optional", "sufficient", "alternative"}
	rapid.Check(t, func(rt *rapid.T) {
		blank := rapid.SampledFrom([]string{"", " ", "\t", "  "})
		words := append([]string{rapid.SampledFrom(controls).Draw(rt, "control")}, rapid.SliceOfN(rapid.SampledFrom(names), 1, 6).Draw(rt, "events")...)
		plain, odd := strings.Join(words, ";"), ""
		for i, word := range words {
			if i > 0 {
				odd += rapid.SampledFrom([]string{";", ","}).Draw(rt, "separator")
			}
			if rapid.Bool().Draw(rt, "capitals") {
				word = strings.ToUpper(word)
			}
			odd += blank.Draw(rt, "before") + word + blank.Draw(rt, "behind")
		}
		want, problems := parse(t, "SQLAcct="+plain)
		got, oddProblems := parse(t, "SQLAcct="+odd)
		if len(problems)+len(oddProblems) > 0 || got[0] != want[0] {
			rt.Errorf("%q: %+v %v", odd, got, oddProblems)
		}
	})
}

// FuzzParseRules: whatever the file says, a rule that is accepted is whole, and one that is not is told of.
func FuzzParseRules(f *testing.F) {
	for _, seed := range [][2]string{{"RadAcct", "optional;start,stop"}, {"default", "accept;start"}, {"default", ""}, {"RadAcct:b", "x,,;"}, {"FileAct", ""}, {":", ";"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, name, value string) {
		section := &config.Section{File: "f.ini", Name: "Gatekeeper::Acct", Entries: []config.Entry{{Name: name, Value: value, Line: 7}}}
		rules, problems := acctstack.ParseRules(section, acctstack.Settings(), backends())
		for _, p := range problems {
			if p.Line != 7 || p.File != "f.ini" || p.Text == "" {
				t.Errorf("problem %+v", p)
			}
		}
		for _, r := range rules {
			if problems != nil {
				break
			}
			_ = r.Control.String()
			if r.Line != 7 || r.Listed != 0 && r.Kinds&^r.Listed != 0 {
				t.Errorf("rule %+v", r)
			}
		}
		if len(rules) == 0 && len(problems) == 0 && !strings.EqualFold(name, "Teardown") {
			t.Errorf("%q=%q is neither a rule nor an error", name, value)
		}
		acctstack.Advise(rules, backends(), "f.ini", 1)
	})
}

func TestTeardown(t *testing.T) {
	for text, want := range map[string]string{"": "", "  ": "", "connect": "connect", "Update , connect": "connect,update", "update;connect": "connect,update"} {
		if kinds, err := acctstack.ParseTeardown(text); err != nil || kinds.String() != want {
			t.Errorf("%q: got %s, %v", text, kinds, err)
		}
	}
	for text, want := range map[string]string{
		"start":          `"start" cannot end a running call; it is connect or update`,
		"connect,":       `"" cannot end a running call; it is connect or update`,
		"connect update": `"connect update" cannot end a running call; it is connect or update`,
	} {
		if _, err := acctstack.ParseTeardown(text); err == nil || err.Error() != want {
			t.Errorf("%q: got %v", text, err)
		}
	}
}
