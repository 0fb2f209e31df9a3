package test

import (
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestReloadWithBacklog reloads ten times under load while events are kept for RadAcct, which comes and goes (19-reload-backlog).
func TestReloadWithBacklog(t *testing.T) {
	t.Parallel()
	r := newRig(t, "19-reload-backlog/config.ini")
	r.gk.start()
	seconds := 10
	if *long {
		seconds = 60
	}
	wait := r.begin(r.caller(100*seconds, 100))
	step := func() { time.Sleep(time.Duration(seconds) * time.Second / 15) }
	step()
	r.radius.Kill()
	step()
	for i, level := range []string{"1", "2", "1"} {
		r.gk.config.set("Gatekeeper::Main", "StatusTraceLevel", level)
		r.reload(i + 1)
		step()
	}
	r.nameRADIUS(false)
	r.reload(4)
	step()
	r.reload(5)
	if n := r.backlog("RadAcct"); n == 0 || len(r.moduleLines()) != 3 {
		t.Errorf("RadAcct has a backlog of %d while no rule names it; the status port says %q", n, r.moduleLines())
	}
	r.radius.Restart()
	r.drained("RadAcct")
	if lines := r.moduleLines(); len(lines) != 2 {
		t.Errorf("RadAcct is drained, and the status port says %q", lines)
	}
	r.nameRADIUS(true)
	r.reload(6)
	step()
	r.radius.Kill()
	r.reload(7)
	step()
	r.nameRADIUS(false)
	r.reload(8)
	step()
	r.nameRADIUS(true)
	r.reload(9)
	step()
	r.radius.Restart()
	r.reload(10)
	made := wait()
	r.idle()
	r.drained("RadAcct")
	r.nothingKept()
	r.gk.stop()
	r.wantFile(made)
	r.wantSQL(made, "start", "stop")
	r.wantOnlyWith()
}

// reload asks for the n-th reload and waits until it is done.
func (r *rig) reload(n int) {
	r.Helper()
	r.gk.save()
	r.gk.signal(syscall.SIGHUP)
	if !eventually(func() bool { return strings.Count(r.gk.process.Output(), "INFO reloaded") == n }) {
		r.Fatalf("reload %d is not done", n)
	}
}

// nameRADIUS puts RadAcct into the stack, in front of the others, or takes it out, and has the database say so.
func (r *rig) nameRADIUS(named bool) {
	config := r.gk.config
	from, to := "'with'", "'without'"
	if named {
		from, to = to, from
		config.set("Gatekeeper::Acct", "RadAcct", "optional;start,stop")
	} else {
		config.remove("Gatekeeper::Acct", "RadAcct")
	}
	for _, key := range []string{"StartQuery", "StopQuery"} {
		config.set("SQLAcct", key, strings.ReplaceAll(config.get("SQLAcct", key), from, to))
	}
}

// wantOnlyWith wants RADIUS to have the events that walked a stack with RadAcct, each start before its stop, and no other.
func (r *rig) wantOnlyWith() {
	r.Helper()
	delivered, wrong := r.deliveries(), faults{}
	starts, with := map[string]int{}, 0
	for _, row := range r.gk.query("SELECT kind, id, call, stack FROM events ORDER BY rowid") {
		fields := strings.Split(row, "|")
		kind, id, call, named := fields[0], fields[1], fields[2], fields[3] == "with"
		d := delivered[id]
		switch {
		case named && d == nil:
			wrong.add("RADIUS has not the "+kind, row)
		case !named && d != nil:
			wrong.add("RADIUS has what walked a stack without RadAcct", row)
		case named:
			with++
		}
		if place, ok := starts[call]; ok && d != nil && d.place < place {
			wrong.add("RADIUS has the stop before its start", row)
		}
		if kind == "start" && d != nil {
			starts[call] = d.place
		}
	}
	wrong.report(r)
	if with != len(delivered) {
		r.Errorf("RADIUS has %d events, of which %d are known", len(delivered), with)
	}
	r.Logf("%d of %d events walked a stack with RadAcct, and RADIUS has them", with, len(r.gk.query("SELECT id FROM events")))
}
