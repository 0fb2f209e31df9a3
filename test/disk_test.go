package test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"tollgate/test/peer"
)

// disk is a small file system in the gatekeeper's folder.
type disk struct {
	t    testing.TB
	path string
}

// mount makes a file system of that size. Only root may.
func (g *gatekeeper) mount(name, size string) *disk {
	g.t.Helper()
	d := &disk{t: g.t, path: filepath.Join(g.dir, name)}
	if err := os.Mkdir(d.path, 0o750); err != nil {
		g.t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", d.path, "tmpfs", 0, "size="+size); err != nil {
		g.t.Fatalf("mounting a file system, which needs root: %v", err)
	}
	g.t.Cleanup(func() {
		if err := syscall.Unmount(d.path, syscall.MNT_DETACH); err != nil {
			g.t.Error(err)
		}
	})
	return d
}

// resize makes it larger.
func (d *disk) resize(size string) {
	d.t.Helper()
	if err := syscall.Mount("tmpfs", d.path, "tmpfs", syscall.MS_REMOUNT, "size="+size); err != nil {
		d.t.Fatal(err)
	}
}

// fill takes all the room that is left.
func (d *disk) fill() {
	d.t.Helper()
	f, err := os.Create(filepath.Join(d.path, "ballast"))
	if err != nil {
		d.t.Fatal(err)
	}
	defer f.Close()
	for block := make([]byte, 4096); err == nil; {
		_, err = f.Write(block)
	}
}

// clear gives it back.
func (d *disk) clear() {
	d.t.Helper()
	if err := os.Remove(filepath.Join(d.path, "ballast")); err != nil {
		d.t.Fatal(err)
	}
}

// newFailureRig is a rig with a folder for the CDR file.
func newFailureRig(t *testing.T, config string) *rig {
	t.Helper()
	r := newRig(t, "18-failures/"+config)
	if err := os.MkdirAll(filepath.Join(r.gk.dir, "cdr"), 0o750); err != nil {
		t.Fatal(err)
	}
	return r
}

// bearing is a caller that bears a refusal.
func (r *rig) bearing(n, rate int) peer.SIPP {
	return peer.SIPP{Scenario: "uac_persistent.xml", Target: r.gk.address(), Calls: n, Rate: rate, Lenient: true, Timeout: time.Minute,
		Args: []string{"-aa", "-rtcheck", "loose"}}
}

// granted are the calls that were answered, refused the number of those that were not.
func (m callMap) granted() (granted callMap, refused int) {
	granted = callMap{}
	for id, call := range m {
		if call["answered"].IsZero() {
			refused++
			continue
		}
		granted[id] = call
	}
	return granted, refused
}

// TestJournalFull fills the disk of the journal with what is kept for a RADIUS server that is gone. Then calls are refused, and all
// that were granted are recorded once there is room and RADIUS is back (18-failures).
func TestJournalFull(t *testing.T) {
	t.Parallel()
	r := newFailureRig(t, "config.ini")
	small := r.gk.mount("var", "1500k")
	r.radius.Kill()
	r.gk.start()
	made := r.call(r.bearing(400, 100))
	granted, refused := made.granted()
	t.Logf("%d calls were granted and %d refused; %v lines could not be written at once for want of room for their note", len(granted), refused,
		r.metric(`tollgate_events_failed_total{instance="FileAcct"}`))
	if len(granted) < 50 || refused < 50 {
		t.Errorf("%d calls were granted and %d refused", len(granted), refused)
	}
	if n := int(r.metric("tollgate_calls_no_room_total")); n != refused {
		t.Errorf("the gatekeeper has counted %d calls without room, the caller %d", n, refused)
	}
	small.resize("64m")
	if !eventually(func() bool { return r.metric("tollgate_journal_short_bytes") == 0 && r.metric("tollgate_ready") == 1 }) {
		t.Errorf("the gatekeeper is not ready although there is room:\n%s", strings.Join(r.metrics(), "\n"))
	}
	r.radius.Restart()
	granted.join(r.call(r.caller(10, 10)))
	r.drained("RadAcct")
	r.nothingKept()
	r.gk.stop()
	r.wantFile(granted)
	r.wantRADIUS(granted, "Start", "Stop")
}

