package journal

import (
	"strings"
	"testing"
	"time"

	"tollgate/config"
)

func schema() config.Schema {
	return config.Schema{{Name: "Journal", Doc: "The journal.", Keys: Keys()}}
}

// TestSettings reads sections.
func TestSettings(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       Settings
	}{
		{"defaults", "", Settings{Sync: config.Sync{Always: true}, LedgerKeep: 48 * time.Hour, SegmentSize: 8 << 20, DeliveryRate: 1000}},
		{"all", "Sync=interval:200ms\nWhenFull=Keep-Calls\nLedgerKeep=10m\nSegmentSize=65537\nDeliveryRate=0\n",
			Settings{Sync: config.Sync{Every: 200 * time.Millisecond}, WhenFull: KeepCalls, LedgerKeep: 10 * time.Minute, SegmentSize: 65544}},
		{"none", "Sync=none\nLedgerKeep=0\n", Settings{SegmentSize: 8 << 20, DeliveryRate: 1000}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := parsed(t, c.text)
			if err != nil || got != c.want {
				t.Errorf("got %+v, %v\nwant %+v", got, err, c.want)
			}
		})
	}
}

func parsed(t *testing.T, text string) (Settings, error) {
	t.Helper()
	file, err := config.Parse("t.ini", []byte("[Journal]\n"+text))
	if err != nil {
		return Settings{}, err
	}
	if err := schema().Check(file, true).Err(); err != nil {
		return Settings{}, err
	}
	section := schema().Section(file, "Journal")
	s, err := ParseSettings(section)
	if bad := section.Undeclared(); len(bad) > 0 {
		t.Errorf("undeclared: %q", bad)
	}
	return s, err
}

// TestBadSettings: each mistake is refused with the key's name.
func TestBadSettings(t *testing.T) {
	if err := schema().Verify(); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"Sync=interval", "Sync=sometimes", "WhenFull=drop", "LedgerKeep=-1", "SegmentSize=65535",
		"SegmentSize=1073741825", "DeliveryRate=-1"} {
		key, _, _ := strings.Cut(text, "=")
		if s, err := parsed(t, text+"\n"); err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("%s: %+v, %v", text, s, err)
		}
	}
}
