package cdr

import (
	"reflect"
	"testing"
	"time"
)

// durations are a record's durations in the order %d, %t, %p, %{ring-time}.
func durations(r *Record) [4]int64 {
	return [4]int64{r.Duration(), r.TotalDuration(), r.PostDialDelay(), r.RingTime()}
}

// stepped is the example as another process would have it, in which the wall clock was set back by so much between the
// 180 and the 200: 1 s to the 180, 3 s of ringing and 65 s of talk are what was measured.
func stepped(back time.Duration) *Record {
	r := exampleCall()
	var m measured
	for i, t := range r.times() {
		clock := t.Sub(r.Setup)
		if milestone(i) >= atConnected {
			*t = t.Add(-back)
		}
		m[i] = reading{known: true, wall: t.UnixNano(), clock: clock}
	}
	r.measured = &m
	return r
}

func TestDurationsOutliveSteps(t *testing.T) {
	want := [4]int64{65, 69, 1, 3}
	for _, back := range []time.Duration{0, time.Hour, -time.Hour, 500 * 24 * time.Hour, time.Nanosecond} {
		r := stepped(back)
		for range 3 { // as after several restarts
			r = mustDecode(t, r.AppendBinary(nil))
			if got := durations(r); got != want {
				t.Errorf("set back by %v: durations %v, want %v", back, got, want)
			}
			if shown := r.Connected.Sub(r.Setup); shown != 4*time.Second-back {
				t.Errorf("set back by %v: connected is shown %v after setup", back, shown)
			}
		}
	}
}

// TestRunsOn: while the call runs, its duration is that up to Now.
func TestRunsOn(t *testing.T) {
	r := stepped(time.Hour)
	r.Disconnected = time.Time{}
	r = mustDecode(t, r.AppendBinary(nil))
	if got, want := durations(r), [4]int64{65, 0, 1, 3}; got != want {
		t.Errorf("durations %v, want %v", got, want)
	}
}

// TestRealClock takes all times from the clock of this process, whose two readings are never exactly in step.
func TestRealClock(t *testing.T) {
	var r Record
	for _, at := range r.times() {
		*at = time.Now()
	}
	got := mustDecode(t, r.AppendBinary(nil))
	for m := range milestones {
		if got.between(atSetup, m) != r.between(atSetup, m) {
			t.Errorf("%v to %d, want %v", got.between(atSetup, m), m, r.between(atSetup, m))
		}
	}
}

func TestResume(t *testing.T) {
	for _, test := range []struct {
		name  string
		setup time.Time
	}{
		{"the same boot", time.Now().Add(-time.Minute)},
		{"another boot", time.Now().Add(-time.Minute).Round(0)},
	} {
		r := stepped(time.Hour)
		r.Disconnected = time.Time{}
		r = mustDecode(t, r.AppendBinary(nil))
		unchanged := *r
		r.Resume(test.setup, BootTime)
		for m, want := range map[milestone]time.Duration{atSetup: 0, atAlerting: time.Second, atConnected: 4 * time.Second, atNow: 69 * time.Second} {
			if got := r.time(m); got != test.setup.Add(want) {
				t.Errorf("%s: time %d is %v, want %v after %v", test.name, m, got, want, test.setup)
			}
		}
		if r.happened(atDisconnected) || r.Clock != BootTime || r.measured != nil {
			t.Errorf("%s: disconnected %v, clock %v, readings %v", test.name, r.Disconnected, r.Clock, r.measured)
		}
		r.Disconnected = test.setup.Add(104 * time.Second)
		if got, want := durations(r), [4]int64{100, 104, 1, 3}; got != want {
			t.Errorf("%s: durations %v after the end, want %v", test.name, got, want)
		}
		if got := durations(mustDecode(t, r.AppendBinary(nil))); got != durations(r) {
			t.Errorf("%s: durations %v after a second restart, want %v", test.name, got, durations(r))
		}
		if unchanged.Duration() != 65 {
			t.Errorf("%s: the copy has duration %d", test.name, unchanged.Duration())
		}
	}
}

