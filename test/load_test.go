package test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"tollgate/test/peer"
)

// event is one record as every backend of 08-load has it. Records of RADIUS have no Call-ID.
type event struct {
	kind, session, call string
	seconds             int
}

// TestLoad sends a thousand calls through four backends and compares their records with what the caller saw (08-load).
func TestLoad(t *testing.T) {
	const calls, rate = 1000, 100
	p := &play{T: t, folder: "08-load"}
	p.setRADIUS("up")
	p.gk.config.set("SyslogAcct", "Server", "udp:"+p.syslog.Addr())
	callee := peer.StartUAS(t, peer.SIPP{Scenario: "uas_answer.xml"})
	p.gk.routeTo(callee.Addr)
	p.gk.start()
	caller := peer.RunUAC(t, peer.SIPP{Scenario: "uac_varied.xml", Target: p.gk.address(), Calls: calls, Rate: rate, Timeout: 60 * time.Second})
	called, err := callee.Stop()
	if err != nil {
		t.Fatal(err)
	}
	p.gk.stop()
	if caller.Retransmissions != 0 || called.Retransmissions != 0 {
		t.Errorf("the caller has repeated %d messages and the callee %d", caller.Retransmissions, called.Retransmissions)
	}
	if len(caller.Calls) != calls {
		t.Fatalf("the caller knows of %d calls, want %d", len(caller.Calls), calls)
	}
	sql := parseEvents(t, p.records("sql:events"))
	sessions := compare(t, "SQL", caller.Calls, sql, true, nil)
	compare(t, "file", caller.Calls, parseEvents(t, p.records("file")), false, sessions)
	p.syslog.WaitLines(t, 2*calls, "|")
	compare(t, "syslog", caller.Calls, parseEvents(t, unquoted(p.records("syslog"))), true, sessions)
	compare(t, "RADIUS", caller.Calls, radiusEvents(t, p.radius.Records(t), sessions), true, sessions)
}

// compare checks that every call of the caller has one start, if starts are recorded, and one stop of the right duration.
// It gives the Call-ID of each session, and checks them if they are known already.
func compare(t *testing.T, where string, calls map[string]peer.Call, events []event, starts bool, known map[string]string) map[string]string {
	t.Helper()
	sessions, seen := map[string]string{}, map[string]int{}
	for _, e := range events {
		seen[e.kind+e.call]++
		call, ok := calls[e.call]
		if !ok {
			t.Errorf("%s: the %s of session %s belongs to call %q, which nobody made", where, e.kind, e.session, e.call)
			continue
		}
		sessions[e.session] = e.call
		if known != nil && known[e.session] != e.call {
			t.Errorf("%s: session %s is call %q, elsewhere %q", where, e.session, e.call, known[e.session])
		}
		if d := time.Duration(e.seconds)*time.Second - call.Duration(); e.kind == "stop" && (d <= -time.Second || d >= time.Second) {
			t.Errorf("%s: call %s took %d s, for the caller %v", where, e.call, e.seconds, call.Duration())
		}
	}
	for id := range calls {
		if starts && seen["start"+id] != 1 || seen["stop"+id] != 1 {
			t.Errorf("%s: call %s has %d starts and %d stops", where, id, seen["start"+id], seen["stop"+id])
		}
	}
	return sessions
}

// parseEvents reads KIND|SESSION|CALL|SECONDS, with anything in front that ends with a bar.
func parseEvents(t *testing.T, lines []string) []event {
	t.Helper()
	var events []event
	for _, line := range lines {
		fields := strings.Split(strings.Trim(line, "|"), "|")
		if len(fields) < 4 {
			t.Fatalf("a record of another form: %q", line)
		}
		fields = fields[len(fields)-4:]
		seconds, err := strconv.Atoi(fields[3])
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		events = append(events, event{fields[0], fields[1], fields[2], seconds})
	}
	return events
}

func unquoted(lines []string) []string {
	for i := range lines {
		lines[i] = strings.ReplaceAll(lines[i], `"`, "")
	}
	return lines
}

// radiusEvents takes the Call-ID from the session, as the record has none.
func radiusEvents(t *testing.T, records []peer.Record, sessions map[string]string) []event {
	t.Helper()
	var events []event
	ids := map[string]bool{}
	for _, r := range records {
		e := event{kind: strings.ToLower(r.Get("Acct-Status-Type")), session: r.Get("Acct-Session-Id")}
		e.call = sessions[e.session]
		if e.kind == "stop" {
			var err error
			if e.seconds, err = strconv.Atoi(r.Get("Acct-Session-Time")); err != nil {
				t.Fatal(err)
			}
		}
		events = append(events, e)
		ids[eventID(r)] = true
	}
	if ids[""] || len(ids) != len(records) {
		t.Errorf("%d records of RADIUS with %d event ids", len(records), len(ids))
	}
	return events
}
