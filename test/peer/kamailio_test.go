package peer

import (
	"testing"
	"time"
)

// TestKamailioAccounts sends calls through Kamailio and counts its three kinds of lines in the log.
func TestKamailioAccounts(t *testing.T) {
	const calls = 20
	log := StartRsyslog(t)
	uas := StartUAS(t, SIPP{Scenario: "uas_answer.xml"})
	k, err := Kamailio{Callee: uas.Addr, Socket: log.Socket}.Start(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Kill)
	RunUAC(t, SIPP{Scenario: "uac_call.xml", Target: k.Addr, Calls: calls, Rate: 100, Hold: 50 * time.Millisecond})
	for _, text := range []string{"method=INVITE;", "method=BYE;", "duration=0."} {
		if got := len(log.WaitLines(t, calls, text)); got != calls {
			t.Errorf("%d lines with %s, want %d", got, text, calls)
		}
	}
	if lines := log.WaitLines(t, 0, "ERROR"); len(lines) > 0 {
		t.Errorf("Kamailio complains: %s", lines[0])
	}
	if cpu, err := k.CPUTime(); err != nil || cpu <= 0 {
		t.Errorf("CPU time %v, %v", cpu, err)
	}
	if size, err := k.Memory(); err != nil || size < 1<<20 {
		t.Errorf("resident memory %d, %v", size, err)
	}
}
