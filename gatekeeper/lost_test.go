package gatekeeper

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"tollgate/acctstack"
	"tollgate/cdr"
)

// The end of a call that no module has stored is written to the log with its record, and only that.
func TestAnEndThatNobodyStoredIsInTheLog(t *testing.T) {
	rules := []acctstack.Rule{{Name: "RadAcct"}, {Name: "FileAcct"}, {Name: "default", Fixed: true}}
	failed := acctstack.Step{Rule: 0, Result: acctstack.Fail, Err: errors.New("no answer")}
	stored := acctstack.Step{Rule: 1}
	fallback := acctstack.Step{Rule: 2}
	tests := []struct {
		name  string
		kind  acctstack.Kind
		steps []acctstack.Step
		lost  bool
	}{
		{"stored", acctstack.Stop, []acctstack.Step{stored}, false},
		{"stored by another", acctstack.Stop, []acctstack.Step{failed, stored}, false},
		{"by nobody", acctstack.Stop, []acctstack.Step{failed}, true},
		{"accepted by default", acctstack.Stop, []acctstack.Step{failed, fallback}, true},
		{"nobody was asked", acctstack.Stop, []acctstack.Step{fallback}, false},
		{"no end", acctstack.Update, []acctstack.Step{failed}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			core, logs := observer.New(zap.WarnLevel)
			w := newWorld(t, nil)
			w.gk = New(Identity{Name: "gk", Address: netip.MustParseAddr("192.0.2.1")}, w.gk.settings.Load(), Surroundings{Accounting: w, Sink: w}, 1, zap.New(core))
			c := &Call{shard: w.gk.Shards()[0]}
			record := &cdr.Record{SessionID: "5f5e100100000001", User: "alice|", Disconnected: time.Now(), SIPCallID: "a@b",
				Src: []cdr.Alias{{Value: "alice|", Type: cdr.H323ID}}}
			c.judge(&acctstack.Event{Kind: test.kind, Record: record}, &acctstack.Verdict{OK: true, Rules: rules, Kind: test.kind, Steps: test.steps, NoSpool: true})
			entries := logs.FilterMessage("no module stored the end of a call").All()
			if got := len(entries) == 1; got != test.lost {
				t.Fatalf("%d lines in the log", len(entries))
			}
			if test.lost {
				fields := entries[0].ContextMap()
				if line, _ := fields["record"].(string); !strings.HasPrefix(line, "CDR|0|") || !strings.Contains(line, "alice%7C:h323_ID") {
					t.Errorf("the log has %v", fields)
				}
			}
		})
	}
}
