package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRawValues: each line would be changed, refused or taken for more than a line by other readers of INI files.
func TestRawValues(t *testing.T) {
	tests := []struct{ name, line, key, value string }{
		{"semicolons", "RadAcct=alternative;start,stop", "RadAcct", "alternative;start,stop"},
		{"hash and blank", "a=%g|%n|%{Call-Status}|%d;%u # text", "a", "%g|%n|%{Call-Status}|%d;%u # text"},
		{"semicolon and blank", "a=x ; y", "a", "x ; y"},
		{"interpolation", "a=%(b)s", "a", "%(b)s"},
		{"dollar", "a=${HOME} $b", "a", "${HOME} $b"},
		{"double quotes", `a="x y"`, "a", `"x y"`},
		{"single quotes", `a='x'`, "a", `'x'`},
		{"one quote", `a="x`, "a", `"x`},
		{"backtick", "a=`x", "a", "`x"},
		{"backticks", "a=`x` y", "a", "`x` y"},
		{"three quotes", `a="""x`, "a", `"""x`},
		{"three quotes twice", `a="""x""" y`, "a", `"""x""" y`},
		{"backslash at the end", `a=C:\`, "a", `C:\`},
		{"escapes", `a=\n\;\#\"`, "a", `\n\;\#\"`},
		{"equals signs", "a=b=c==", "a", "b=c=="},
		{"colon in the key", "10.0.0.1:1720=gw", "10.0.0.1:1720", "gw"},
		{"tag in the key", "12:a=12:b", "12:a", "12:b"},
		{"bar", "a=|x|", "a", "|x|"},
		{"empty", "a=", "a", ""},
		{"only blanks", "a= \t ", "a", ""},
		{"blanks around", "  a b\t = \t x  y \t", "a b", "x  y"},
		{"key in quotes", `"a"=x`, `"a"`, "x"},
		{"key with one quote", `"a=x`, `"a`, "x"},
		{"key in backticks", "`a`=x", "`a`", "x"},
		{"key with three quotes", `"""a"""=x`, `"""a"""`, "x"},
		{"key of one dash", "-=x", "-", "x"},
		{"header in a value", "a=[b]", "a", "[b]"},
		{"bracket in a key", "a[0]=x", "a[0]", "x"},
		{"comment sign in a key", "a;b#c=x", "a;b#c", "x"},
		{"latin-1", "a=caf\xe9", "a", "caf\xe9"},
		{"utf-8", "größe=5 €", "größe", "5 €"},
		{"control characters", "a=x\x01\ty", "a", "x\x01\ty"},
		{"carriage return inside", "a=x\ry", "a", "x\ry"},
		{"long", "a=" + strings.Repeat("x", 100_000), "a", strings.Repeat("x", 100_000)},
	}
	for _, test := range tests {
		for _, end := range []string{"\n", "\r\n"} {
			t.Run(test.name, func(t *testing.T) {
				f, err := Parse("t.ini", []byte("[S]"+end+"first=1"+end+test.line+end+"last=2"+end))
				if err != nil {
					t.Fatal(err)
				}
				want := []Entry{{"first", "1", 2}, {test.key, test.value, 3}, {"last", "2", 4}}
				if got := f.Sections[0].Entries; fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("got %v, want %v", got, want)
				}
			})
		}
	}
}

