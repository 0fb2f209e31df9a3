package test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"tollgate/test/peer"
)

// TestAdmission measures what callers hear while RADIUS keeps their starts waiting (04-admission). The times are medians, so
// that one hiccup of a busy machine is none of the gatekeeper.
func TestAdmission(t *testing.T) {
	const calls, limit = 5, 200 * time.Millisecond
	p := &play{T: t, folder: "04-admission"}
	p.setRADIUS("silent")
	callee := peer.StartUAS(t, peer.SIPP{Scenario: "uas_answer.xml"})
	p.gk.routeTo(callee.Addr)
	p.gk.start()
	var trying, terminated []time.Duration
	for i := range calls {
		heard, ended := waitingCall(t, p.gk, i)
		trying, terminated = append(trying, heard), append(terminated, ended)
	}
	if d := median(trying); d > limit {
		t.Errorf("100 came after %v (%v), want %v at most (RFC 3261 17.2.1)", d, trying, limit)
	}
	if d := median(terminated); d > limit {
		t.Errorf("487 came %v after the CANCEL (%v): it waited for RADIUS", d, terminated)
	}
	p.setRADIUS("up")
	p.gk.stop()
	if r, err := callee.Stop(); err != nil || len(r.Calls) != 0 {
		t.Errorf("%d INVITEs reached the callee (%v)", len(r.Calls), err)
	}
	if n := len(p.gk.cdrLines()); n != calls {
		t.Errorf("%d lines in the file, want %d", n, calls)
	}
}

// waitingCall is a call that is repeated, then cancelled. It gives the time until its 100, and from its CANCEL to its 487.
func waitingCall(t *testing.T, g *gatekeeper, number int) (heard, ended time.Duration) {
	t.Helper()
	caller := newPhone(t, g.address())
	c := caller.newCall(fmt.Sprintf("admission-%d", number))
	sent := time.Now()
	caller.send(caller.request(c, "INVITE", 1))
	caller.expect(100, "INVITE", patience)
	heard = time.Since(sent)
	for range 3 {
		caller.send(caller.request(c, "INVITE", 1))
		caller.expect(100, "INVITE", patience) // the last answer again
	}
	cancelled := time.Now()
	caller.send(caller.request(c, "CANCEL", 1))
	caller.expect(200, "CANCEL", patience)
	caller.acknowledge(caller.expect(487, "INVITE", patience))
	return heard, time.Since(cancelled)
}

func median(times []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(times))
	return sorted[len(sorted)/2]
}
