package fileacct

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

func TestNote(t *testing.T) {
	want := note{device: 1 << 40, inode: 77, offset: 1 << 33, length: 200, sum: checksum([]byte("x\n")), path: "/var/log/cdr.log"}
	text := want.append(nil)
	if got, err := parseNote(text); err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}
	spoil := func(at int, b byte) []byte {
		text := slices.Clone(text)
		text[at] = b
		return text
	}
	for name, bad := range map[string][]byte{
		"nothing": {}, "short": text[:noteFixed], "another version": spoil(0, 2), "negative offset": spoil(17, 0x80),
		"a line too long": spoil(25, 0x7f), "no line": append(spoil(28, 0)[:29:29], text[29:]...),
	} {
		if n, err := parseNote(bad); err == nil {
			t.Errorf("%s: %+v", name, n)
		}
	}
}

func FuzzParseNote(f *testing.F) {
	n := note{device: 1, inode: 2, offset: 3, length: 4, sum: 5, path: "/cdr.log"}
	f.Add(n.append(nil))
	f.Add([]byte{noteVersion})
	f.Fuzz(func(t *testing.T, text []byte) {
		n, err := parseNote(text)
		if err == nil && !bytes.Equal(n.append(nil), text) {
			t.Errorf("%q became %+v", text, n)
		}
	})
}

// plainly is what search does, for a whole file in memory.
func plainly(content string, offset int, line string) (found bool, torn int64) {
	torn = -1
	if offset > len(content) {
		return false, -1
	}
	for at := offset; ; {
		rest := content[at:]
		if strings.HasPrefix(rest, line) {
			return true, -1
		}
		if torn < 0 && rest != "" && len(rest) < len(line) && !strings.HasSuffix(rest, "\n") && strings.HasPrefix(line, rest) {
			torn = int64(at)
		}
		next := strings.IndexByte(rest, '\n')
		if next < 0 {
			return false, torn
		}
		at += next + 1
	}
}

// FuzzSearch compares the search, with windows of any size and a file that grows between two runs, to the plain one.
func FuzzSearch(f *testing.F) {
	f.Add("a\nbb\nccc\n", "bb", 0, 0, 3)
	f.Add("one\ntwo\nthr", "three", 4, 1, 5)
	f.Add("x\r\ny\r\nx\r\nz", "x\r\nz", 0, 2, 9)
	f.Add("a line that is much longer than the window\nab\nabc", "abcd", 1, 1, 60)
	f.Add("\n\n\nab", "\n\nab", 0, 1, 2)
	f.Fuzz(func(t *testing.T, content, line string, offset, step, early int) {
		if line == "" || offset < 0 || step < 1 || step > 100 || early < 0 {
			return
		}
		line += "\n"
		n := note{offset: int64(offset), length: 1, sum: 0}
		grow := &growing{content[:min(early, len(content))]}
		s := newSearch(grow, &n, []byte(line))
		s.length, s.buf = 1, make([]byte, len(line)+step)
		found, err := s.run()
		if wantFound, wantTorn := plainly(grow.text, offset, line); err != nil || found != wantFound || !found && s.torn != wantTorn {
			t.Fatalf("early: %v at %d, %v; want %v at %d", found, s.torn, err, wantFound, wantTorn)
		}
		if found {
			return
		}
		grow.text = content
		found, err = s.run()
		if wantFound, wantTorn := plainly(content, offset, line); err != nil || found != wantFound || !found && s.torn != wantTorn {
			t.Fatalf("late: %v at %d, %v; want %v at %d", found, s.torn, err, wantFound, wantTorn)
		}
	})
}

type growing struct{ text string }

func (g *growing) ReadAt(p []byte, at int64) (int, error) {
	return strings.NewReader(g.text).ReadAt(p, at)
}

// TestSearchByNote finds a line that is made in another way now.
func TestSearchByNote(t *testing.T) {
	old := []byte("the line as it was\n")
	n := note{offset: 2, length: len(old), sum: checksum(old)}
	s := newSearch(strings.NewReader("a\nb\n"+string(old)+"c\n"), &n, []byte("the line as it is\n"))
	if found, err := s.run(); !found || err != nil {
		t.Errorf("%v, %v", found, err)
	}
	n.sum++
	s = newSearch(strings.NewReader("a\nb\n"+string(old)+"c\n"), &n, []byte("the line as it is\n"))
	if found, err := s.run(); found || err != nil || s.torn != -1 {
		t.Errorf("%v at %d, %v", found, s.torn, err)
	}
}