func TestSections(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"order", "[B]\nz=1\na=2\n[A]\n", "B 1: z=1@2 a=2@3; A 4:;"},
		{"no newline at the end", "[A]\nx=1", "A 1: x=1@2;"},
		{"nothing", "", ""},
		{"only comments", "; a\n# b=c\n   ; [d]\n", ""},
		{"byte order mark", "\ufeff[A]\nx=1\n", "A 1: x=1@2;"},
		{"carriage returns", "[A]\r\n\r\nx=1\r\n", "A 1: x=1@3;"},
		{"default", "[DEFAULT]\nx=1\n[A]\n[default2]\n", "DEFAULT 1: x=1@2; A 3:; default2 4:;"},
		{"dots and colons", "[A.B]\nx=1\n[A]\ny=2\n[Gatekeeper::Main]\n", "A.B 1: x=1@2; A 3: y=2@4; Gatekeeper::Main 5:;"},
		{"blanks", "  [ A ]  \n  x = 1  \n", "A 1: x=1@2;"},
		{"comments between", "[A]\n;x=1\n#y=2\nz=3\n", "A 1: z=3@4;"},
		{"bracket, semicolon", "[A;#[b]\nx=1\n", "A;#[b 1: x=1@2;"},
		{"quotes", "[\"A\"]\n[`B`]\n['C']\n", "\"A\" 1:; `B` 2:; 'C' 3:;"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f, err := Parse("t.ini", []byte(test.text))
			if err != nil {
				t.Fatal(err)
			}
			if got := outline(f); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func outline(f *File) string {
	var parts []string
	for _, s := range f.Sections {
		text := fmt.Sprintf("%s %d:", s.Name, s.Line)
		for _, e := range s.Entries {
			text += fmt.Sprintf(" %s=%s@%d", e.Name, e.Value, e.Line)
		}
		parts = append(parts, text+";")
	}
	return strings.Join(parts, " ")
}

func TestFaults(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"no equals sign", "[A]\npassword hunter2\n", `t.ini:2: no "=" in this line; a comment begins with ";" or "#"`},
		{"no key", "[A]\n = x\n", `t.ini:2: no key before the "="`},
		{"text after the header", "[A] ; see [B]\n", "t.ini:1: text after the header [A]; a comment needs a line of its own"},
		{"no bracket", "[A\nx=1\n", `t.ini:1: no "]" after the name of the section`},
		{"no name", "[ ]\nx=1\n", "t.ini:1: a section without a name"},
		{"no section", "x=1\n[A]\n", `t.ini:1: key "x" before any section`},
		{"section twice", "[A]\n[B]\n[a]\n[A]\n", "t.ini:3: section [a] given twice, first in line 1\nt.ini:4: section [A] given twice, first in line 1"},
		{"key twice", "[A]\nx=\ny=2\nX=\nx=1\n", "t.ini:4: key \"X\" in [A] given twice, first in line 2\nt.ini:5: key \"x\" in [A] given twice, first in line 2"},
		{"nul in a key", "[A]\nx\x00=1\n", "t.ini:2: a NUL byte in this line"},
		{"nul in a comment", "[A]\n; \x00\n", ""},
		{"nul in a header", "[A\x00]\nx=1\n", "t.ini:1: a NUL byte in this line"},
		{"utf-16", "\xff\xfe[\x00A\x00]\x00", "t.ini:1: the file is UTF-16; it must be UTF-8 or another superset of ASCII"},
		{"too many lines", strings.Repeat("\n", MaxLines+1), "t.ini:1: the file has more than 200000 lines"},
		{"as many lines as may be", strings.Repeat("\n", MaxLines), ""},
		{"terminal escapes", "[A\x1b[2J] x\n", "t.ini:1: text after the header [A\\x1b[2J]; a comment needs a line of its own"},
		{"long name", "[A]\n" + strings.Repeat("é", 200) + "=\n" + strings.Repeat("é", 200) + "=\n",
			"t.ini:3: key \"" + strings.Repeat("é", 40) + "\"… in [A] given twice, first in line 2"},
		{"all, in the order of lines", "x=1\n[A]\ny\nz=1\nZ=2\n[a]\n=\n[",
			"t.ini:1: key \"x\" before any section\nt.ini:3: no \"=\" in this line; a comment begins with \";\" or \"#\"\n" +
				"t.ini:5: key \"Z\" in [A] given twice, first in line 4\nt.ini:6: section [a] given twice, first in line 2\n" +
				"t.ini:7: no key before the \"=\"\nt.ini:8: no \"]\" after the name of the section"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := Parse("t.ini", []byte(test.text))
			got := ""
			if err != nil {
				got = err.Error()
			}
			if got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
			if problems := (Problems)(nil); err != nil && !errors.As(err, &problems) {
				t.Errorf("%T is not Problems", err)
			}
		})
	}
}

