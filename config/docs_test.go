package config

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing with them")

func golden(t *testing.T, path string, write func(io.Writer) error) []byte {
	t.Helper()
	var got, again bytes.Buffer
	if err := errors.Join(write(&got), write(&again)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), again.Bytes()) {
		t.Error("a second call writes something else")
	}
	if *update {
		if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("%s differs; go test -update writes it anew. Got:\n%s", path, got.Bytes())
	}
	return got.Bytes()
}

// TestSample: the sample is legal as it stands, where it means all defaults, and with every key put to use.
func TestSample(t *testing.T) {
	sample := string(golden(t, "testdata/sample.ini", testSchema().WriteSample))
	for _, line := range strings.Split(sample, "\n") {
		if len([]rune(line)) > sampleWidth {
			t.Errorf("a line of more than %d characters: %s", sampleWidth, line)
		}
	}
	plain := open(t, sample)
	var used strings.Builder
	for line := range strings.Lines(sample) {
		if strings.HasPrefix(line, ";") && !strings.HasPrefix(line, "; ") {
			line = line[1:]
		}
		used.WriteString(line)
	}
	full := open(t, used.String())
	for _, d := range testSchema() {
		if d.NoEffect != "" {
			continue
		}
		if s := plain.Section(d.Name); s == nil || len(s.Entries) != 0 {
			t.Errorf("[%s] as it stands: %v", d.Name, s)
		}
		for _, k := range d.all() {
			if s := full.Section(d.Name); !s.Has(k.Name) || s.entry(k.Name).Value != k.sample() {
				t.Errorf("[%s] %s: %v", d.Name, k.Name, s.entry(k.Name))
			}
		}
	}
}

func TestTables(t *testing.T) {
	golden(t, "testdata/tables.md", testSchema().WriteTables)
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestBrokenWriter(t *testing.T) {
	if err := testSchema().WriteSample(brokenWriter{}); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("sample: %v", err)
	}
	if err := testSchema().WriteTables(brokenWriter{}); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("tables: %v", err)
	}
}

func TestCode(t *testing.T) {
	for text, want := range map[string]string{"": "", "a": "`a`", "`a`": "`` `a` ``", "a``b": "``` a``b ```", "a|b": "`a|b`"} {
		if got := code(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