// TestJournalFullRefusal looks at the answer to calls that the journal has no room for, while others ring.
func TestJournalFullRefusal(t *testing.T) {
	t.Parallel()
	r := newFailureRig(t, "config.ini")
	small := r.gk.mount("var", "1m")
	callee := peer.StartUAS(t, peer.SIPP{Scenario: "uas_ring_forever.xml"})
	r.gk.routeTo(callee.Addr)
	r.gk.start()
	phone := newPhone(t, r.gk.address())
	const calls = 200
	for i := range calls {
		phone.send(phone.request(phone.newCall("full-"+strconv.Itoa(i)), "INVITE", 1))
		time.Sleep(time.Millisecond)
	}
	refused := map[string]string{}
	for answer := phone.receive(patience); answer != ""; answer = phone.receive(time.Second) {
		if phone.acknowledge(answer) >= 200 {
			refused[headerOf(answer, "Call-ID")] = answer
		}
	}
	t.Logf("%d of %d calls that ring at once were refused", len(refused), calls)
	if len(refused) == 0 || len(refused) > calls-50 || int(r.metric("tollgate_calls_no_room_total")) != len(refused) {
		t.Errorf("%d calls were refused, the gatekeeper has counted %v", len(refused), r.metric("tollgate_calls_no_room_total"))
	}
	for _, answer := range refused {
		if !strings.HasPrefix(answer, "SIP/2.0 503") || headerOf(answer, "Retry-After") == "" || !strings.HasPrefix(headerOf(answer, "Reason"), "Q.850;cause=42") {
			t.Fatalf("a call is refused with %q", answer)
		}
	}
	small.resize("16m")
	if !eventually(func() bool {
		phone.send(phone.request(phone.newCall("room-"+strconv.FormatInt(time.Now().UnixNano(), 36)), "INVITE", 1))
		for answer := phone.receive(patience); ; answer = phone.receive(patience) {
			if status := phone.acknowledge(answer); status >= 180 {
				return status < 200
			}
		}
	}) {
		t.Error("calls are still refused although there is room")
	}
	admitted := int(r.metric("tollgate_calls_total"))
	r.gk.stop()
	if lines, events := len(r.gk.cdrLines()), len(r.deliveries()); lines != admitted || events != 2*admitted {
		t.Errorf("the file has %d lines and RADIUS %d events of %d calls", lines, events, admitted)
	}
}

// TestKeepCalls lets calls go on when the journal's disk is full, and counts them.
func TestKeepCalls(t *testing.T) {
	t.Parallel()
	r := newFailureRig(t, "config.ini")
	r.gk.config.set("Journal", "WhenFull", "keep-calls")
	small := r.gk.mount("var", "1m")
	r.gk.start()
	small.fill()
	made := r.call(r.caller(300, 100))
	r.idle()
	n := r.metric("tollgate_calls_unjournalled_total")
	if n == 0 || r.metric("tollgate_calls_no_room_total") != 0 {
		t.Errorf("%v calls are counted as unjournalled, %v as refused", n, r.metric("tollgate_calls_no_room_total"))
	}
	t.Logf("%v of %d calls and their entries were not in the journal", n, len(made))
	small.clear()
	if !eventually(func() bool {
		before := r.metric("tollgate_calls_unjournalled_total")
		made.join(r.call(r.caller(5, 50)))
		return r.metric("tollgate_calls_unjournalled_total") == before
	}) {
		t.Error("calls are still not journalled although there is room")
	}
	r.drained("RadAcct")
	r.drained("FileAcct")
	r.gk.stop()
	r.wantFile(made)
	r.wantRADIUS(made, "Start", "Stop")
}

// TestFileFull fills the disk of the CDR file: lines wait for room, and calls are not held up.
func TestFileFull(t *testing.T) {
	t.Parallel()
	r := newRig(t, "18-failures/config.ini")
	small := r.gk.mount("cdr", "16k")
	r.gk.start()
	made := r.call(r.caller(200, 100))
	r.idle()
	waiting := 0
	if !eventually(func() bool {
		waiting = r.backlog("FileAcct")
		return len(r.gk.cdrLines())+waiting == len(made)
	}) || waiting < 50 {
		t.Errorf("%d lines wait for room and %d are in the file", waiting, len(r.gk.cdrLines()))
	}
	t.Logf("%d of %d lines wait for room", waiting, len(made))
	lines := strings.Split(strings.Join(r.moduleLines(), "\n"), "\n")
	if len(lines) != 2 || !strings.Contains(lines[1], "|down|") || !strings.Contains(lines[1], "no space left on device") ||
		!strings.Contains(lines[1], "|"+strconv.Itoa(waiting)+"|") {
		t.Errorf("the status port says %q", lines)
	}
	small.resize("1m")
	r.drained("FileAcct")
	r.nothingKept()
	r.gk.stop()
	r.wantFile(made)
	r.wantRADIUS(made, "Start", "Stop")
}
