package config

import (
	"testing"
	"time"
)

func TestParseSync(t *testing.T) {
	for _, bad := range []string{"", "often", "interval", "interval:", "interval:0", "interval:-1s", "interval:2h", "always:1s", "none:1"} {
		if _, err := ParseSync(bad); err == nil {
			t.Errorf("Sync=%s was accepted", bad)
		}
	}
	good := map[string]Sync{
		"always": {Always: true}, "NONE": {}, "interval:2": {Every: 2 * time.Second},
		"interval: 250ms": {Every: 250 * time.Millisecond}, "Interval:1m": {Every: time.Minute},
	}
	for text, want := range good {
		if got, err := ParseSync(text); err != nil || got != want {
			t.Errorf("Sync=%s gave %+v, %v", text, got, err)
		}
	}
}
