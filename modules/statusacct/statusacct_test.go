package statusacct

import (
	"strings"
	"sync"
	"testing"

	"tollgate/acctstack"
	"tollgate/acctstack/stacktest"
	"tollgate/cdr"
)

// screen is a status client that keeps what it saw.
type screen struct {
	mu     sync.Mutex
	lines  []string
	levels map[int]bool
}

func (s *screen) Broadcast(level int, line []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, string(line))
	if s.levels == nil {
		s.levels = make(map[int]bool)
	}
	s.levels[level] = true
}

func (s *screen) count(part string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, line := range s.lines {
		if strings.Contains(line, part) {
			n++
		}
	}
	return n
}

func TestConformance(t *testing.T) {
	var s screen
	var config strings.Builder
	for _, e := range events {
		config.WriteString(e.key + "=" + e.kind.String() + " %{event-uuid}\n")
	}
	stacktest.Conformance(t, stacktest.Subject{
		Factory: Factory(&s),
		Config:  config.String(),
		Stored:  func(_ *testing.T, ev *acctstack.Event) int { return s.count(ev.ID.String()) },
	})
}

func TestLines(t *testing.T) {
	id := strings.ReplaceAll(cdr.CallIDOf("call-5@192.0.2.10").String(), " ", "-")
	parties := "|192.0.2.10:5062|192.0.2.20:5060|" + id
	tests := []struct {
		name   string
		config string
		kind   acctstack.Kind
		want   []string
	}{
		{"start", "", acctstack.Start, []string{"CALL|Start" + parties}},
		{"alert", "", acctstack.Alert, []string{"CALL|Alert" + parties}},
		{"connect", "", acctstack.Connect, []string{"CALL|Connect" + parties}},
		{"update", "", acctstack.Update, []string{"CALL|Update" + parties}},
		{"stop", "", acctstack.Stop, []string{"CALL|Stop" + parties}},
		{"reject", "", acctstack.Reject, []string{"CALL|Reject" + parties}},
		{"mediafail", "", acctstack.MediaFail, []string{"CALL|MediaFail" + parties}},
		{"register", "", acctstack.Register, []string{"EP|Register|192.0.2.10:5062|alice"}},
		{"unregister", "", acctstack.Unregister, []string{"EP|Unregister|192.0.2.10:5062|alice"}},
		{"own text and time", "StopEvent=%d %{connect-time}\nTimestampFormat=UTC MySQL", acctstack.Stop, []string{"65 2026-03-05 14:30:19"}},
		{"no text, no line", "StopEvent=", acctstack.Stop, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var s screen
			m := stacktest.Open(t, Factory(&s), test.config)
			if err := m.Store(t.Context(), stacktest.Event(test.kind, 5)); err != nil {
				t.Fatal(err)
			}
			if strings.Join(s.lines, "\n") != strings.Join(test.want, "\n") {
				t.Errorf("got %q, want %q", s.lines, test.want)
			}
			if len(test.want) > 0 && !s.levels[1] {
				t.Errorf("levels %v, want 1", s.levels)
			}
		})
	}
}

func TestForgedValues(t *testing.T) {
	ev := stacktest.Event(acctstack.Start, 5)
	ev.Record.CalledStation = "1\r\nCALL|Stop;\x00%"
	for config, want := range map[string]string{
		"StartEvent=%{Called-Station-Id}|end":           "1%0D%0ACALL%7CStop%3B%00%25|end",
		"StartEvent=%{Called-Station-Id}|end\nEscape=0": "1\r\nCALL|Stop;\x00%|end",
	} {
		var s screen
		if err := stacktest.Open(t, Factory(&s), config).Store(t.Context(), ev); err != nil {
			t.Fatal(err)
		}
		if s.lines[0] != want {
			t.Errorf("got %q, want %q", s.lines[0], want)
		}
	}
}

func TestWarnings(t *testing.T) {
	f := Factory(new(screen))
	m, err := f.New(stacktest.Env(t, f), stacktest.Section(t, f, "StartEvent=%{aliases}\nRegisterEvent=%{aliases} %{CallId}"))
	if err != nil {
		t.Fatal(err)
	}
	warnings := m.(*Module).Warnings()
	if len(warnings) != 2 || !strings.Contains(warnings[0].Text, "%{aliases}") || !strings.Contains(warnings[1].Text, "%{CallId}") {
		t.Errorf("got %q", warnings)
	}
	if err := warnings.Err(); err != nil {
		t.Errorf("a warning is an error: %v", err)
	}
}

type discard struct{}

func (discard) Broadcast(int, []byte) {}

func BenchmarkStore(b *testing.B) {
	m := stacktest.Open(b, Factory(discard{}), "")
	ev := stacktest.Event(acctstack.Stop, 1)
	b.ReportAllocs()
	for b.Loop() {
		if err := m.Store(b.Context(), ev); err != nil {
			b.Fatal(err)
		}
	}
}
