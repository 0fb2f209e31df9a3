package test

import (
	"strings"
	"testing"
	"time"

	"tollgate/test/peer"
)

// TestRawValues compares the lines of 12-raw-values with the texts in its configuration.
func TestRawValues(t *testing.T) {
	t.Parallel()
	callee := peer.StartUAS(t, peer.SIPP{Scenario: "uas_answer.xml"})
	g := newGatekeeper(t, "12-raw-values/config.ini")
	g.routeTo(callee.Addr)
	g.start()
	peer.RunUAC(t, peer.SIPP{Scenario: "uac_call.xml", Target: g.address(), Hold: 10 * time.Millisecond})
	g.stop()
	instances := 0
	for _, line := range g.config.lines {
		name, ok := strings.CutPrefix(strings.Trim(line, "[]"), "FileAcct:")
		if !ok || line[0] != '[' {
			continue
		}
		instances++
		want := strings.NewReplacer("%d", "1", "%c", "16").Replace(g.config.get("FileAcct:"+name, "CDRString"))
		if got := readLines(t, g.path("var/"+name)); len(got) != 1 || got[0] != want {
			t.Errorf("%s: the file has %q, want one line %q", name, got, want)
		}
	}
	if instances != 12 {
		t.Errorf("%d instances, want 12", instances)
	}
}
