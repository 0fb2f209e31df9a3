package acctstack

import (
	"testing"
	"time"

	"tollgate/config"
)

func TestTimes(t *testing.T) {
	key := TimestampKey("Times.")
	if key.Check("%Y %!") == nil || key.Check("") != nil || key.Check("UTC MySQL") != nil {
		t.Error("the key does not check its value")
	}
	env := Env{TimestampFormat: "UTC MySQL"}
	at := time.Date(2026, 3, 5, 14, 30, 15, 0, time.UTC)
	for line, want := range map[string]string{"": "2026-03-05 14:30:15", "TimestampFormat=": "2026-03-05 14:30:15", "TimestampFormat=UTC %H": "14"} {
		file, err := config.Parse("x.ini", []byte("[M]\n"+line))
		if err != nil {
			t.Fatal(err)
		}
		schema := config.Schema{{Name: "M", Doc: "M.", Keys: []config.Key{key}}}
		times, problems := env.Times(schema.Section(file, "M"))
		if len(problems) > 0 {
			t.Fatalf("%q: %v", line, problems)
		}
		if got := string(times.Append(nil, at)); got != want {
			t.Errorf("%q gives %s, not %s", line, got, want)
		}
	}
}
