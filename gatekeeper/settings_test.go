package gatekeeper

import (
	"strings"
	"testing"
	"time"

	"tollgate/acctstack"
	"tollgate/config"
)

func parseSettings(t *testing.T, table, acct string) (*Settings, error) {
	t.Helper()
	schema := config.Schema{{Name: "CallTable", Keys: CallTableKeys()}, {Name: "Gatekeeper::Acct", Keys: []config.Key{{Name: "Teardown", Kind: config.String}}}}
	file, err := config.Parse("test.ini", []byte("[CallTable]\n"+table+"\n[Gatekeeper::Acct]\n"+acct+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	return ParseSettings(schema.Section(file, "CallTable"), schema.Section(file, "Gatekeeper::Acct"))
}

func TestParseSettings(t *testing.T) {
	s, err := parseSettings(t, "", "")
	if err != nil {
		t.Fatal(err)
	}
	if s.SignalTimeout != 30*time.Second || s.AlertingTimeout != 180*time.Second || s.DurationLimit != 0 || s.UpdateInterval != 0 || s.MaxPending != 10000 ||
		!s.NeighbourCDR || s.UnconnectedCDR || s.Teardown != 0 || s.CDRTimes == nil {
		t.Errorf("defaults %+v", s)
	}
	s, err = parseSettings(t, "SignalTimeout=9\nAcctUpdateInterval=3\nDefaultCallDurationLimit=60\nGenerateNBCDR=0\nGenerateUCCDR=1", "Teardown=connect, update")
	if err != nil {
		t.Fatal(err)
	}
	if s.SignalTimeout != 9*time.Second || s.DurationLimit != time.Minute || s.NeighbourCDR || !s.UnconnectedCDR || s.Teardown != acctstack.KindsOf(acctstack.Connect, acctstack.Update) {
		t.Errorf("read as %+v", s)
	}
	if s.UpdateInterval != 10*time.Second {
		t.Errorf("an interval of 3 s is %s", s.UpdateInterval)
	}
	if _, err := parseSettings(t, "TimestampFormat=%Q", ""); err == nil {
		t.Error("a wrong time format is taken")
	}
	if _, err := parseSettings(t, "", "Teardown=start"); err == nil {
		t.Error("a start is no reason to tear down")
	}
}

func TestParseOnShutdown(t *testing.T) {
	for raw, want := range map[string]time.Duration{"disconnect": 0, " Disconnect ": 0, "drain:60": time.Minute, "DRAIN: 0": 0} {
		if got, err := ParseOnShutdown(raw); err != nil || got.Wait != want {
			t.Errorf("%q: %v %v", raw, got, err)
		}
	}
	if got, err := ParseOnShutdown("Keep"); err != nil || !got.Keep {
		t.Errorf("keep: %v %v", got, err)
	}
	for raw, want := range map[string]string{
		"": "none of", "keep:5": "none of", "drain": "needs a time", "drain:": "needs a time", "drain:-1": "needs a time", "drain:1s": "needs a time", "drain:99999999999": "needs a time", "disconnect:5": "none of", "stop": "none of",
	} {
		if got, err := ParseOnShutdown(raw); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v %v", raw, got, err)
		}
	}
}
