package main

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestMedian(t *testing.T) {
	tests := []struct {
		values []float64
		want   float64
	}{
		{[]float64{3}, 3},
		{[]float64{3, 1, 2}, 2},
		{[]float64{4, 1, 2, 3}, 2.5},
	}
	for _, tt := range tests {
		if got := median(tt.values); got != tt.want {
			t.Errorf("median(%v) = %v, want %v", tt.values, got, tt.want)
		}
	}
}

func TestVote(t *testing.T) {
	tests := []struct {
		of           int
		runs         string // y and n
		decided, won bool
	}{
		{3, "", false, false},
		{3, "y", false, false},
		{3, "yy", true, true},
		{3, "nyy", true, true},
		{3, "nn", true, false},
		{3, "ynn", true, false},
		{1, "y", true, true},
		{1, "n", true, false},
		{2, "yn", true, false},
	}
	for _, tt := range tests {
		v := vote{of: tt.of}
		for _, c := range tt.runs {
			v.count(c == 'y')
		}
		if v.decided() != tt.decided || v.won() != tt.won {
			t.Errorf("%s of %d: decided %v, won %v", tt.runs, tt.of, v.decided(), v.won())
		}
	}
}

func TestPassed(t *testing.T) {
	good := run{Calls: 10000, Failed: 9, Accounted: 9991, Seconds: 12.1}
	tests := []struct {
		name   string
		change func(*run)
		want   bool
	}{
		{"good", func(*run) {}, true},
		{"failed calls", func(r *run) { r.Failed = 10 }, false},
		{"rate not held", func(r *run) { r.Seconds = 15 }, false},
		{"records missing", func(r *run) { r.Accounted = 9000 }, false},
	}
	for _, tt := range tests {
		r := good
		tt.change(&r)
		if got := r.passed(12); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}

func TestBusyCores(t *testing.T) {
	before, err := parseCPU([]byte("cpu  100 0 100 800 0 0 0 0 0 0\ncpu0 1 2 3\n"))
	if err != nil {
		t.Fatal(err)
	}
	after, err := parseCPU([]byte("cpu  120 0 110 860 10 0 0 0 0 0\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got := busyCores(before, after, 2); math.Abs(got-0.6) > 1e-9 {
		t.Errorf("%v cores busy, want 0.6", got)
	}
	for _, bad := range []string{"", "cpu 1 2", "cpu a b c d e f g h"} {
		if _, err := parseCPU([]byte(bad)); err == nil {
			t.Errorf("no error for %q", bad)
		}
	}
}

func TestParseRates(t *testing.T) {
	if got, err := parseRates("1000, 2000"); err != nil || !slices.Equal(got, []int{1000, 2000}) {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range []string{"", "x", "0", "2000,1000", "1000,1000"} {
		if got, err := parseRates(bad); err == nil {
			t.Errorf("%q gives %v", bad, got)
		}
	}
}

// TestAwait writes a log slowly, with a line in two pieces.
func TestAwait(t *testing.T) {
	file := filepath.Join(t.TempDir(), "messages")
	written := make(chan error, 1)
	go func() {
		f, err := os.Create(file)
		for _, piece := range []string{"a; duration=1\nb; dura", "tion=2\nc\n", "d; duration=3\n"} {
			time.Sleep(20 * time.Millisecond)
			if err == nil {
				_, err = f.WriteString(piece)
			}
		}
		written <- err
	}()
	log := syslogd{file: file}
	if n, err := log.await(t.Context(), "; duration=", 3); n != 3 || err != nil {
		t.Errorf("%d lines, %v", n, err)
	}
	if err := <-written; err != nil {
		t.Fatal(err)
	}
}

// TestKamailio makes a run of the peer, which shows that the rig itself works.
func TestKamailio(t *testing.T) {
	b := &bench{seconds: 1, logf: t.Logf}
	r, err := b.measure(t.Context(), kamailio(), 100, false)
	if err != nil {
		t.Fatal(err)
	}
	if !r.passed(1) || r.Accounted != 100 || r.CPUPerCall <= 0 || r.Memory <= 1 {
		t.Errorf("%+v", r)
	}
}

func TestTable(t *testing.T) {
	res := result{
		CPURuns: []run{{Subject: nameTollgate, CPUPerCall: 50}, {Subject: nameKamailio, CPUPerCall: 200, Disturbed: true},
			{Subject: nameMemory, CPUPerCall: 130}},
		Highest:     map[string]int{nameTollgate: 12000, nameKamailio: 6000},
		JournalRuns: []run{{Subject: nameTollgate, CPUPerCall: 60, CommitsPerCall: 1.25}, {Subject: nameMemory, CPUPerCall: 40}},
		Restart:     &restart{Calls: 1000, Runs: []restartRun{{ToBye: 1.5, Restoring: 1.1, After: 900}, {ToBye: 1.75, After: 800}}},
		CommitRuns:  []commitRun{{Group: 4e6, Bare: 5e6}},
	}
	res.summarise()
	var out bytes.Buffer
	res.print(&out)
	lines := strings.Split(out.String(), "\n")
	for _, want := range []string{
		"CPU per accounted call, µs 50 200 kamailio 0.25 at most 0.60 met",
		"CPU per accounted call, µs, Calls=0 130 200 kamailio 0.65 at most 0.60 missed",
		"highest rate, calls/s 12000 6000 kamailio 2.00",
		"CPU per accounted call, µs 60 40 Calls=0 1.50 at most 1.20 missed",
		"journal commits per call 1.25 0.00 Calls=0",
		"restart with 1000 calls to the first BYE, s 1.75 under 2.00 s met",
		"restart with 1000 calls, restoring, s 1.10",
		"restart with 1000 calls, VmRSS then, MiB 900",
		"group commit, MB/s 4.00 5.00 bare loop 0.80 at least 0.50 met",
		"runs disturbed by other programs: 1; measure again on a quiet machine",
	} {
		if !slices.ContainsFunc(lines, func(l string) bool { return strings.Join(strings.Fields(l), " ") == want }) {
			t.Errorf("no %s in:\n%s", want, &out)
		}
	}
}
