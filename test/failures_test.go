package test

import (
	"bytes"
	"database/sql"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tollgate/test/peer"
)

// TestBadRecord stores a thousand calls in a database that refuses one of them for good (18-failures).
func TestBadRecord(t *testing.T) {
	t.Parallel()
	r := newFailureRig(t, "sql.ini")
	r.gk.start()
	wait := r.begin(r.caller(999, 150))
	time.Sleep(2 * time.Second) // somewhere among them
	bad := r.caller(1, 1)
	bad.Number = "4930666"
	made := r.call(bad)
	made.join(wait())
	if !eventually(func() bool { return len(r.gk.query("SELECT id FROM events")) == 999 && len(r.kept("-quarantine")) == 1 }) {
		t.Errorf("%d calls are in the database, and %+v in quarantine", len(r.gk.query("SELECT id FROM events")), r.kept("-quarantine"))
	}
	if set := r.metric(`tollgate_backlog_quarantined_events{instance="SQLAcct"}`); set != 1 {
		t.Errorf("the metric of quarantine is %v", set)
	}
	r.wantQuarantine("FOREIGN KEY constraint failed", 1)
	r.execute("INSERT INTO numbers VALUES ('4930666')")
	r.retryQuarantine("SQLAcct")
	r.nothingKept()
	r.gk.stop()
	r.wantFile(made)
	r.wantSQL(made, "stop")
}

// wantQuarantine wants only copies in quarantine, and their reason in what an operator sees.
func (r *rig) wantQuarantine(reason string, copies int) {
	r.Helper()
	out, errs, code := r.gk.command("spool", "list", "-quarantine", "-c", "tollgate.ini")
	if code != 0 || strings.Count(out, reason) != copies {
		r.Errorf("tollgate spool list -quarantine says, with exit code %d:\n%s%s", code, out, errs)
	}
	if all := r.kept(); len(all) != copies {
		r.Errorf("%d copies are kept, want %d in quarantine: %+v", len(all), copies, all)
	}
}

// retryQuarantine releases what is in quarantine and waits for its delivery.
func (r *rig) retryQuarantine(instance string) {
	r.Helper()
	out, errs, code := r.gk.command("spool", "retry", "all", "-quarantine", "-c", "tollgate.ini")
	if code != 0 {
		r.Errorf("spool retry: exit code %d: %s%s", code, out, errs)
	}
	if !eventually(func() bool { return len(r.kept("-instance", instance)) == 0 }) {
		r.Errorf("after spool retry is still kept: %+v", r.kept())
	}
}

// database opens the database of [SQLAcct] as another program would.
func (r *rig) database() *sql.DB {
	r.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(r.gk.dir, "var", r.gk.config.get("SQLAcct", "Database"))+"?_pragma=busy_timeout(5000)")
	if err != nil {
		r.Fatal(err)
	}
	return db
}

func (r *rig) execute(query string) {
	r.Helper()
	db := r.database()
	defer db.Close()
	if _, err := db.ExecContext(r.Context(), query); err != nil {
		r.Fatal(err)
	}
}

// wantSQL wants each kind of row of each call once, in that order, and no other.
func (r *rig) wantSQL(calls callMap, kinds ...string) {
	r.Helper()
	place, ids, wrong := map[string]int{}, map[string]bool{}, faults{}
	rows := r.gk.query("SELECT kind, id, call FROM events ORDER BY rowid")
	for i, row := range rows {
		fields := strings.Split(row, "|")
		key := fields[0] + fields[2]
		if _, twice := place[key]; twice || ids[fields[1]] {
			wrong.add("a row is there twice", row)
		}
		place[key], ids[fields[1]] = i, true
	}
	for id := range calls {
		before := -1
		for _, kind := range kinds {
			at, ok := place[kind+id]
			if !ok {
				wrong.add("the database has not the "+kind, id)
				break
			}
			if at < before {
				wrong.add("the "+kind+" stands before what was before it", id)
			}
			before = at
		}
	}
	wrong.report(r)
	if len(rows) != len(kinds)*len(calls) {
		r.Errorf("the database has %d rows of %d calls", len(rows), len(calls))
	}
}

