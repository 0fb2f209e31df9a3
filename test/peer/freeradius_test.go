package peer

import (
	"context"
	"errors"
	"net"
	"slices"
	"syscall"
	"testing"
	"time"

	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"
)

// account sends one record with layeh's own client, an implementation that this project does not depend on elsewhere.
func account(t *testing.T, r *FreeRADIUS, session string, limit time.Duration) error {
	t.Helper()
	p := radius.New(radius.CodeAccountingRequest, []byte(r.Secret))
	rfc2866.AcctStatusType_Set(p, rfc2866.AcctStatusType_Value_Start)
	if err := errors.Join(rfc2866.AcctSessionID_SetString(p, session), rfc2865.UserName_SetString(p, `a "quoted" \ user`)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	_, err := radius.Exchange(ctx, p, r.Address())
	return err
}

func TestFreeRADIUS(t *testing.T) {
	r := StartFreeRADIUS(t)
	if err := account(t, r, "one", 5*time.Second); err != nil {
		t.Fatalf("a running server: %v", err)
	}
	r.Stop()
	if err := account(t, r, "two", 5*time.Second); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Fatalf("a stopped server: %v", err)
	}
	r.Restart()
	r.Pause()
	var timeout net.Error
	if err := account(t, r, "three", 100*time.Millisecond); !errors.As(err, &timeout) && !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("a paused server: %v", err)
	}
	r.Resume()
	if err := account(t, r, "four", 5*time.Second); err != nil {
		t.Fatalf("a resumed server: %v", err)
	}
	// The server has threads: the last answer may come before an earlier request is in the file.
	for deadline := time.Now().Add(5 * time.Second); len(r.Records(t)) < 3 && time.Now().Before(deadline); {
		time.Sleep(20 * time.Millisecond)
	}
	var sessions []string
	for _, record := range r.Records(t) {
		sessions = append(sessions, record.Get("Acct-Session-Id"))
		if user := record.Get("User-Name"); user != `a "quoted" \ user` {
			t.Errorf("User-Name is %q", user)
		}
		if status := record.Get("Acct-Status-Type"); status != "Start" {
			t.Errorf("Acct-Status-Type is %q", status)
		}
	}
	for _, session := range []string{"one", "three", "four"} {
		if !slices.Contains(sessions, session) {
			t.Errorf("session %q was not stored: %q", session, sessions)
		}
	}
	if slices.Contains(sessions, "two") {
		t.Error("the stopped server has stored a record")
	}
}

func TestParseDetailLeavesOutAnIncompleteRecord(t *testing.T) {
	records := ParseDetail("Mon\n\tA = \"x\"\n\tA = 2\n\tTimestamp = 5\n\nTue\n\tA = \"y\"\n")
	if len(records) != 1 || !slices.Equal(records[0]["A"], []string{"x", "2"}) {
		t.Errorf("%v", records)
	}
}
