package config

import (
	"fmt"
	"strings"
)

// line is a line that holds something: the header of a section, or an entry.
type line struct {
	number int
	header bool
	name   string // of the section, or the text before the "="; "" for a header that could not be read
	value  string // the text after the "="
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
	number, inSection := 0, false
	for raw := range strings.Lines(text) {
		number++
		raw = strings.TrimSpace(raw)
		if raw == "" || raw[0] == ';' || raw[0] == '#' {
			continue
		}
		l, fault := scanLine(raw)
		switch {
		case l == nil:
		case l.header:
			inSection = true
		case !inSection:
			fault = fmt.Sprintf("key %s before any section", quote(strings.TrimSpace(l.name)))
			l = nil
		}
		if fault != "" {
			problems = append(problems, Problem{File: path, Line: number, Text: fault})
		}
		if l != nil {
			l.number = number
			lines = append(lines, *l)
		}
	}
	return lines, problems
}

// scanLine reads a line that is neither blank nor a comment; nil if it is illegible. A header is returned even if it has
// a fault, so that the keys below it are not taken for keys of the section before.
func scanLine(raw string) (l *line, fault string) {
	if raw[0] == '[' {
		return scanHeader(raw)
	}
	name, value, found := strings.Cut(raw, "=")
	switch {
	case strings.IndexByte(raw, 0) >= 0:
		return nil, nulByte
	case !found:
		return nil, `no "=" in this line; a comment begins with ";" or "#"`
	case strings.TrimSpace(name) == "":
		return nil, `no key before the "="`
	}
	return &line{name: name, value: value}, ""
}

const nulByte = "a NUL byte in this line"

func scanHeader(raw string) (l *line, fault string) {
	name, rest, closed := strings.Cut(raw[1:], "]")
	name = strings.TrimSpace(name)
	l = &line{header: true, name: name}
	switch {
	case strings.IndexByte(raw, 0) >= 0:
		l.name, fault = "", nulByte
	case !closed:
		fault = `no "]" after the name of the section`
	case name == "":
		fault = "a section without a name"
	case rest != "":
		fault = fmt.Sprintf("text after the header %s; a comment needs a line of its own", title(name))
	}
	return l, fault
}
