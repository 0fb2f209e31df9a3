package sqldb

import (
	"fmt"
	"strings"

	"tollgate/cdr"
	"tollgate/config"
)

// scanned is what a text in quotes holds.
type scanned struct {
	plain   string   // the text as it would be without placeholders: %% is one %
	known   int      // placeholders
	unknown []string // %{name} that does not exist: a mistake
	odd     []string // %x that does not exist: a LIKE pattern, or one of strftime
}

// scan finds the placeholders in a text.
func scan(text string, scope cdr.Scope) scanned {
	var s scanned
	var plain strings.Builder
	for p := range cdr.Scan(text, scope) {
		plain.WriteString(p.Text)
		switch {
		case p.Kind == cdr.Placeholder:
			s.known++
		case p.Kind != cdr.UnknownName:
		case strings.HasPrefix(p.Text, "%{"):
			s.unknown = append(s.unknown, p.Text)
		case isLetter(p.Text[1]):
			s.odd = append(s.odd, p.Text)
		}
	}
	s.plain = plain.String()
	return s
}

// unknown says that a placeholder does not exist, and which one may be meant.
func unknown(text string, scope cdr.Scope) string {
	if len(text) == 2 && text != "%{" {
		return fmt.Sprintf("%s is no placeholder here; for the operator %% write a blank after it", text)
	}
	if near := config.Nearest(inner(text), cdr.Names(scope)); near != "" {
		return fmt.Sprintf("%s is no placeholder here; did you mean %%{%s}?", text, near)
	}
	return fmt.Sprintf("%s is no placeholder here", text)
}

// inner is the name of a placeholder: "d" of %d and of %{d}.
func inner(text string) string {
	if strings.HasPrefix(text, "%{") {
		return strings.TrimSuffix(text[2:], "}")
	}
	return text[1:]
}
