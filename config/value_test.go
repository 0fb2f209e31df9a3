package config

import (
	"math"
	"strings"
	"testing"
	"time"
)

func TestValues(t *testing.T) {
	seconds := Key{Kind: Duration, Unit: "s", Default: "30", Max: 3600}
	port := Key{Kind: Int, Default: "1", Min: 1, Max: 65535}
	tests := []struct {
		name string
		key  Key
		raw  string
		want string // a part of the message, "" if legal
	}{
		{"int", port, "65535", ""},
		{"int, plus", port, "+5", ""},
		{"int, zeros", port, "007", ""},
		{"int, too small", port, "0", `"0" is too small; allowed: a whole number, 1 to 65535`},
		{"int, too large", port, "65536", `"65536" is too large`},
		{"int, 65 bits", port, "18446744073709551616", "has too many digits"},
		{"int, text after it", port, "5060;x", `"5060;x" is not a whole number`},
		{"int, hexadecimal", port, "0x10", "is not a whole number"},
		{"int, fraction", port, "1.5", "is not a whole number"},
		{"int, empty", port, "", "empty; allowed: a whole number, 1 to 65535"},
		{"int, empty without a default", Key{Kind: Int, Min: 1}, "", ""},
		{"int, unit", Key{Kind: Int, Unit: "calls", Min: 1}, "0", "allowed: a whole number of calls, at least 1"},
		{"int, unbounded", Key{Kind: Int}, "-9223372036854775808", ""},
		{"int, no upper bound", Key{Kind: Int, Min: 0, Max: math.MaxInt64}, "-1", "allowed: a whole number, at least 0"},
		{"int, largest", Key{Kind: Int, Min: 0, Max: math.MaxInt64}, "9223372036854775807", ""},
		{"int, negative range", Key{Kind: Int, Min: -5}, "1", "allowed: a whole number, -5 to 0"},
		{"duration, bare", seconds, "3600", ""},
		{"duration, go", seconds, "1h", ""},
		{"duration, below the unit", seconds, "250ms", ""},
		{"duration, bare, too large", seconds, "3601", `"3601" is too large; allowed: a number of s or a duration such as 1m30s or 250ms, 0 to 3600 s`},
		{"duration, go, too large", seconds, "1h1ns", `"1h1ns" is too large`},
		{"duration, negative", seconds, "-1", `"-1" is too small`},
		{"duration, overflow", seconds, "9223372036854775807", "is not a duration"},
		{"duration, unknown unit", seconds, "5 minutes", `"5 minutes" is not a duration`},
		{"duration, unbounded", Key{Kind: Duration, Unit: "d"}, "100000", ""},
		{"duration, never negative", Key{Kind: Duration, Unit: "d"}, "-1ns", "is too small"},
		{"duration, large bound", Key{Kind: Duration, Unit: "d", Max: math.MaxInt64 - 1}, "100000", ""},
		{"enum", Key{Kind: Enum, Values: []string{"line", "CSV"}}, "csv", ""},
		{"enum, near", Key{Kind: Enum, Values: []string{"line", "CSV"}}, "lime", `"lime" is not a legal value; allowed: line, CSV; did you mean "line"?`},
		{"enum, empty", Key{Kind: Enum, Default: "line", Values: []string{"line"}}, "", "empty; allowed: line"},
		{"bool, on", Key{Kind: Bool}, "on", `"on" is not understood (for GnuGk, on and off are both no)`},
		{"bool, off", Key{Kind: Bool}, "OFF", "is not understood"},
		{"bool, other word", Key{Kind: Bool}, "always", `"always" is neither yes nor no`},
		{"string, empty", Key{Default: "x"}, "", ""},
		{"path", Key{Kind: Path}, "/any/thing", ""},
		{"template", Key{Kind: Template}, "%u", ""},
		{"control characters", port, "\x1b[2J", `"\x1b[2J" is not`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := test.key.check(test.raw)
			switch {
			case test.want == "" && err != nil:
				t.Errorf("refused: %v", err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

// TestBoolWords: no legal word has another meaning for GnuGk, which looks at the first letter.
func TestBoolWords(t *testing.T) {
	k := Key{Kind: Bool}
	for _, word := range append(yes(), "TRUE", "Yes", "Allow") {
		if err := k.check(word); err != nil || !asBool(word) {
			t.Errorf("%s: %v %v", word, asBool(word), err)
		}
	}
	for _, word := range append(no(), "FALSE", "No", "Forbid", "") {
		if err := k.check(word); err != nil || asBool(word) {
			t.Errorf("%s: %v %v", word, asBool(word), err)
		}
	}
}

func TestParseDuration(t *testing.T) {
	tests := []struct {
		raw, unit string
		want      time.Duration
	}{
		{"10", "s", 10 * time.Second}, {"10", "ms", 10 * time.Millisecond}, {"10", "us", 10 * time.Microsecond},
		{"10", "min", 10 * time.Minute}, {"10", "h", 10 * time.Hour}, {"10", "d", 240 * time.Hour},
		{"1m30s", "ms", 90 * time.Second}, {"1.5h", "s", 90 * time.Minute}, {"-3", "s", -3 * time.Second}, {"0", "s", 0},
	}
	for _, test := range tests {
		if got, err := parseDuration(test.raw, test.unit); got != test.want || err != nil {
			t.Errorf("%s %s: got %v %v, want %v", test.raw, test.unit, got, err, test.want)
		}
	}
}

// TestSecretsInMessages: no message shows a part of a secret value, not even one of the key's own check.
func TestSecretsInMessages(t *testing.T) {
	tests := []struct{ line, want string }{
		{"SharedSecret=hunter2-bad", `key "SharedSecret" in [RadAcct]: not a legal value (it is not shown, as it holds a secret)`},
		{"SharedPort=hunter2", `key "SharedPort" in [RadAcct]: the value is not a whole number; allowed: a whole number, 1 to 5`},
		{"SharedPort=9", `key "SharedPort" in [RadAcct]: the value is too large; allowed: a whole number, 1 to 5`},
	}
	for _, test := range tests {
		f, err := Parse("t.ini", []byte("[RadAcct]\n"+test.line))
		if err != nil {
			t.Fatal(err)
		}
		if got := testSchema().Check(f, false).Error(); got != "t.ini:2: "+test.want {
			t.Errorf("got %s, want %s", got, test.want)
		}
	}
	for _, test := range []struct {
		text, secret string
		want         bool
	}{
		{"port of radius1 is 0", "radius1:1812", true}, {"no port in the second", "radius1:1812", false},
		{"a is short", "a", true}, {"xy is short", "ab", false}, {"anything", "", false},
	} {
		if got := repeats(test.text, test.secret); got != test.want {
			t.Errorf("%q of %q: got %v", test.text, test.secret, got)
		}
	}
}