// TestOneRecord lets RADIUS refuse or ignore the records of one caller, while it takes those of all others (18-failures).
func TestOneRecord(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ policy, reason string }{
		"refused": {`if (&User-Name == "mallory") {
			update reply {
				&Error-Cause := Unsupported-Attribute
			}
			ok
			return
		}`, "Error-Cause 401"},
		"ignored": {`if (&User-Name == "mallory") {
			update control {
				&Response-Packet-Type := Do-Not-Respond
			}
			ok
			return
		}`, "never answered"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newFailureRig(t, "config.ini")
			r.radius.Policy = tt.policy
			r.radius.Restart()
			r.gk.start()
			bad := r.caller(1, 1)
			bad.Caller = "mallory"
			made := r.call(bad)
			neighbours := callMap{}
			for deadline := time.Now().Add(30 * time.Second); len(r.kept("-quarantine")) < 2; {
				neighbours.join(r.call(r.caller(25, 50)))
				if time.Now().After(deadline) {
					t.Fatalf("the records do not come into quarantine: %+v", r.kept())
				}
			}
			t.Logf("%d other calls until both records were in quarantine", len(neighbours))
			r.awaitBacklog("RadAcct", func(n int) bool { return n == 0 })
			r.wantQuarantine(tt.reason, 2)
			r.wantRADIUS(neighbours, "Start", "Stop")
			made.join(neighbours)
			r.radius.Policy = ""
			r.radius.Restart()
			r.retryQuarantine("RadAcct")
			r.gk.stop()
			r.wantFile(made)
			r.wantRADIUS(made, "Start", "Stop")
		})
	}
}

// TestCorruptRecord damages one kept event on the disk while the gatekeeper is down (18-failures).
func TestCorruptRecord(t *testing.T) {
	t.Parallel()
	r := newFailureRig(t, "config.ini")
	r.radius.Kill()
	r.gk.start()
	made := r.call(r.caller(10, 50))
	r.awaitLines(10)
	r.gk.stop()
	kept := r.kept()
	if len(kept) != 20 {
		t.Fatalf("%d events are kept, want 20", len(kept))
	}
	victim := kept[11]
	r.damage(victim.ID)
	r.gk.start()
	for _, text := range []string{"journal", "damage"} {
		if !strings.Contains(r.gk.process.Output(), text) {
			t.Errorf("the log does not tell of it: %s", r.gk.process.Output())
		}
	}
	aside, err := filepath.Glob(filepath.Join(r.gk.dir, "var", "journal", "*", "quarantine", "*"))
	if err != nil || len(aside) == 0 {
		t.Errorf("nothing was set aside: %v", err)
	}
	if n := r.metric("tollgate_journal_damages"); n != 1 {
		t.Errorf("the metric of damages is %v", n)
	}
	r.radius.Restart()
	r.drained("RadAcct")
	r.gk.stop()
	r.wantFile(made)
	delivered := r.deliveries()
	for _, k := range kept {
		if (delivered[k.ID] == nil) != (k.ID == victim.ID) {
			t.Errorf("the %s of session %s: damaged is %v, delivered %v", k.Kind, k.Session, k.ID == victim.ID, delivered[k.ID] != nil)
		}
	}
	if len(delivered) != len(kept)-1 {
		t.Errorf("%d events were delivered", len(delivered))
	}
}

// damage turns a bit in the journal's record of a kept event, wherever it stands.
func (r *rig) damage(id string) {
	r.Helper()
	raw, err := hex.DecodeString(strings.ReplaceAll(id, "-", ""))
	if err != nil {
		r.Fatal(err)
	}
	segments, err := filepath.Glob(filepath.Join(r.gk.dir, "var", "journal", "log", "*.seg"))
	if err != nil {
		r.Fatal(err)
	}
	damaged := 0
	for _, path := range segments {
		content, err := os.ReadFile(path)
		if err != nil {
			r.Fatal(err)
		}
		for _, kind := range []byte{4, 5} { // an event that is kept
			if at := bytes.Index(content, append([]byte{kind}, raw...)); at >= 0 {
				content[at+60] ^= 1
				damaged++
			}
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			r.Fatal(err)
		}
	}
	if damaged != 1 {
		r.Fatalf("the journal has %d records of the event", damaged)
	}
}

// TestKillWhileDraining kills the gatekeeper again and again while it delivers what three backends could not take (18-failures).
func TestKillWhileDraining(t *testing.T) {
	t.Parallel()
	r := newFailureRig(t, "kill.ini")
	calls, perSecond, kills := 250, 100, 4
	if *long {
		calls, perSecond, kills = 2500, 500, 8
	}
	r.gk.config.set("Journal", "DeliveryRate", fmt.Sprint(perSecond))
	r.gk.start()
	back := r.takeAway()
	made := r.call(r.caller(calls, 100))
	r.idle()
	if !eventually(func() bool {
		return r.backlog("RadAcct") == 2*calls && r.backlog("SQLAcct") == 2*calls && r.backlog("FileAcct") >= calls/2
	}) { // FileAcct notices within a second that its file has gone
		t.Errorf("not all is kept: %q", r.moduleLines())
	}
	back()
	r.gk.process.Kill()
	left := 2 * calls
	for range kills {
		r.gk.start()
		before := left
		r.awaitBacklog("SQLAcct", func(n int) bool { left = n; return n < before-before/8 })
		r.gk.process.Kill()
		t.Logf("killed with %d events left for SQLAcct, of %d", left, 2*calls)
	}
	if left == 0 {
		t.Error("nothing was left at the last kill")
	}
	r.gk.start()
	for _, instance := range []string{"RadAcct", "SQLAcct", "FileAcct"} {
		r.drained(instance)
	}
	r.nothingKept()
	r.gk.stop()
	r.wantFile(made)
	r.wantSQL(made, "start", "stop")
	r.wantRADIUS(made, "Start", "Stop")
	copies := 0
	for _, d := range r.deliveries() {
		copies += d.copies - 1
	}
	t.Logf("RADIUS got %d records a second time", copies)
}

