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
	r, err := b.measure(t.Context(), subjects()[1], 100, false)
	if err != nil {
		t.Fatal(err)
	}
	if !r.passed(1) || r.Accounted != 100 || r.CPUPerCall <= 0 || r.Memory <= 1 {
		t.Errorf("%+v", r)
	}
}

func TestTable(t *testing.T) {
	res := result{
		CPURuns: []run{{Subject: "tollgate", CPUPerCall: 50}, {Subject: "kamailio", CPUPerCall: 200, Disturbed: true}},
		Highest: map[string]int{"tollgate": 12000, "kamailio": 6000},
	}
	res.summarise()
	var out bytes.Buffer
	res.print(&out)
	for _, want := range []string{"0.25", "12000", "2.00", "runs disturbed by other programs: 1;"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %s in:\n%s", want, &out)
		}
	}
}
