package limits

import (
	"strings"
	"testing"
	"time"

	"tollgate/config"
)

func parse(t *testing.T, text string) (*Settings, error) {
	t.Helper()
	schema := config.Schema{{Name: "Limits", Keys: Keys()}}
	file, err := config.Parse("test.ini", []byte("[Limits]\n"+text+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	section := schema.Section(file, "Limits")
	settings, err := Parse(section)
	if mistakes := section.Undeclared(); len(mistakes) > 0 {
		t.Errorf("undeclared: %v", mistakes)
	}
	if problems := schema.Check(file, true).Err(); (problems != nil) != (err != nil) {
		t.Errorf("Check says %v, Parse %v", problems, err)
	}
	return settings, err
}

func TestParse(t *testing.T) {
	tests := []struct {
		name, text string
		want       Settings
	}{
		{"nothing", "", Settings{Total: Limit{Calls: 200000}, RetryAfter: 10 * time.Second}},
		{"no limits", "MaxCalls=0\nRetryAfter=0", Settings{}},
		{"everything", "MaxCalls=1\nMaxCallsPerSource=2\nMaxCallsPerUser=3\nCallRate=40\nCallRatePerSource= 30 / M\nCallRatePerUser=100/h\nRetryAfter=1m",
			Settings{Total: Limit{1, Rate{40, time.Second}}, Source: Limit{2, Rate{30, time.Minute}}, User: Limit{3, Rate{100, time.Hour}}, RetryAfter: time.Minute}},
		{"a second", "MaxCalls=0\nRetryAfter=0\nCallRate=5/s\nCallRatePerUser=0/h", Settings{Total: Limit{Rate: Rate{5, time.Second}}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got, err := parse(t, test.text); err != nil || *got != test.want {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	for _, raw := range []string{"", "x", "-1", "1.5", "1/", "/s", "1/d", "1/s/s", "1000001", "99999999999999999999", "+1"} {
		_, err := parse(t, "MaxCalls=1\nCallRatePerUser="+raw)
		if err == nil || !strings.HasPrefix(err.Error(), `test.ini:3: key "CallRatePerUser" in [Limits]: `) {
			t.Errorf("%q: %v", raw, err)
		}
	}
}

func TestKeys(t *testing.T) {
	if err := (config.Schema{{Name: "Limits", Doc: "Limits.", Keys: Keys()}}).Verify(); err != nil {
		t.Error(err)
	}
}