// takeAway lets RADIUS be gone, the database locked and the folder of the CDR file missing; back brings them back.
func (r *rig) takeAway() (back func()) {
	r.Helper()
	r.radius.Kill()
	db := r.database()
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(r.Context(), "BEGIN IMMEDIATE"); err != nil {
		r.Fatal(err)
	}
	folder := filepath.Join(r.gk.dir, "cdr")
	if err := os.Rename(folder, folder+".away"); err != nil {
		r.Fatal(err)
	}
	return func() {
		r.Helper()
		if err := os.Rename(folder+".away", folder); err != nil {
			r.Fatal(err)
		}
		if err := db.Close(); err != nil {
			r.Fatal(err)
		}
		r.radius.Restart()
	}
}

// TestSyslogAway lets the syslog daemon be gone, or not read (18-failures).
func TestSyslogAway(t *testing.T) {
	t.Parallel()
	for name, away := range map[string]struct {
		leave, back func(*testing.T, *peer.Rsyslog)
	}{
		"gone":   {func(_ *testing.T, s *peer.Rsyslog) { s.Stop() }, func(t *testing.T, s *peer.Rsyslog) { s.Restart(t) }},
		"silent": {func(t *testing.T, s *peer.Rsyslog) { s.Pause(t) }, func(t *testing.T, s *peer.Rsyslog) { s.Resume(t) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newFailureRig(t, "syslog.ini")
			daemon := peer.StartRsyslog(t)
			r.gk.config.set("SyslogAcct", "Server", "unix:"+daemon.Socket)
			r.gk.start()
			away.leave(t, daemon)
			const calls = 100 // more than wait in the socket
			made := r.call(r.caller(calls, 100))
			r.awaitLines(calls)
			waiting := r.backlog("SyslogAcct")
			t.Logf("%d of %d messages are kept", waiting, 2*calls)
			if waiting == 0 {
				t.Error("nothing is kept")
			}
			away.back(t, daemon)
			r.drained("SyslogAcct")
			r.gk.stop()
			r.wantFile(made)
			place, wrong := map[string]int{}, faults{}
			for i, line := range daemon.WaitLines(t, 2*calls, "|") {
				_, message, _ := strings.Cut(strings.ReplaceAll(line, `"`, ""), "CALL|")
				if place[message] != 0 {
					wrong.add("a message came twice", line)
				}
				place[message] = i + 1
			}
			for id := range made {
				if start, stop := place["start|"+id], place["stop|"+id]; start == 0 || stop < start {
					wrong.add(fmt.Sprintf("start at %d, stop at %d", start, stop), id)
				}
			}
			wrong.report(t)
		})
	}
}

// TestLateAnswer lets RADIUS answer later than the walk waits: the event was kept meanwhile, and is not sent again (18-failures).
func TestLateAnswer(t *testing.T) {
	t.Parallel()
	r := newFailureRig(t, "config.ini")
	r.gk.config.set("RadAcct", "Timeout", "1")
	r.gk.config.set("RadAcct", "RequestTimeout", "9s")
	r.gk.start()
	r.radius.Pause()
	made := r.call(r.caller(5, 10))
	r.awaitLines(5)
	if !eventually(func() bool {
		return r.backlog("RadAcct") == 10 && r.metric(`tollgate_attempts_open{instance="RadAcct"}`) == 5
	}) {
		t.Errorf("10 events should be kept and 5 attempts open: %q", r.moduleLines())
	}
	r.radius.Resume()
	r.drained("RadAcct")
	if late := r.metric(`tollgate_events_late_total{instance="RadAcct"}`); late != 5 {
		t.Errorf("%v answers were late, want 5", late)
	}
	r.nothingKept()
	r.gk.stop()
	r.wantFile(made)
	r.wantRADIUS(made, "Start", "Stop")
	for id, d := range r.deliveries() {
		if d.copies != 1 {
			t.Errorf("the %s %s was sent %d times", d.kind, id, d.copies)
		}
	}
}
