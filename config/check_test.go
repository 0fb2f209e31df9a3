package config

import (
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"unknown key", "[RadAcct]\nRetris=1", `t.ini:2: unknown key "Retris" in [RadAcct]; did you mean "Retries"?`},
		{"unknown key of an instance", "[radacct:b]\nRetris=1", `t.ini:2: unknown key "Retris" in [radacct:b]; did you mean "Retries"?`},
		{"unknown key, nothing near", "[RadAcct]\nWhatever=1", `t.ini:2: unknown key "Whatever" in [RadAcct]`},
		{"unknown section", "[RadAct]\nx=1", `t.ini:1: unknown section [RadAct]; did you mean [RadAcct]?`},
		{"unknown section of an instance", "[RadAct:backup]", `t.ini:1: unknown section [RadAct:backup]; did you mean [RadAcct:backup]?`},
		{"unknown section, nothing near", "[Whatever]", `t.ini:1: unknown section [Whatever]`},
		{"no instances", "[Proxy:a]", `t.ini:1: unknown section [Proxy:a]; did you mean [Proxy]?`},
		{"instance without a name", "[RadAcct:]", `t.ini:1: section [RadAcct:]: "" is not the name of an instance; allowed: 1 to 64 letters, digits, - and _`},
		{"instance with a path", "[RadAcct:../x]\nRetries=a", `t.ini:1: section [RadAcct:../x]: "../x" is not the name of an instance; allowed: 1 to 64 letters, digits, - and _` + "\n" +
			`t.ini:2: key "Retries" in [RadAcct:../x]: "a" is not a whole number; allowed: a whole number, 0 to 10`},
		{"instance of two colons", "[RadAcct::a]", `t.ini:1: section [RadAcct::a]: ":a" is not the name of an instance; allowed: 1 to 64 letters, digits, - and _`},
		{"foreign key", "[Gatekeeper::Main]\nunicastonly=1", `t.ini:2: warning: key "unicastonly" in [Gatekeeper::Main] has no effect here: there is no multicast | discovery`},
		{"foreign key of an open section", "[SIP::Routes]\nNoSuchRoute=1", `t.ini:2: warning: key "NoSuchRoute" in [SIP::Routes] has no effect here: routes are tried left to right`},
		{"foreign section", "[Proxy]\nEnable=1", `t.ini:1: warning: section [Proxy] has no effect here: there is no H.323 proxy`},
		{"declared key of an open section", "[SIP::Routes]\n*=bad", ""},
		{"open key", "[SIP::Routes]\n49=bad", `t.ini:2: key "49" in [SIP::Routes]: bad is bad`},
		{"open key of a kind", "[GkStatus::Auth]\n10.0.0.1=maybe", `t.ini:2: key "10.0.0.1" in [GkStatus::Auth]: "maybe" is neither yes nor no; allowed: 1, true, yes, allow or 0, false, no, forbid`},
		{"further check", "[RadAcct]\nSpool=bad", `t.ini:2: key "Spool" in [RadAcct]: bad is bad`},
		{"order of lines", "[RadAcct]\nA1=\n[Whatever]\nx=1\n[SIP::Routes]\n49=bad\n[Proxy]\n", `t.ini:2: unknown key "A1" in [RadAcct]` + "\n" +
			"t.ini:3: unknown section [Whatever]\n" + `t.ini:6: key "49" in [SIP::Routes]: bad is bad` + "\n" +
			"t.ini:7: warning: section [Proxy] has no effect here: there is no H.323 proxy"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f, err := Parse("t.ini", []byte(test.text))
			if err != nil {
				t.Fatal(err)
			}
			if got := testSchema().Check(f, false).Error(); got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}

// TestStrict: strict makes errors of what has no effect, and of nothing else.
func TestStrict(t *testing.T) {
	f, err := Parse("t.ini", []byte("[Proxy]\nx=1\n[Gatekeeper::Main]\nUnicastOnly=1\n"))
	if err != nil {
		t.Fatal(err)
	}
	lax, strict := testSchema().Check(f, false), testSchema().Check(f, true)
	if lax.Err() != nil || len(lax) != 2 {
		t.Errorf("not strict: %v", lax)
	}
	if strict.Err() == nil || strings.ReplaceAll(lax.Error(), "warning: ", "") != strict.Error() {
		t.Errorf("strict: %v", strict)
	}
}

// TestRestAfterFaults: the mistakes in a file that Parse has refused are found in the same run.
func TestRestAfterFaults(t *testing.T) {
	f, err := Parse("t.ini", []byte("[RadAcct]\nbroken\nRetries=a\n[RadAcct:b\nTimeout=x\n[]\ny=1\n"))
	if err == nil || f == nil {
		t.Fatal(f, err)
	}
	want := `t.ini:3: key "Retries" in [RadAcct]: "a" is not a whole number; allowed: a whole number, 0 to 10` + "\n" +
		`t.ini:5: key "Timeout" in [RadAcct:b]: "x" is not a duration; allowed: a number of ms or a duration such as 1m30s or 250ms, 1 to 60000 ms`
	if got := testSchema().Check(f, false).Error(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