// TestLegibleRest: what was legible comes with the error, and no key goes to the section before a broken header.
func TestLegibleRest(t *testing.T) {
	f, err := Parse("t.ini", []byte("[A]\nx=1\n[B\ny=2\n[C] c\nz=3\nbroken\n[]\nv=4\n"))
	if err == nil {
		t.Fatal("no error")
	}
	if got, want := outline(f), "A 1: x=1@2; B 3: y=2@4; C 5: z=3@6;  8: v=4@9;"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	f, err := Load(write("good.ini", "[A]\nx=1\n"))
	if err != nil || outline(f) != "A 1: x=1@2;" || f.Path != filepath.Join(dir, "good.ini") {
		t.Errorf("a good file: %v %v", f, err)
	}
	if f, err := Load(write("largest.ini", "[A]\nx="+strings.Repeat("x", MaxSize-6))); err != nil || len(f.Sections[0].Entries[0].Value) != MaxSize-6 {
		t.Errorf("the largest file: %v", err)
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "none.ini"): ":1: opening the file: no such file or directory",
		dir:                            ":1: reading the file: is a directory",
		write("large.ini", strings.Repeat("#", MaxSize+1)): ":1: the file is larger than 4 MiB",
		"/dev/zero":                ":1: the file is larger than 4 MiB",
		write("bad.ini", "[A]\nx"): `:2: no "=" in this line; a comment begins with ";" or "#"`,
	} {
		if _, err := Load(path); err == nil || err.Error() != path+want {
			t.Errorf("got %v, want %s%s", err, path, want)
		}
	}
}

// TestBatches: keys and sections on both sides of the ends of batches stay where they belong.
func TestBatches(t *testing.T) {
	for _, keys := range []int{batch - 1, batch, batch + 1, 3 * batch} {
		var text strings.Builder
		for s := range 3 {
			fmt.Fprintf(&text, "[S%d]\n", s)
			for k := range keys {
				fmt.Fprintf(&text, "k%d=%d\n", k, s)
			}
		}
		f, err := Parse("t.ini", []byte(text.String()))
		if err != nil || len(f.Sections) != 3 {
			t.Fatalf("%d keys: %d sections, %v", keys, len(f.Sections), err)
		}
		for i, s := range f.Sections {
			for k, e := range s.Entries {
				want := Entry{fmt.Sprintf("k%d", k), fmt.Sprint(i), s.Line + k + 1}
				if e != want {
					t.Fatalf("%d keys: got %v, want %v", keys, e, want)
				}
			}
			if len(s.Entries) != keys {
				t.Errorf("%d keys: got %d", keys, len(s.Entries))
			}
		}
	}
}

// TestOddButLegal reads a file with everything that an operator may write and that looks wrong.
func TestOddButLegal(t *testing.T) {
	f, err := Load("testdata/odd.ini")
	if err != nil {
		t.Fatal(err)
	}
	want := `[Gatekeeper::Main] 2
Name|"Gate; keeper" # of %(Home)s|3
TimestampFormat|Cisco|6
Home||7
[gatekeeper::ACCT] 9
RadAcct|alternative;start,stop,alert|10
FileAcct|sufficient;stop|11
RADACCT:backup|optional|12
default|fail;start|13
[SQLAcct] 14
StartQuery|INSERT INTO c VALUES ('%u', "%{Calling-Station-Id}", ` + "`%g`" + `); -- [x] # y|15
StopQuery|` + "`UPDATE`" + ` c SET d=%d WHERE s='%s'\|16
AlertQuery|"""x|17
[SIP::Users] 18
"alice"|s3cret=;#|19
` + "`bob`" + `|"quoted"|20
-|dash|21
+49 30|sp ace|22
10.0.0.1:5060|x|23
ren` + "\xe9" + `|latin|24
[SIP::Routes] 25
*|sip:[2001:db8::1]:5060,sip:192.0.2.1|26
[DEFAULT] 27
last|no newline at the end|28
`
	var got strings.Builder
	for _, s := range f.Sections {
		fmt.Fprintf(&got, "[%s] %d\n", s.Name, s.Line)
		for _, e := range s.Entries {
			fmt.Fprintf(&got, "%s|%s|%d\n", e.Name, e.Value, e.Line)
		}
	}
	if got.String() != want {
		t.Errorf("got\n%s\nwant\n%s", got.String(), want)
	}
}
