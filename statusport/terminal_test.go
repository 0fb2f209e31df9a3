package statusport

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

// typed feeds input and gives the lines that it makes, with the words TOOLONG and HANGUP for these events.
func typed(term *terminal, input string) (lines []string) {
	for _, b := range []byte(input) {
		switch term.feed(b) {
		case entered:
			lines = append(lines, string(term.last))
		case tooLong:
			lines = append(lines, "TOOLONG")
		case hangup:
			lines = append(lines, "HANGUP")
		}
	}
	return lines
}

func TestTerminal(t *testing.T) {
	full := strings.Repeat("x", maxLine)
	tests := []struct {
		name, input string
		lines       []string
		out         string
	}{
		{"line ends", "a\rb\nc\r\nd\r\x00e\n\rf\n", []string{"a", "b", "c", "d", "e", "f"}, ""},
		{"empty and blank lines are ignored", "\r\n\n   \r\n\t\na\n", []string{"a"}, ""},
		{"no line yet", "help", nil, ""},
		{"backspace and delete", "hex\blq\x7fp\n\b\b\x7fv\n", []string{"help", "v"}, ""},
		{"backspace takes a whole character", "aü\bb\n", []string{"ab"}, ""},
		{"erase line", "bogus\x15v\n", []string{"v"}, ""},
		{"tab is a blank", "dc\t1\n", []string{"dc 1"}, ""},
		{"control characters are dropped", "v\x00\x01\x07\x1f\n", []string{"v"}, ""},
		{"bytes above ASCII stay", "yell ü\n", []string{"yell ü"}, ""},
		{"Ctrl-C", "ver\x03", []string{"HANGUP"}, ""},
		{"Ctrl-D", "\x04", []string{"HANGUP"}, ""},
		{"arrow-up", "who\n\x1b[A\n", []string{"who", "who"}, ""},
		{"arrow-up in application mode", "who\n\x1bOA\n", []string{"who", "who"}, ""},
		{"arrow-up replaces and can be edited", "dc 1\nxyz\x1b[A\b2\n", []string{"dc 1", "dc 2"}, ""},
		{"arrow-up after an empty line", "who\n\n\x1b[A\n", []string{"who", "who"}, ""},
		{"arrow-up with nothing before", "\x1b[A\n", nil, ""},
		{"other keys", "v\x1b[B\x1b[C\x1b[1;5D\x1b[3~\x1bx\n", []string{"v"}, ""},
		{"a line end ends a sequence", "v\x1b\nq\x1b[\n", []string{"v", "q"}, ""},
		{"longest line", full + "\n", []string{full}, ""},
		{"line too long", full + "yz" + full + "\nv\n", []string{"TOOLONG", "v"}, ""},
		{"arrow-up in a line too long", "v\n" + full + "y\x1b[Az\nq\n", []string{"v", "TOOLONG", "q"}, ""},
		{"Ctrl-C in a line too long", full + "y\x03", []string{"TOOLONG", "HANGUP"}, ""},

		{"IAC IAC is a data byte", "v\xff\xff\n", []string{"v\xff"}, ""},
		{"telnet inside a line", "v\xff\xf1er\n", []string{"ver"}, ""},
		{"answers to the greeting", "\xff\xfb\x03\xff\xfd\x05\xff\xfe\x05v\n", []string{"v"}, ""},
		{"other options are refused", "\xff\xfd\x18\xff\xfb\x1f\xff\xfd\x01", nil, "\xff\xfc\x18\xff\xfe\x1f\xff\xfc\x01"},
		{"refusals get no answer", "\xff\xfe\x18\xff\xfc\x1f", nil, ""},
		{"subnegotiation", "v\xff\xfa\x18\x00xterm\r\n\xff\xff\x03\xff\xf0er\n", []string{"ver"}, ""},
		{"timing mark", "\xff\xfd\x06", []string{"HANGUP"}, ""},
		{"interrupt process", "\xff\xf4", []string{"HANGUP"}, ""},
		{"break", "\xff\xf3", []string{"HANGUP"}, ""},
		{"telnet end of file", "\xff\xec", []string{"HANGUP"}, ""},
		{"telnet erase character and line", "x\xff\xf8vx\xff\xf7\n", []string{"v"}, ""},
		{"WONT echo: echo", "\xff\xfc\x01wü\x08o\x01\r\n", []string{"wo"}, "wü\b \bo\r\n"},
		{"echo of arrow-up", "\xff\xfc\x01q1\nab\x1b[A", []string{"q1"}, "q1\r\nab\b \b\b \bq1"},
		{"echo of the byte 0xFF", "\xff\xfc\x01\xff\xff\n\x1b[A", []string{"\xff"}, "\xff\xff\r\n\xff\xff"},
		{"CR LF is echoed once", "\xff\xfc\x01\r\n", nil, "\r\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var term terminal
			if got := typed(&term, tt.input); !slices.Equal(got, tt.lines) {
				t.Errorf("lines %q, want %q", got, tt.lines)
			}
			if string(term.out) != tt.out {
				t.Errorf("sent %q, want %q", term.out, tt.out)
			}
		})
	}
}

func FuzzTerminal(f *testing.F) {
	f.Add([]byte("help\r\n"))
	f.Add([]byte("\xff\xfc\x01who\r\n\x1b[A\b\x7f\xff\xfa\x18\xff\xf0\xff\xff\xff\xfd\x06"))
	f.Add([]byte("\xff\xfb\x03\xff\xfd\x05\xff\xfd\x18\r\x00\n\x15\x1bOA\x1b[1;5D"))
	f.Add(bytes.Repeat([]byte("long "), maxLine/5+1))
	f.Fuzz(func(t *testing.T, input []byte) {
		var term terminal
		for i, b := range input {
			before := len(term.out)
			event := term.feed(b)
			if len(term.line) > maxLine || len(term.last) > maxLine {
				t.Fatalf("a line of %d, a last one of %d bytes", len(term.line), len(term.last))
			}
			// The worst is arrow-up: a full line is wiped, three bytes for each, and another one shown, two for each at most.
			if grown := len(term.out) - before; grown > 5*maxLine {
				t.Fatalf("byte %d makes %d bytes of output", i, grown)
			}
			if event == entered && (blank(term.last) || bytes.ContainsFunc(term.last, func(r rune) bool { return r < ' ' })) {
				t.Fatalf("the command line %q", term.last)
			}
		}
	})
}
