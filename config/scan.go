package config

import (
	"fmt"
	"strings"
)

// line is a line that holds something: the header of a section or an entry. Exactly one of header and name is set,
// except that a header that could not be read may be without both.
type line struct {
	number int
	header string // the section's name
	name   string // the entry's text before the "="
	value  string // the entry's text after it
	entry  bool
}

// cutMark cuts a byte order mark, and tells of one that means that the text cannot be read byte by byte.
func cutMark(text string) (string, bool) {
	if strings.HasPrefix(text, "\xfe\xff") || strings.HasPrefix(text, "\xff\xfe") {
		return "", false
	}
	return strings.TrimPrefix(text, "\ufeff"), true
}

// scan finds the lines that hold something, and those that are no INI. No message quotes a line that could not be read:
// it may hold a password.
func scan(path, text string) ([]line, Problems) {
	var lines []line
	var problems Problems
	number := 0
	inSection := false
	for raw := range strings.Lines(text) {
		number++
		raw = strings.TrimSpace(raw)
		if raw == "" || raw[0] == ';' || raw[0] == '#' {
			continue
		}
		l, fault := scanLine(raw)
		l.number = number
		if !l.entry && raw[0] == '[' {
			inSection = true
		} else if fault == "" && !inSection {
			fault = fmt.Sprintf("key %s before any section", quote(strings.TrimSpace(l.name)))
			l.entry = false
		}
		if fault != "" {
			problems = append(problems, Problem{File: path, Line: number, Text: fault})
		}
		if l.entry || raw[0] == '[' {
			lines = append(lines, l)
		}
	}
	return lines, problems
}

// scanLine reads a line that is neither blank nor a comment. A header is returned even if it has a fault, so that the
// keys below it are not taken for keys of the section before.
func scanLine(raw string) (l line, fault string) {
	if strings.IndexByte(raw, 0) >= 0 {
		return line{}, "a NUL byte in this line"
	}
	if raw[0] == '[' {
		return scanHeader(raw)
	}
	name, value, found := strings.Cut(raw, "=")
	switch {
	case !found:
		return line{}, `no "=" in this line; a comment begins with ";" or "#"`
	case strings.TrimSpace(name) == "":
		return line{}, `no key before the "="`
	}
	return line{name: name, value: value, entry: true}, ""
}

func scanHeader(raw string) (l line, fault string) {
	name, rest, closed := strings.Cut(raw[1:], "]")
	l.header = strings.TrimSpace(name)
	switch {
	case !closed:
		return l, `no "]" after the name of the section`
	case l.header == "":
		return l, "a section without a name"
	case rest != "":
		return l, fmt.Sprintf("text after the header [%s]; a comment needs a line of its own", l.header)
	}
	return l, ""
}
