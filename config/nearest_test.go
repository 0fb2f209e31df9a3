package config

import (
	"strings"
	"testing"
)

func TestNearest(t *testing.T) {
	controls := []string{"required", "optional", "sufficient", "alternative"}
	events := []string{"start", "alert", "connect", "update", "stop", "on", "off"}
	tests := []struct {
		name  string
		known []string
		want  string
	}{
		{"requird", controls, "required"},
		{"Suficient", controls, "sufficient"},
		{"alternate", controls, "alternative"},
		{"sta", events, ""},
		{"strat", events, "start"},
		{"alret", events, "alert"},
		{"ALERT", events, "alert"},
		{"of", events, "on"},
		{"x", events, ""},
		{"", events, ""},
		{"whatever", events, ""},
		{"disconnect", events, "connect"},
		{strings.Repeat("x", 1<<20), events, ""},
		{"größse", []string{"größe"}, "größe"},
		{"a", nil, ""},
	}
	for _, test := range tests {
		if got := Nearest(test.name, test.known); got != test.want {
			t.Errorf("%.20q: got %q, want %q", test.name, got, test.want)
		}
	}
}

func TestDistance(t *testing.T) {
	tests := []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"abc", "abc", 0}, {"abc", "acb", 1}, {"kitten", "sitting", 3}, {"ca", "abc", 3},
	}
	for _, test := range tests {
		if got := distance([]rune(test.a), []rune(test.b)); got != test.want {
			t.Errorf("%s, %s: got %d, want %d", test.a, test.b, got, test.want)
		}
	}
}
