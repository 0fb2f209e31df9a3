package routes

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"tollgate/config"
)

// table parses the lines of [SIP::Routes].
func table(t testing.TB, lines ...string) (*Table, config.Problems) {
	t.Helper()
	file, err := config.Parse("test.ini", []byte("[SIP::Routes]\n"+strings.Join(lines, "\n")+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	schema := config.Schema{Decl()}
	if problems := schema.Check(file, true); len(problems) > 0 {
		t.Fatal(problems)
	}
	return Parse(schema.Section(file, "SIP::Routes"))
}

func sound(t testing.TB, lines ...string) *Table {
	t.Helper()
	found, problems := table(t, lines...)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return found
}

// text shows steps as in "A/2/+49 & B, C": addresses with what is stripped and prepended.
func text(steps []Step) string {
	var all []string
	for _, step := range steps {
		var targets []string
		for _, target := range step {
			s := target.Host
			if target.Strip > 0 || target.Prepend != "" {
				s += fmt.Sprintf("/%d/%s", target.Strip, target.Prepend)
			}
			targets = append(targets, s)
		}
		all = append(all, strings.Join(targets, " & "))
	}
	return strings.Join(all, ", ")
}

func TestGrammar(t *testing.T) {
	for _, c := range []struct{ name, value, want string }{
		{"one", "sip:192.0.2.1", "192.0.2.1:5060"},
		{"port", "SIP:192.0.2.1:5070", "192.0.2.1:5070"},
		{"IPv6", "sip:[2001:db8::1], sip:[2001:db8:0::2]:5061", "[2001:db8::1]:5060, [2001:db8::2]:5061"},
		{"IPv4 in IPv6", "sip:[::ffff:192.0.2.1]:5061", "192.0.2.1:5061"},
		{"one after the other, without blanks", "sip:192.0.2.1,sip:192.0.2.2", "192.0.2.1:5060, 192.0.2.2:5060"},
		{"at once, then another", "sip:192.0.2.1 & sip:192.0.2.2:5062, sip:192.0.2.3", "192.0.2.1:5060 & 192.0.2.2:5062, 192.0.2.3:5060"},
		{"another, then at once", "sip:192.0.2.3,sip:192.0.2.1&sip:192.0.2.2", "192.0.2.3:5060, 192.0.2.1:5060 & 192.0.2.2:5060"},
		{"strip and prepend", "sip:192.0.2.1;strip=2;prepend=+49, sip:192.0.2.2 ; Prepend = %23 ", "192.0.2.1:5060/2/+49, 192.0.2.2:5060/0/%23"},
		{"all legal characters", "sip:192.0.2.1;prepend=aZ09-_.!~*'()=+$?/%2B", "192.0.2.1:5060/0/aZ09-_.!~*'()=+$?/%2B"},
		{"for all", "strip=2;prepend=+49 sip:192.0.2.1,sip:192.0.2.2", "192.0.2.1:5060/2/+49, 192.0.2.2:5060/2/+49"},
		{"for all, with blanks", "strip = 2 ; prepend = +49 sip:192.0.2.1", "192.0.2.1:5060/2/+49"},
		{"for all that have none of their own", "strip=2;prepend=+49 sip:192.0.2.1;strip=0 & sip:192.0.2.2;prepend=, sip:192.0.2.3",
			"192.0.2.1:5060/0/+49 & 192.0.2.2:5060/2/, 192.0.2.3:5060/2/+49"},
		{"the same address for two numbers", "sip:192.0.2.1;prepend=1 & sip:192.0.2.1;prepend=2", "192.0.2.1:5060/0/1 & 192.0.2.1:5060/0/2"},
		{"the same address again", "sip:192.0.2.1,sip:192.0.2.1", "192.0.2.1:5060, 192.0.2.1:5060"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := sound(t, "*="+c.value).Find("1")
			if got := text(r.Plan(nil, nil)); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

func TestMistakes(t *testing.T) {
	many := strings.TrimSuffix(strings.Repeat("sip:192.0.2.1,", maxTargets+1), ",")
	for value, want := range map[string]string{
		"":                                "no target; give one as in sip:192.0.2.1:5060",
		"192.0.2.1":                       `"192.0.2.1" is not of the form sip:ADDRESS:PORT`,
		"tel:123":                         `"tel:123" is not of the form sip:ADDRESS:PORT`,
		"sips:192.0.2.1":                  `"sips:192.0.2.1" is not of the form`,
		"sip:":                            `"sip:": "" is not an IP address`,
		"sip:example.com":                 `"example.com" is not an IP address`,
		"sip:192.0.2.1.":                  "is not an IP address",
		"sip:2001:db8::1":                 "is not an IP address",
		"sip:[192.0.2.1]":                 "is not an IP address",
		"sip:[2001:db8::1":                "is not an IP address",
		"sip:[2001:db8::1]x":              "is not an IP address",
		"sip:[fe80::1%eth0]":              "is not an IP address",
		"sip:0.0.0.0":                     "no gateway can have the address 0.0.0.0",
		"sip:[ff02::1]:5060":              "no gateway can have the address ff02::1",
		"sip:192.0.2.1:0":                 "port 0 is not between 1 and 65535",
		"sip:192.0.2.1:65536":             "port 65536 is not between 1 and 65535",
		"sip:192.0.2.1:":                  "port  is not between",
		"sip:alice@192.0.2.1":             "a target is an address and a port only",
		"sip:192.0.2.1 sip:192.0.2.2":     "has a blank in it; targets are separated by commas or &",
		"sip:192.0.2.1,":                  "a target is missing",
		"sip:192.0.2.1 & , sip:192.0.2.2": "a target is missing",
		"sip:192.0.2.1;":                  "a parameter is missing",
		"sip:192.0.2.1;;strip=1":          "a parameter is missing",
		"sip:192.0.2.1;wieght=3":          `"sip:192.0.2.1": unknown parameter "wieght"; did you mean "weight"?`,
		"sip:192.0.2.1;transport=tcp":     `unknown parameter "transport"; there are strip, prepend, weight`,
		"sip:192.0.2.1;strip=1;Strip=2":   "parameter strip given twice",
		"sip:192.0.2.1;strip":             "parameter strip has no value; give one as in strip=2",
		"sip:192.0.2.1;prepend":           "parameter prepend has no value",
		"sip:192.0.2.1;strip=65":          "strip=65: a number from 0 to 64 is needed",
		"sip:192.0.2.1;strip=-1":          "strip=-1: a number from 0 to 64 is needed",
		"sip:192.0.2.1;weight=65536":      "weight=65536: a number from 0 to 65535 is needed",
		"sip:192.0.2.1;weight=":           "weight=: a number",
		"sip:192.0.2.1;prepend=#":         `prepend=#: '#' cannot stand in a SIP user; # is written %23`,
		"sip:192.0.2.1;prepend=a b":       "cannot stand in a SIP user",
		"sip:192.0.2.1;prepend=a@b":       "cannot stand in a SIP user",
		"sip:192.0.2.1;prepend=%2":        "cannot stand in a SIP user",
		"sip:192.0.2.1;prepend=" + strings.Repeat("1", 65): "more than 64 characters",
		"sip:192.0.2.1;weight=1 & sip:192.0.2.2":           "a weight among targets that are asked at once",
		"sip:192.0.2.1 & sip:192.0.2.1:5060":               "192.0.2.1:5060 twice among targets that are asked at once",
		"weight=1 sip:192.0.2.1":                           "a weight before the first target; it belongs to one target",
		"stripe=1 sip:192.0.2.1":                           `unknown parameter "stripe"; did you mean "strip"?`,
		"strip=1, sip:192.0.2.1":                           `"strip=1" is not of the form`,
		"strip=1":                                          `"strip=1" is not of the form`,
		"strip=1;sip:192.0.2.1":                            `"strip=1" is not of the form`,
		many:                                               "17 targets; a route can have 16",
	} {
		got, problems := table(t, "; a comment", "7="+value)
		if len(problems) != 1 || !strings.Contains(problems[0].Text, want) || !strings.HasPrefix(problems[0].Text, "route 7: ") ||
			problems[0].Line != 3 || problems[0].Warning {
			t.Errorf("%q: %v, want %q", value, problems, want)
		}
		if !got.Empty() || got.Find("7") != nil || len(got.Targets()) != 0 {
			t.Errorf("%q is a route", value)
		}
	}
}

func TestAllMistakesAreReported(t *testing.T) {
	_, problems := table(t, "1=sip:a, sip:192.0.2.1, sip:b & sip:c", "2=sip:192.0.2.1", "3=strip=x sip:d")
	var lines []int
	for _, p := range problems {
		lines = append(lines, p.Line)
	}
	if !slices.Equal(lines, []int{2, 2, 4, 4}) {
		t.Errorf("lines %v: %v", lines, problems)
	}
}

func TestDeclaration(t *testing.T) {
	schema := config.Schema{Decl()}
	if err := schema.Verify(); err != nil {
		t.Error(err)
	}
	found := sound(t, "4="+Decl().Open.Example)
	if n := len(found.Targets()); n != 4 {
		t.Errorf("%d targets in the example", n)
	}
}

func TestUnreachable(t *testing.T) {
	file, err := config.Parse("test.ini", []byte("[SIP::Routes]\n1=sip:192.0.2.1\n2=sip:192.0.2.1, sip:[2001:db8::1]\n"))
	if err != nil {
		t.Fatal(err)
	}
	section := config.Schema{Decl()}.Section(file, "SIP::Routes")
	found, _ := Parse(section)
	for listen, want := range map[string][]string{
		"192.0.2.9:5060":                    {"test.ini:3: route 2: no address of [SIP] Listen is of the same family as 2001:db8::1"},
		"[2001:db8::9]:5060":                {"test.ini:2: route 1: no address of [SIP] Listen is of the same family as 192.0.2.1", "test.ini:3: route 2: no address of [SIP] Listen is of the same family as 192.0.2.1"},
		"192.0.2.9:5060 [2001:db8::9]:5060": nil,
	} {
		var addrs []netip.AddrPort
		for _, l := range strings.Fields(listen) {
			addrs = append(addrs, netip.MustParseAddrPort(l))
		}
		var got []string
		for _, p := range found.Unreachable(addrs, section) {
			got = append(got, p.String())
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", listen, got, want)
		}
	}
}

// FuzzParse: whatever stands in the file, a route that is taken has plans that ask each of its targets once.
func FuzzParse(f *testing.F) {
	f.Add("strip=2;prepend=+49 sip:192.0.2.1;weight=1,sip:192.0.2.2;weight=0, sip:192.0.2.3 & sip:[2001:db8::1]:5061")
	f.Add("sip:192.0.2.1;strip=1;prepend=%23")
	f.Add("\u0130=sip:192.0.2.1 & ,;")
	f.Add("a=İİİ sip:1")
	f.Fuzz(func(t *testing.T, value string) {
		section := &config.Section{Entries: []config.Entry{{Name: "*", Value: value, Line: 1}}}
		found, problems := Parse(section)
		r := found.Find("0049301234")
		if (r == nil) != (len(problems) > 0) {
			t.Fatalf("%v with %v", r, problems)
		}
		if r == nil {
			return
		}
		asked := hosts(r.steps)
		if len(asked) == 0 || len(asked) > maxTargets {
			t.Fatalf("%d targets", len(asked))
		}
		planned := hosts(r.Plan(func(n uint32) uint32 { return n - 1 }, nil))
		if slices.Sort(asked); !slices.Equal(asked, sorted(planned)) {
			t.Fatalf("plan of %q: %q", asked, planned)
		}
		for _, target := range found.Targets() {
			if user := target.User("0049301234"); len(user) > maxPrepend+10 || !found.Has(target.Addr.Addr()) {
				t.Fatalf("user %q of %v", user, target)
			}
		}
	})
}

func hosts(steps []Step) []string {
	var all []string
	for _, step := range steps {
		for _, target := range step {
			all = append(all, target.Host)
		}
	}
	return all
}

func sorted(texts []string) []string {
	slices.Sort(texts)
	return texts
}
