package test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"tollgate/test/peer"
)

// TestVerifier shows that each fault is found in evidence that is right otherwise.
func TestVerifier(t *testing.T) {
	drop := func(at place) func(*synthetic) {
		return func(e *synthetic) { e.sessions["s1"].at[at] = nil }
	}
	twice := func(at place) func(*synthetic) {
		return func(e *synthetic) {
			e.sessions["s1"].at[at] = append(e.sessions["s1"].at[at], e.sessions["s1"].at[at][0])
		}
	}
	second := func(at place) func(*synthetic) {
		return func(e *synthetic) {
			e.sessions["s1"].at[at] = append(e.sessions["s1"].at[at], crashRecord{id: "x", seconds: 1})
		}
	}
	seconds := func(n int) func(*synthetic) {
		return func(e *synthetic) {
			for _, at := range []place{sqlStop, fileStop, radiusStop} {
				e.sessions["s1"].at[at][0].seconds = n
			}
		}
	}
	tests := []struct {
		name   string
		change func(*synthetic)
		want   []string // the kinds of fault
	}{
		{"nothing", func(*synthetic) {}, nil},
		{"missing start in SQL", drop(sqlStart), []string{"start in SQL is missing"}},
		{"open start in SQL", drop(sqlStop), []string{"stop in SQL is missing"}},
		{"missing line", drop(fileStop), []string{"line in the file is missing"}},
		{"missing start in RADIUS", drop(radiusStart), []string{"start in RADIUS is missing"}},
		{"open start in RADIUS", drop(radiusStop), []string{"stop in RADIUS is missing"}},
		{"double start in SQL", twice(sqlStart), []string{"start in SQL is there more than once"}},
		{"double stop in SQL", twice(sqlStop), []string{"stop in SQL is there more than once"}},
		{"double line", twice(fileStop), []string{"line in the file is there more than once"}},
		{"repeated stop in RADIUS", twice(radiusStop), nil},
		{"second stop in RADIUS", second(radiusStop), []string{"stop in RADIUS is there more than once", "stop in SQL and stop in RADIUS differ"}},
		{"wrong seconds", seconds(4), []string{"a wrong duration"}},
		{"seconds rounded down", seconds(1), nil},
		{"too short by two seconds", func(e *synthetic) { e.exact(-time.Second) }, []string{"a wrong duration"}},
		{"a BYE that waits", func(e *synthetic) { e.called["c1"]["hungup"] = clock(3000); e.exact(2700 * time.Millisecond) }, nil},
		{"longer than any BYE waited", func(e *synthetic) { e.called["c1"]["hungup"] = clock(3000); e.exact(5 * time.Second) }, []string{"a wrong duration"}},
		{"an outage excuses", func(e *synthetic) { e.outage(1500, 2500); e.exact(3 * time.Second) }, nil},
		{"not every error", func(e *synthetic) { e.outage(1500, 2500); e.exact(8 * time.Second) }, []string{"a wrong duration"}},
		{"an outage within the call excuses nothing", func(e *synthetic) { e.outage(200, 900); e.exact(4 * time.Second) }, []string{"a wrong duration"}},
		{"places that differ", func(e *synthetic) { e.sessions["s1"].at[fileStop][0].seconds++ }, []string{"stop in SQL and line in the file differ"}},
		{"no record at all", func(e *synthetic) { delete(e.sessions, "s1") }, []string{"an answered call without any record"}},
		{"two sessions", func(e *synthetic) { e.sessions["s3"] = e.sessions["s1"] }, []string{"a call with several sessions"}},
		{"open start of a call without an answer", func(e *synthetic) { e.sessions["s2"].at[sqlStop] = nil }, []string{"stop in SQL is missing"}},
		{"unknown session in RADIUS", func(e *synthetic) {
			e.sessions.add("s9", "", radiusStart, crashRecord{id: "e9"})
			e.sessions.add("s9", "", radiusStop, crashRecord{id: "e10"})
		}, []string{"a session of no call that was made", "line in the file is missing", "start in SQL is missing", "stop in SQL is missing"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := newSynthetic()
			tt.change(e)
			f := verify(e.sight, e.sessions)
			var kinds []string
			for kind := range f.faults {
				kinds = append(kinds, kind)
			}
			slices.Sort(kinds)
			if !slices.Equal(kinds, tt.want) {
				t.Errorf("faults %q, want %q", kinds, tt.want)
			}
			if missing := strings.Contains(strings.Join(tt.want, ""), "missing") || strings.Contains(strings.Join(tt.want, ""), "without any"); missing != (f.incomplete > 0) {
				t.Errorf("%d records are missing", f.incomplete)
			}
		})
	}
}

