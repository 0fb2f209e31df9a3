package test

import (
	"net"
	"path/filepath"
	"strings"
	"testing"
)

// TestBadConfigurations runs the files of badini.
func TestBadConfigurations(t *testing.T) {
	files, err := filepath.Glob("badini/*.ini")
	if err != nil || len(files) < 50 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			path, err := filepath.Abs(file)
			if err != nil {
				t.Fatal(err)
			}
			var wants []string
			for _, line := range readLines(t, file) {
				if text, ok := strings.CutPrefix(line, "; want "); ok {
					wants = append(wants, text)
				}
			}
			refused(t, path, wants...)
		})
	}
}

// TestNoConfiguration is about files that are none.
func TestNoConfiguration(t *testing.T) {
	dir := t.TempDir()
	refused(t, filepath.Join(dir, "missing.ini"), "1: opening the file: no such file or directory")
	refused(t, dir, "1: reading the file: is a directory")
	socket := filepath.Join(dir, "socket")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	refused(t, socket, "1: opening the file: no such device")
	refused(t, "/proc/self/mem", "1: reading the file: input/output error")
}

// refused wants exit code 2 and one error for each want, "LINE: text", of every command that reads the configuration. run is
// the last one: it would start what check lets pass.
func refused(t *testing.T, path string, wants ...string) {
	t.Helper()
	for _, args := range [][]string{{"check"}, {"run", "-t"}, {"explain"}, {"run"}} {
		if t.Failed() {
			return
		}
		stdout, stderr, code := command(t, t.TempDir(), append(args, "-c", path)...)
		if code != 2 || stdout != "" {
			t.Errorf("%s: exit code %d, want 2; it printed: %s", args, code, stdout)
		}
		var errors []string
		for line := range strings.Lines(stderr) {
			if !strings.Contains(line, ": warning: ") {
				errors = append(errors, strings.TrimSuffix(line, "\n"))
			}
		}
		for i, want := range wants {
			number, text, _ := strings.Cut(want, ": ")
			if i >= len(errors) || !strings.HasPrefix(errors[i], path+":"+number+": ") || !strings.Contains(errors[i], text) {
				t.Errorf("%s: no error %q; it printed:\n%s", args, want, stderr)
			}
		}
		if len(errors) > len(wants) {
			t.Errorf("%s: %d errors, want %d:\n%s", args, len(errors), len(wants), stderr)
		}
	}
}
