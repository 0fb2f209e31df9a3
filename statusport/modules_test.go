package statusport

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"tollgate/acctstack"
	"tollgate/cdr"
)

type statuses []acctstack.Status

func (s statuses) Statuses() []acctstack.Status { return s }

type keptEvents []acctstack.Kept

func (k keptEvents) Kept() []acctstack.Kept { return k }

var _ acctstack.Watcher = (*Server)(nil)

func TestModules(t *testing.T) {
	since := time.Date(2026, 11, 24, 1, 2, 3, 0, time.UTC)
	s := start(t, &gatekeeperDouble{}, func(s *Server, _ *Settings) {
		s.opts.Modules = statuses{
			{Counters: acctstack.Counters{Instance: "FileAcct", Stored: 7}},
			{Counters: acctstack.Counters{Instance: "RadAcct:backup", Stored: 5, Failed: 9}, State: acctstack.Down, Since: since,
				Reason: "radacct:backup: a|b;c\r\n100%", Backlog: 3, Oldest: time.Now().Add(-time.Hour), Quarantined: 2},
		}
	})
	u := connect(t, s)
	u.send("modules\r\n")
	u.expect("Modules", "MOD|FileAcct|up| |0|0|0|7|0|")
	const before, after = "MOD|RadAcct:backup|down|Tue, 24 Nov 2026 01:02:03 GMT|3|36", "|2|5|9|radacct:backup: a%7Cb%3Bc%0D%0A100%25"
	if got := u.line(); !strings.HasPrefix(got, before) || !strings.HasSuffix(got, after) {
		t.Errorf("got %q, want %s..%s", got, before, after)
	}
	u.expect("Number of Modules: 2", ";")
}

func TestSpool(t *testing.T) {
	at := time.Date(2026, 11, 24, 1, 2, 3, 0, time.UTC)
	var kept keptEvents
	for i := range 12 {
		kept = append(kept, acctstack.Kept{ID: cdr.UUID{15: byte(i)}, Kind: acctstack.Stop, Time: at, Instance: "RadAcct"})
	}
	kept[1].Instance, kept[1].Reason = "SQLAcct", "no|such\x1b column"
	s := start(t, &gatekeeperDouble{}, func(s *Server, _ *Settings) { s.opts.Spool = kept })
	u := connect(t, s)
	totals := []string{"SPL|RadAcct|11|0", "SPL|SQLAcct|0|1", "Number of Kept Events: 12", ";"}
	line := func(i int) string {
		if i == 1 {
			return "KEPT|00000000-0000-0000-0000-000000000001|stop|Tue, 24 Nov 2026 01:02:03 GMT|SQLAcct|no%7Csuch%1B column"
		}
		return fmt.Sprintf("KEPT|00000000-0000-0000-0000-0000000000%02x|stop|Tue, 24 Nov 2026 01:02:03 GMT|RadAcct|", i)
	}
	for command, shown := range map[string]int{"spool": 10, "sp 2": 2, "SPOOL 0": 0, "spo 1000": 12} {
		u.send(command + "\r\n")
		u.expect("Spool")
		for i := range shown {
			u.expect(line(i))
		}
		u.expect(totals...)
	}
	for _, command := range []string{"spool -1", "spool 1001", "spool x", "spool 1 2"} {
		u.send(command + "\r\n")
		u.expect("Syntax Error: Spool [NUMBER up to 1000]")
	}
}

func TestWithoutModulesAndSpool(t *testing.T) {
	u := connect(t, start(t, &gatekeeperDouble{}, nil))
	u.send("mod\r\nsp\r\n")
	u.expect("Modules", "Number of Modules: 0", ";", "Spool", "Number of Kept Events: 0", ";")
}

func TestChangesOfStateAreEvents(t *testing.T) {
	s := start(t, &gatekeeperDouble{}, nil)
	all, some := connect(t, s), connect(t, s)
	some.send("trace 1\r\n")
	some.expect("Output trace level is 1")
	status := acctstack.Status{Counters: acctstack.Counters{Instance: "RadAcct"}, State: acctstack.Down, Reason: "no answer\nCDR|1;%"}
	s.StateChanged(status, acctstack.Up)
	s.StateChanged(acctstack.Status{Counters: status.Counters, State: acctstack.Draining}, acctstack.Down)
	s.Broadcast(0, []byte("end"))
	all.expect("Module|RadAcct|up|down|no answer%0ACDR%7C1%3B%25;", "Module|RadAcct|down|draining|;", "end")
	some.expect("end")
}