// TestResumeKeepsMonotonicTime: a record that goes on is measured by this process's monotonic clock, whatever the wall
// says.
func TestResumeKeepsMonotonicTime(t *testing.T) {
	r := mustDecode(t, exampleCall().AppendBinary(nil))
	r.Resume(time.Now().Add(-time.Minute), BootTime)
	for m := range milestones {
		if !isMonotonic(r.time(m)) {
			t.Errorf("time %d has no monotonic reading", m)
		}
	}
}

func TestResumeTakesTheWorseClock(t *testing.T) {
	for _, test := range []struct{ had, given, want Clock }{
		{Monotonic, Monotonic, Monotonic},
		{Monotonic, BootTime, BootTime},
		{BootTime, WallClock, WallClock},
		{WallClock, BootTime, WallClock},
	} {
		r := Record{Clock: test.had, Setup: time.Now()}
		if r.Resume(time.Now(), test.given); r.Clock != test.want {
			t.Errorf("%v resumed with %v is %v, want %v", test.had, test.given, r.Clock, test.want)
		}
	}
}

func TestResumeWithoutSetup(t *testing.T) {
	begin := time.Unix(1_800_000_000, 0)
	r := Record{Connected: begin, Now: begin.Add(5 * time.Second)}
	at := time.Now()
	r.Resume(at, BootTime)
	if r.Connected != at || r.Now != at.Add(5*time.Second) || r.happened(atSetup) {
		t.Errorf("became %v, %v, %v", r.Setup, r.Connected, r.Now)
	}
	var empty Record
	if empty.Resume(at, Monotonic); !reflect.DeepEqual(empty, Record{}) {
		t.Errorf("a record without times became %+v", empty)
	}
}

// TestLaterTimesCount: a time that is set in a decoded record is not taken for the one that was decoded.
func TestLaterTimesCount(t *testing.T) {
	r := mustDecode(t, stepped(time.Hour).AppendBinary(nil))
	if r.measured == nil {
		t.Fatal("the step got lost")
	}
	r.Disconnected = r.Connected.Add(10 * time.Second)
	if got := r.Duration(); got != 10 {
		t.Errorf("duration %d, want 10", got)
	}
	again := mustDecode(t, r.AppendBinary(nil))
	if got := again.Duration(); got != 10 {
		t.Errorf("duration %d after a second restart, want 10", got)
	}
	if got := again.RingTime(); got != 3 {
		t.Errorf("ring time %d, want 3", got)
	}
}

// TestEstimatedEnd: a connected call whose end nobody saw is billed at least one second, too.
func TestEstimatedEnd(t *testing.T) {
	begin := time.Now()
	for _, test := range []struct {
		name string
		end  time.Duration
		want int64
	}{
		{"at connect", 0, 1},
		{"shown before connect", -time.Minute, 1},
		{"later", 90 * time.Second, 90},
	} {
		r := &Record{Setup: begin, Connected: begin, Disconnected: begin.Add(test.end), Now: begin.Add(time.Hour), EndEstimated: true}
		for _, r := range []*Record{r, mustDecode(t, r.AppendBinary(nil))} {
			if got := r.Duration(); got != test.want || !r.EndEstimated {
				t.Errorf("%s: duration %d, want %d", test.name, got, test.want)
			}
		}
		r.Connected = time.Time{}
		if got := r.Duration(); got != 0 {
			t.Errorf("%s, never connected: duration %d", test.name, got)
		}
	}
}

func TestClockNames(t *testing.T) {
	for c, want := range []string{"monotonic", "boottime", "wallclock", "unknown"} {
		if got := Clock(c).String(); got != want {
			t.Errorf("clock %d is %q, want %q", c, got, want)
		}
	}
}
