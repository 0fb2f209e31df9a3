package config

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// FuzzParse: reading never panics, gives the same twice, and every section and entry stands in the line that it names,
// as the only thing in that line.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"[A]\nx=1\n", "\ufeff[A]\r\nx = `y\r\n-=\"\"\"z\r\n", "x\n=\n[\n[]\n[A] x\n[A]\n[A]\nx=1\nX=2\n\x00=1", "\xff\xfe[\x00",
		"[DEFAULT]\n\"a\"=b=c\n1:a=|b\n", "[12:A]\n=\n a\u00a0=\u3000b\u2028\n", "[ \x85 ]\n\x85=\xa0\n",
	} {
		f.Add([]byte(seed))
	}
	if odd, err := os.ReadFile("testdata/odd.ini"); err == nil {
		f.Add(odd)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		file, err := Parse("t.ini", content)
		again, errAgain := Parse("t.ini", content)
		if fmt.Sprint(err) != fmt.Sprint(errAgain) {
			t.Fatalf("%v and then %v", err, errAgain)
		}
		if file == nil {
			return
		}
		if outline(file) != outline(again) {
			t.Fatalf("%s and then %s", outline(file), outline(again))
		}
		compare(t, file, strings.Split(strings.TrimPrefix(string(content), "\ufeff"), "\n"), err == nil)
		testSchema().Check(file, false)
	})
}

func compare(t *testing.T, file *File, lines []string, legal bool) {
	last := 0
	found := 0
	for _, s := range file.Sections {
		header := strings.TrimSpace(lines[s.Line-1])
		if s.Line <= last || legal && (header[0] != '[' || strings.TrimSpace(header[1:len(header)-1]) != s.Name) {
			t.Fatalf("line %d: section %q", s.Line, s.Name)
		}
		last = s.Line
		found++
		for _, e := range s.Entries {
			name, value, _ := strings.Cut(lines[e.Line-1], "=")
			if e.Line <= last || strings.TrimSpace(name) != e.Name || strings.TrimSpace(value) != e.Value {
				t.Fatalf("line %d: %q=%q", e.Line, e.Name, e.Value)
			}
			last = e.Line
			found++
		}
	}
	want := 0
	for _, line := range lines {
		line = strings.TrimSpace(line)
		if line != "" && line[0] != ';' && line[0] != '#' {
			want++
		}
	}
	if legal && found != want {
		t.Fatalf("%d lines found, %d given", found, want)
	}
}

// FuzzValue: no value makes checking panic, a legal one is within its bounds, and no message shows a secret.
func FuzzValue(f *testing.F) {
	for _, seed := range []string{"", "5", "-5", "1h", "106751d", "9223372036854775807", "on", "line", "1e9", "bad%s", "=", "5 "} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		for _, d := range testSchema() {
			for _, k := range d.all() {
				err := k.check(raw)
				if k.Secret && k.Check != nil && err != nil && len(raw) > 4 && strings.Contains(err.Error(), raw) {
					t.Fatalf("%s: %v", k.Name, err)
				}
				s := &Section{Entries: []Entry{{Name: k.Name, Value: raw}}, decl: &d}
				if err != nil || raw == "" || k.Kind != Int && k.Kind != Duration {
					continue
				}
				n := int64(0)
				if k.Kind == Int {
					n = s.Int(k.Name)
				} else {
					n = int64(s.Duration(k.Name) / unitSize(k.Unit))
				}
				if k.Max > 0 && (n < k.Min-1 || n > k.Max) {
					t.Fatalf("%s=%s: %d", k.Name, raw, n)
				}
			}
		}
	})
}
