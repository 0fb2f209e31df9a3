package peer

import (
	"context"
	"strings"
	"testing"
	"time"
)

// TestScenarios runs each caller against the callee that it is made for, without a proxy between them.
func TestScenarios(t *testing.T) {
	tests := []struct {
		uac, uas string
		lenient  bool
		password string
	}{
		{uac: "uac_call.xml", uas: "uas_answer.xml"},
		{uac: "uac_call.xml", uas: "uas_late_answer.xml"},
		{uac: "uac_early_media.xml", uas: "uas_early_media.xml"},
		{uac: "uac_ringing.xml", uas: "uas_answer.xml"},
		{uac: "uac_wait_bye.xml", uas: "uas_bye.xml"},
		{uac: "uac_reinvite.xml", uas: "uas_reinvite.xml"},
		{uac: "uac_retransmit.xml", uas: "uas_late_answer.xml", lenient: true},
		{uac: "uac_busy.xml", uas: "uas_busy.xml"},
		{uac: "uac_not_found.xml", uas: "uas_not_found.xml"},
		{uac: "uac_unavailable.xml", uas: "uas_unavailable.xml"},
		{uac: "uac_cancel.xml", uas: "uas_ring_forever.xml"},
		{uac: "uac_cancel_crossing.xml", uas: "uas_answer_cancelled.xml"},
		{uac: "uac_auth.xml", uas: "uas_challenge.xml"},
		{uac: "uac_auth_refused.xml", uas: "uas_challenge.xml", password: "wrong"},
		{uac: "load_uac.xml", uas: "load_uas.xml"},
		{uac: "uac_persistent.xml", uas: "uas_persistent.xml"},
	}
	for _, tt := range tests {
		t.Run(tt.uac+" "+tt.uas, func(t *testing.T) {
			t.Parallel()
			uas := StartUAS(t, SIPP{Scenario: tt.uas, Calls: 3, Hold: 300 * time.Millisecond})
			RunUAC(t, SIPP{Scenario: tt.uac, Target: uas.Addr, Calls: 3, Hold: 200 * time.Millisecond, Lenient: tt.lenient,
				Password: tt.password, Timeout: 10 * time.Second})
			ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
			defer cancel()
			callee, err := uas.Wait(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if callee.Successful != 3 || callee.Failed != 0 {
				t.Errorf("callee: %d successful, %d failed, want 3 and 0: %s", callee.Successful, callee.Failed, callee.Errors)
			}
		})
	}
}

// TestCallTimes compares the times that both ends log, at 100 calls per second.
func TestCallTimes(t *testing.T) {
	const calls, hold = 100, 300 * time.Millisecond
	uas := StartUAS(t, SIPP{Scenario: "uas_answer.xml"})
	caller := RunUAC(t, SIPP{Scenario: "uac_call.xml", Target: uas.Addr, Calls: calls, Rate: 100, Hold: hold})
	callee, err := uas.Stop()
	if err != nil {
		t.Fatal(err)
	}
	if caller.Successful != calls || len(caller.Calls) != calls || len(callee.Calls) != calls {
		t.Fatalf("%d successful; times of %d calls at the caller and %d at the callee, want %d each",
			caller.Successful, len(caller.Calls), len(callee.Calls), calls)
	}
	for id, c := range caller.Calls {
		if d := c.Duration(); d < hold || d > hold+200*time.Millisecond {
			t.Errorf("%s lasted %v, want %v", id, d, hold)
		}
		if setup := c["answered"].Sub(c["sent"]); setup < 0 || setup > time.Second {
			t.Errorf("%s took %v to set up", id, setup)
		}
		if d := callee.Calls[id].Duration(); (d - c.Duration()).Abs() > 200*time.Millisecond {
			t.Errorf("%s lasted %v for the callee, %v for the caller", id, d, c.Duration())
		}
	}
}

// TestFailuresAreErrors shows that a call that goes wrong is an error that tells why.
func TestFailuresAreErrors(t *testing.T) {
	tests := []struct {
		name, uac, uas, want string
	}{
		{"busy instead of an answer", "uac_call.xml", "uas_busy.xml", "486"},
		{"an answer instead of busy", "uac_busy.xml", "uas_answer.xml", "200"},
		{"503 without a Reason", "uac_refused.xml", "uas_unavailable.xml", "Reason"},
		{"no answer in time", "uac_call.xml", "uas_silent.xml", "0 of 1 calls"},
		{"no such scenario", "uac_none.xml", "uas_answer.xml", "uac_none.xml"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			uas := StartUAS(t, SIPP{Scenario: tt.uas})
			uac := SIPP{Scenario: tt.uac, Target: uas.Addr, Timeout: 2 * time.Second}
			r, err := uac.Run(t.Context(), t.TempDir())
			if err == nil {
				t.Fatalf("no error; result %+v", r)
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %q does not mention %q", err, tt.want)
			}
		})
	}
}
