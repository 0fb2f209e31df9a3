package test

import (
	"fmt"
	"testing"
	"time"

	"tollgate/test/peer"
)

// TestBackup lets the first of two RADIUS servers go and come back (15-backup).
func TestBackup(t *testing.T) {
	for _, config := range []string{"config.ini", "servers.ini"} {
		t.Run(config, func(t *testing.T) {
			t.Parallel()
			first, second := peer.StartFreeRADIUS(t), peer.StartFreeRADIUS(t)
			g := newGatekeeper(t, "15-backup/"+config)
			server := func(r *peer.FreeRADIUS) string { return fmt.Sprintf("%s:1812:%d", peer.Loopback, r.Port) }
			if g.config.has("RadAcct:backup") {
				g.config.set("RadAcct", "Servers", server(first))
				g.config.set("RadAcct:backup", "Servers", server(second))
				g.config.set("RadAcct:backup", "SharedSecret", second.Secret)
			} else {
				g.config.set("RadAcct", "Servers", server(first)+";"+server(second))
			}
			g.config.set("RadAcct", "SharedSecret", first.Secret)
			callee := peer.StartUAS(t, peer.SIPP{Scenario: "uas_answer.xml"})
			g.routeTo(callee.Addr)
			g.start()
			call := func() {
				peer.RunUAC(t, peer.SIPP{Scenario: "uac_call.xml", Target: g.address(), Hold: 50 * time.Millisecond})
			}
			call()
			wantRecords(t, "both up", first, 2, second, 0)
			first.Kill()
			call()
			wantRecords(t, "the first gone", first, 2, second, 2)
			first.Restart()
			if config == "config.ini" { // a list tries a server again after 30 seconds
				call()
				wantRecords(t, "the first back", first, 4, second, 2)
			}
			first.Kill()
			second.Kill()
			peer.RunUAC(t, peer.SIPP{Scenario: "uac_refused.xml", Target: g.address()})
			g.stop()
			if n := len(g.cdrLines()); n != 1 {
				t.Errorf("the file has %d lines, want 1: the stop that no server took", n)
			}
			noRepeatedEvents(t, first, second)
		})
	}
}

// wantRecords waits until both servers have as many records as they must.
func wantRecords(t *testing.T, when string, first *peer.FreeRADIUS, n int, second *peer.FreeRADIUS, m int) {
	t.Helper()
	if !eventually(func() bool { return len(first.Records(t)) == n && len(second.Records(t)) == m }) {
		t.Fatalf("%s: the servers have %d and %d records, want %d and %d", when, len(first.Records(t)), len(second.Records(t)), n, m)
	}
}

// noRepeatedEvents wants each event id once, over all servers.
func noRepeatedEvents(t *testing.T, servers ...*peer.FreeRADIUS) {
	t.Helper()
	seen := map[string]bool{}
	for _, server := range servers {
		for _, record := range server.Records(t) {
			id := eventID(record)
			if id == "" || seen[id] {
				t.Errorf("event %q was recorded twice, or has no id", id)
			}
			seen[id] = true
		}
	}
}
