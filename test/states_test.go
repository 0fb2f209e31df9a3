package test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestStates watches a module whose backend goes and comes back (21-states).
func TestStates(t *testing.T) {
	t.Parallel()
	r := newRig(t, "21-states/config.ini")
	r.gk.start()
	watch := r.gk.watch()
	r.call(r.caller(2, 10))
	r.wantState("up", 0, 0)
	r.radius.Kill()
	const calls = 50
	r.call(r.caller(calls, 50))
	r.awaitLines(2 + calls)
	time.Sleep(2 * time.Second) // the backlog gets older
	r.wantState("down", 2*calls, 2)
	r.radius.Restart()
	r.call(r.caller(1, 1)) // that RADIUS takes it is noticed at once
	r.wantState("draining", 1, 2)
	r.drained("RadAcct")
	r.wantState("up", 0, 0)
	if n := r.metric(`tollgate_instance_state_changes_total{instance="RadAcct"}`); n != 3 {
		t.Errorf("%v changes are counted", n)
	}
	r.gk.stop()
	for _, text := range []string{"RadAcct the module is down", "RadAcct the module is draining", "RadAcct the module is up"} {
		if n := strings.Count(r.gk.log(), text); n != 1 {
			t.Errorf("the log says %d times %q", n, text)
		}
	}
	var events []string
	for _, line := range watch.all() {
		if strings.HasPrefix(line, "Module|") {
			fields := strings.SplitN(line, "|", 5)
			events = append(events, strings.Join(fields[1:4], " "))
		}
	}
	if want := []string{"RadAcct up down", "RadAcct down draining", "RadAcct draining up"}; !slices.Equal(events, want) {
		t.Errorf("the status port told of %q, want %q", events, want)
	}
}

// wantState wants RadAcct in the state, with at least so many events kept, the oldest at least so many seconds old; none at all for 0.
func (r *rig) wantState(state string, backlog, age int) {
	r.Helper()
	fits := func(n, least int) bool { return n >= least && (least > 0 || n == 0) }
	line := r.moduleLines()[0]
	fields := strings.Split(line, "|")
	kept, err1 := strconv.Atoi(fields[4])
	seconds, err2 := strconv.Atoi(fields[5])
	if err1 != nil || err2 != nil || fields[1] != "RadAcct" || fields[2] != state || !fits(kept, backlog) || !fits(seconds, age) ||
		(state == "up") != (fields[len(fields)-1] == "") {
		r.Errorf("the status port says %q, want %s", line, state)
	}
	for _, s := range []string{"up", "down", "draining"} {
		if is := r.metric(fmt.Sprintf(`tollgate_instance_state{instance="RadAcct",state="%s"}`, s)) == 1; is != (s == state) {
			r.Errorf("by the metrics state %q is %v, want %q", s, is, state)
		}
	}
	metric := r.metric(`tollgate_backlog_oldest_age_seconds{instance="RadAcct"}`)
	if n := r.backlog("RadAcct"); !fits(n, backlog) || !fits(int(metric), age) {
		r.Errorf("in state %s the metrics have %d kept events, the oldest of %v s", state, n, metric)
	}
}