// synthetic is evidence of two calls: c1 was answered and lasted 1.2 s, c2 was not.
type synthetic struct {
	sight
	sessions sessionTable
}

// clock is a time of the evidence.
func clock(milliseconds int) time.Time {
	return time.UnixMilli(int64(1_700_000_000_000 + milliseconds))
}

func newSynthetic() *synthetic {
	e := &synthetic{sessions: sessionTable{}}
	e.calls = map[string]peer.Call{
		"c1": {"sent": clock(0), "answered": clock(100), "hungup": clock(1300), "ended": clock(1800)},
		"c2": {"sent": clock(0)},
	}
	e.called = map[string]peer.Call{"c1": {"answered": clock(99), "hungup": clock(1302)}}
	for session, call := range map[string]string{"s1": "c1", "s2": "c2"} {
		stop := crashRecord{id: session + "-stop", seconds: 0}
		if call == "c1" {
			stop.seconds, stop.exact = 1, 1201*time.Millisecond
		}
		for at := range places {
			switch at {
			case sqlStart, radiusStart:
				e.sessions.add(session, call, at, crashRecord{id: session + "-start"})
			default:
				e.sessions.add(session, call, at, stop)
			}
		}
	}
	return e
}

func (e *synthetic) outage(from, to int) {
	e.outages = append(e.outages, outage{clock(from), clock(to)})
}

// exact changes the duration of c1 everywhere.
func (e *synthetic) exact(d time.Duration) {
	for _, at := range []place{sqlStop, fileStop, radiusStop} {
		r := &e.sessions["s1"].at[at][0]
		r.exact, r.seconds = d, max(int(d/time.Second), 1)
	}
}

// TestRecords reads what the gatekeeper and FreeRADIUS write.
func TestRecords(t *testing.T) {
	s := sessionTable{}
	for at, line := range map[place]string{
		sqlStart: "start|e1|s1|c1|0||",
		sqlStop:  "stop|e2|s1|c1|2|1700000000.000|1700000002.250000",
		fileStop: "stop|e2|s1|c1|2|1700000000.000|1700000002.250000",
	} {
		if err := s.addLine(at, line); err != nil {
			t.Error(err)
		}
	}
	want := crashRecord{id: "e2", seconds: 2, exact: 2250 * time.Millisecond}
	if got := s["s1"].at[fileStop]; len(got) != 1 || got[0] != want || s["s1"].call != "c1" {
		t.Errorf("%+v, want %+v", got, want)
	}
	for _, line := range []string{"", "stop|e2|s1|c1|2|1700000000.000", "stop|e2|s1|c1|x|1|2", "stop|e2|s1|c1|1|x|2", "start|e2|s1|c1|1|1|2"} {
		if err := s.addLine(fileStop, line); err == nil {
			t.Errorf("%q is read without an error", line)
		}
	}
	for kind, at := range map[string]place{"Start": radiusStart, "Stop": radiusStop} {
		r := peer.Record{"Acct-Status-Type": {kind}, "Acct-Session-Id": {"s1"}, "Acct-Session-Time": {"2"}, "Cisco-AVPair": {"a=b", "event-id=e2"}}
		if err := s.addRADIUS(r); err != nil || len(s["s1"].at[at]) != 1 || s["s1"].at[at][0].id != "e2" {
			t.Errorf("%v: %v", s["s1"].at[at], err)
		}
	}
	for _, r := range []peer.Record{{"Acct-Status-Type": {"Start"}}, {"Acct-Status-Type": {"Interim-Update"}}, {"Acct-Status-Type": {"Stop"}, "Cisco-AVPair": {"event-id=e"}}} {
		if err := s.addRADIUS(r); err == nil {
			t.Errorf("%v is read without an error", r)
		}
	}
}
