package test

import (
	"strings"
	"testing"
	"time"

	"tollgate/test/peer"
)

// TestAdmission measures what a caller hears while RADIUS keeps its start waiting (04-admission).
func TestAdmission(t *testing.T) {
	p := &play{T: t, folder: "04-admission"}
	p.setRADIUS("silent")
	callee := peer.StartUAS(t, peer.SIPP{Scenario: "uas_answer.xml"})
	p.gk.routeTo(callee.Addr)
	p.gk.start()
	caller := newPhone(t, p.gk.address())
	c := caller.newCall("admission")

	sent := time.Now()
	caller.send(caller.request(c, "INVITE", 1))
	caller.expect(100, "INVITE", time.Second)
	if d := time.Since(sent); d > 200*time.Millisecond {
		t.Errorf("100 came after %v, want 200 ms at most (RFC 3261 17.2.1)", d)
	}
	for range 3 {
		caller.send(caller.request(c, "INVITE", 1))
		caller.expect(100, "INVITE", time.Second) // the last answer again
	}
	cancelled := time.Now()
	caller.send(caller.request(c, "CANCEL", 1))
	caller.expect(200, "CANCEL", time.Second)
	final := caller.expect(487, "INVITE", time.Second)
	if d := time.Since(cancelled); d > 200*time.Millisecond {
		t.Errorf("487 came %v after the CANCEL: it waited for RADIUS", d)
	}
	_, c.toTag, _ = strings.Cut(headerOf(final, "To"), ";tag=")
	caller.send(caller.request(c, "ACK", 1))

	p.setRADIUS("up")
	p.gk.stop()
	if r, err := callee.Stop(); err != nil || len(r.Calls) != 0 {
		t.Errorf("%d INVITEs reached the callee (%v)", len(r.Calls), err)
	}
	if n := len(p.gk.cdrLines()); n != 1 {
		t.Errorf("%d lines in the file, want 1", n)
	}
}
