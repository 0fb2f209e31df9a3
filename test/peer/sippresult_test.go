package peer

import (
	"testing"
	"time"
)

// TestEvents reads the log lines of the scenarios as sipp writes them, with a microsecond of 0 and a line that is not complete.
func TestEvents(t *testing.T) {
	calls, err := parseEvents([]byte("1-2@h sent 1795563350.000000 332117.000000\n1-2@h hungup 1795563352.000000 \n" +
		"1-2@h hungup 1795563353.000000 1.000000\n\n1-2@h ended 1795563354.000000 33"))
	if err != nil {
		t.Fatal(err)
	}
	want := Call{"sent": time.Unix(1795563350, 332117000), "hungup": time.Unix(1795563352, 0)}
	got := calls["1-2@h"]
	if len(calls) != 1 || len(got) != len(want) {
		t.Fatalf("%v, want %v", calls, want)
	}
	for name, at := range want {
		if !got[name].Equal(at) {
			t.Errorf("%s at %v, want %v", name, got[name], at)
		}
	}
	if _, err := parseEvents([]byte("1-2@h sent x 1\n")); err == nil {
		t.Error("no error of a line without a time")
	}
}
