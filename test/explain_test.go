package test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the expected output of tollgate explain anew")

// TestExplain compares what explain prints of the samples (11-explain).
func TestExplain(t *testing.T) {
	for _, sample := range []string{"sample1", "sample2", "sample3"} {
		config, err := filepath.Abs("../etc/" + sample + ".ini")
		if err != nil {
			t.Fatal(err)
		}
		for name, down := range map[string][]string{"": nil, "-no-radius": {"RadAcct"}, "-nothing": {"RadAcct", "FileAcct"}} {
			args := []string{"explain", "-c", config}
			for _, module := range down {
				args = append(args, "--down", module)
			}
			stdout, _, code := command(t, t.TempDir(), append(args, "start", "stop")...)
			if code != 0 {
				t.Errorf("%s: exit code %d", args, code)
			}
			golden := filepath.Join("11-explain", sample+name+".txt")
			if *update {
				if err := os.WriteFile(golden, []byte(stdout), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if stdout != string(want) {
				t.Errorf("%s: %q\nprinted:\n%s\nwant:\n%s", golden, args, stdout, want)
			}
		}
	}
}

// TestExplainNames asks about single events, and about names that do not exist.
func TestExplainNames(t *testing.T) {
	tests := []struct {
		name   string
		args   []string
		code   int
		out    string // in what it prints, or in the error
		absent string
	}{
		{"one event", []string{"stop"}, 0, "FileAcct", "start"},
		{"a module in another case", []string{"-down", "radacct", "start"}, 0, "the call is refused", ""},
		{"a misspelt event", []string{"stpo"}, 1, `unknown event "stpo"; did you mean "stop"?`, ""},
		{"a misspelt module", []string{"-down", "RadAct"}, 1, `did you mean "RadAcct"?`, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			stdout, stderr, code := command(t, ".", append([]string{"explain", "-c", "../etc/sample1.ini"}, tt.args...)...)
			if code != tt.code || !strings.Contains(stdout+stderr, tt.out) {
				t.Errorf("exit code %d, want %d and %q; it printed:\n%s%s", code, tt.code, tt.out, stdout, stderr)
			}
			if tt.absent != "" && strings.Contains(stdout, tt.absent) {
				t.Errorf("it tells of %q as well:\n%s", tt.absent, stdout)
			}
		})
	}
}

// TestCheckOfSamples reads what check says of the samples and of the file that "make run" uses.
func TestCheckOfSamples(t *testing.T) {
	const warning = "warning: RadAcct is optional, but it is the last one asked about a start, so its failure refuses the call; " +
		"add default=accept;start below it to let the call go on"
	for file, want := range map[string]string{"sample1": "../etc/sample1.ini:10: " + warning, "sample2": "", "sample3": "", "tollgate": ""} {
		stdout, stderr, code := command(t, ".", "check", "-c", "../etc/"+file+".ini")
		if code != 0 || strings.TrimSpace(stderr) != want {
			t.Errorf("%s: exit code %d and the warnings %q, want %q", file, code, stderr, want)
		}
		if !strings.HasPrefix(stdout, "../etc/"+file+".ini: ok\n") {
			t.Errorf("%s: it printed %q", file, stdout)
		}
	}
}
