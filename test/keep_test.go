package test

import (
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"tollgate/test/peer"
)

// TestKeep restarts the gatekeeper while calls are up and ringing, in good order or after kill -9 (20-keep).
func TestKeep(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]struct {
		signal syscall.Signal
		code   int
	}{"SIGTERM": {syscall.SIGTERM, 0}, "SIGKILL": {syscall.SIGKILL, -1}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			keep(t, end.signal, end.code)
		})
	}
}

// keep ends the gatekeeper with the signal, starts it again and lets the calls end.
func keep(t *testing.T, signal syscall.Signal, code int) {
	r := newRig(t, "20-keep/config.ini")
	late := peer.StartUAS(t, peer.SIPP{Scenario: "uas_late_answer.xml", Hold: slack * 4 * time.Second, Args: []string{"-aa"}})
	r.gk.config.set("SIP::Routes", "4930555", "sip:"+late.Addr)
	r.gk.start()
	up, ringing := r.caller(3, 10), r.caller(2, 10)
	up.Hold, ringing.Hold, ringing.Number = slack*4*time.Second, time.Second, "4930555"
	waitUp, waitRinging := r.begin(up), r.begin(ringing)
	r.awaitKinds("Accounting-On", "Start", "Start", "Start", "Start", "Start")
	if !eventually(func() bool { return r.metric("tollgate_calls_active") == 3 && len(r.callees(late, "invited")) == 2 }) {
		t.Fatal("three calls should be up, and two ring")
	}
	before := r.currentCalls()
	r.gk.signal(signal)
	r.gk.ended(code)
	r.gk.start()
	if after := r.currentCalls(); len(before) != 5 || !slices.Equal(after, before) {
		t.Errorf("the calls are %q, before the restart they were %q", after, before)
	}
	if n := r.metric("tollgate_calls_restored_total"); n != 5 {
		t.Errorf("%v calls count as restored", n)
	}
	if n := len(r.callees(r.callee, "hungup")) + len(r.callees(late, "cancelled", "answered")); n > 0 || len(r.gk.cdrLines()) > 0 {
		t.Errorf("the restart has touched %d calls, and the file has %d lines", n, len(r.gk.cdrLines()))
	}
	made := waitUp()
	made.join(waitRinging())
	r.awaitKinds("Accounting-On", "Start", "Start", "Start", "Start", "Start", "Stop", "Stop", "Stop", "Stop", "Stop")
	r.gk.signal(syscall.SIGTERM)
	r.gk.ended(0)
	r.gk.start()
	r.awaitKinds("Accounting-On", "Start", "Start", "Start", "Start", "Start", "Stop", "Stop", "Stop", "Stop", "Stop", "Accounting-On")
	r.gk.stop()
	r.wantFile(made)
	for _, line := range withSeconds(r.gk.cdrLines()) {
		if !strings.HasSuffix(line, " seconds=1") && !strings.HasSuffix(line, " seconds="+strings.TrimSuffix(up.Hold.String(), "s")) {
			t.Errorf("the duration is wrong: %s", line)
		}
	}
	sessions := map[string][]string{}
	for _, record := range r.radius.Records(t) {
		id := record.Get("Acct-Session-Id")
		sessions[id] = append(sessions[id], record.Get("Acct-Status-Type"))
	}
	for id, kinds := range sessions {
		if kinds[0] != "Accounting-On" && !slices.Equal(kinds, []string{"Start", "Stop"}) {
			t.Errorf("session %s has %q", id, kinds)
		}
	}
}

// awaitKinds waits for exactly these kinds of records at RADIUS, in that order.
func (r *rig) awaitKinds(want ...string) {
	r.Helper()
	var kinds []string
	if !eventually(func() bool {
		kinds = nil
		for _, record := range r.radius.Records(r) {
			kinds = append(kinds, record.Get("Acct-Status-Type"))
		}
		return slices.Equal(kinds, want)
	}) {
		r.Fatalf("RADIUS has %q, want %q", kinds, want)
	}
}

// callees are the calls to which one of the events has happened at the callee.
func (r *rig) callees(u *peer.UAS, events ...string) (ids []string) {
	r.Helper()
	calls, err := u.Calls()
	if err != nil {
		r.Fatal(err)
	}
	for id, call := range calls {
		if slices.ContainsFunc(events, func(event string) bool { return !call[event].IsZero() }) {
			ids = append(ids, id)
		}
	}
	return ids
}

// currentCalls are the number and the identifier of each call as the status port lists them.
func (r *rig) currentCalls() (calls []string) {
	r.Helper()
	for _, line := range r.gk.ask("printcurrentcalls") {
		if fields := strings.Split(line, "|"); strings.HasPrefix(line, "Call No. ") && len(fields) > 2 {
			calls = append(calls, fields[0]+fields[1])
		}
	}
	slices.Sort(calls)
	return calls
}
