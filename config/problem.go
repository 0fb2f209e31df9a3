package config

import (
	"slices"
	"strconv"
	"strings"
)

// Problem is one mistake in a file, or a warning, with its place.
type Problem struct {
	File    string
	Line    int // 0: the file as a whole; it is printed as line 1, so that every message has the same form
	Text    string
	Warning bool
}

// String is "FILE:LINE: text", with "warning: " before the text of a warning.
func (p Problem) String() string {
	text := p.Text
	if p.Warning {
		text = "warning: " + text
	}
	return p.File + ":" + strconv.Itoa(max(p.Line, 1)) + ": " + text
}

// Problems are all mistakes of a file, in the order of their lines. It is an error when it holds one.
type Problems []Problem

// Error has a line for each problem.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Err is ps if it holds anything but warnings, else nil.
func (ps Problems) Err() error {
	if slices.ContainsFunc(ps, func(p Problem) bool { return !p.Warning }) {
		return ps
	}
	return nil
}

// Sort puts ps into the order of their lines; problems of one line keep their order.
func (ps Problems) Sort() {
	slices.SortStableFunc(ps, func(a, b Problem) int { return a.Line - b.Line })
}
