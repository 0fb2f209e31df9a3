package fileacct

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"tollgate/acctstack"
	"tollgate/acctstack/stacktest"
	"tollgate/cdr"
	"tollgate/config"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// attentive is the factory of modules that look at each event whether the file was renamed.
func attentive() acctstack.Factory {
	f := Factory()
	f.New = func(env acctstack.Env, sec *config.Section) (acctstack.Module, error) {
		m, err := newModule(env, sec)
		if err == nil {
			m.(*Module).out.recheck = 0
		}
		return m, err
	}
	return f
}

// withNotes is the factory of modules that have these notes.
func withNotes(f acctstack.Factory, notes acctstack.Notes) acctstack.Factory {
	build := f.New
	f.New = func(env acctstack.Env, sec *config.Section) (acctstack.Module, error) {
		env.Notes = notes
		return build(env, sec)
	}
	return f
}

func TestConformance(t *testing.T) {
	for _, sync := range []string{"always", "interval:10ms", "none"} {
		t.Run(sync, func(t *testing.T) { conformance(t, sync, nil) })
		t.Run(sync+" with notes", func(t *testing.T) { conformance(t, sync, new(memory)) })
	}
}

func conformance(t *testing.T, sync string, notes acctstack.Notes) {
	dir := filepath.Join(t.TempDir(), "cdr")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	stacktest.Conformance(t, stacktest.Subject{
		Factory: withNotes(attentive(), notes),
		Config:  "DetailFile=" + filepath.Join(dir, "cdr.log") + "\nCDRString=%s|%{event-uuid}|%u\nSync=" + sync,
		Stored: func(t *testing.T, ev *acctstack.Event) int {
			return strings.Count(read(t, filepath.Join(dir, "cdr.log")), ev.ID.String())
		},
		Break: func(t *testing.T) { rename(t, dir, dir+".away") },
		Mend:  func(t *testing.T) { rename(t, dir+".away", dir) },
	})
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestLines(t *testing.T) {
	ev := stacktest.Event(acctstack.Stop, 7)
	record := *ev.Record
	record.Dest = append(record.Dest[:0:0], record.Dest...)
	record.Dest[0].Value = "49|30\r\n5;5"
	forged := *ev
	forged.Record = &record
	id := ev.Record.CallID.String()
	tail := "|65|%s|192.0.2.10:5062| |192.0.2.20:5060| |4930555:dialedDigits|alice:h323_ID|tollgate-test;\n"
	tests := []struct {
		name, config string
		event        *acctstack.Event
		want         string
	}{
		{"standard line with RFC822 times", "TimestampFormat=UTC RFC822", ev,
			"CDR|7|" + id + strings.Replace(tail, "%s", "Thu, 05 Mar 2026 14:30:19 GMT|Thu, 05 Mar 2026 14:31:24 GMT", 1)},
		{"standard line wins over CDRString", "StandardCDRFormat=1\nCDRString=%s\nTimestampFormat=UTC MySQL", ev,
			"CDR|7|" + id + strings.Replace(tail, "%s", "2026-03-05 14:30:19|2026-03-05 14:31:24", 1)},
		{"CDRString", "CDRString=%s|%d|%c|100%%", ev, "5f5e100100000007|65|16|100%\n"},
		{"CDRString with a global time", "CDRString=%{connect-time}", ev, ev.Record.Connected.Local().Format("15:04:05.000 MST Mon Jan 02 2006") + "\n"},
		{"unknown placeholder stays", "CDRString=%{nothing}|%d", ev, "%{nothing}|65\n"},
		{"a forged line stays one line", "CDRString=%{dest-info}|%d", &forged, "49%7C30%0D%0A5%3B5:dialedDigits|65\n"},
		{"GnuGk's raw form", "CDRString=%{dest-info}|%d\nEscape=0", &forged, "49|30\r\n5;5:dialedDigits|65\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "cdr.log")
			m := stacktest.Open(t, Factory(), "DetailFile="+path+"\n"+test.config)
			if err := m.Store(t.Context(), test.event); err != nil {
				t.Fatal(err)
			}
			if got := read(t, path); got != test.want {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
		})
	}
}

func TestSection(t *testing.T) {
	const file = "DetailFile=/nonexistent/cdr.log\n"
	tests := []struct {
		name, config string
		problem      string // part of an error, "" for none
		warning      string // part of a warning, "" for none
	}{
		{"the smallest", file, "", ""},
		{"no file", "", "DetailFile is empty", ""},
		{"CDRString is empty", file + "StandardCDRFormat=0", "needs a CDRString", ""},
		{"CDRString has no effect", file + "StandardCDRFormat=1\nCDRString=%s", "", "no effect"},
		{"unknown placeholder", file + "CDRString=%{ConfID}|%s", "", "%{ConfID}"},
		{"placeholder of another event", file + "CDRString=%{endpoint-ip}", "", "%{endpoint-ip}"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := Factory()
			m, err := f.New(stacktest.Env(t, f), stacktest.Section(t, f, test.config))
			switch {
			case test.problem == "" && err != nil:
				t.Fatal(err)
			case test.problem != "" && (err == nil || !strings.Contains(err.Error(), test.problem)):
				t.Fatalf("got error %v, not one with %q", err, test.problem)
			case err != nil:
				return
			}
			warnings := m.(*Module).Warnings()
			if got := warnings.Error(); len(warnings) == 0 != (test.warning == "") || !strings.Contains(got, test.warning) {
				t.Errorf("got the warnings %q, not one with %q", got, test.warning)
			}
			if err := warnings.Err(); err != nil {
				t.Errorf("a warning is an error: %v", err)
			}
		})
	}
}

func TestStartWithoutFolder(t *testing.T) {
	f := Factory()
	path := filepath.Join(t.TempDir(), "missing", "cdr.log")
	m, err := f.New(stacktest.Env(t, f), stacktest.Section(t, f, "DetailFile="+path))
	if err != nil {
		t.Fatal(err)
	}
	if err := m.(*Module).Start(); err == nil || !strings.HasPrefix(err.Error(), "fileacct: ") || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v", err)
	}
}

func TestModeOfNewFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cdr.log")
	stacktest.Open(t, Factory(), "DetailFile="+path)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

// BenchmarkStore is the module alone, and with notes that cost nothing.
func BenchmarkStore(b *testing.B) {
	for _, sync := range []string{"none", "interval:1s", "always"} {
		for _, notes := range []acctstack.Notes{nil, blank{}} {
			b.Run(fmt.Sprintf("%s/notes=%v", sync, notes != nil), func(b *testing.B) {
				benchmarkStore(b, sync, notes)
			})
		}
	}
}

// blank are notes that nobody keeps.
type blank struct{}

func (blank) Note(cdr.UUID, []byte) error { return nil }
func (blank) Noted(cdr.UUID) []byte       { return nil }

func benchmarkStore(b *testing.B, sync string, notes acctstack.Notes) {
	path := filepath.Join(b.TempDir(), "cdr.log")
	m := stacktest.Open(b, withNotes(Factory(), notes), "DetailFile="+path+"\nSync="+sync)
	ev := stacktest.Event(acctstack.Stop, 1)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := m.Store(b.Context(), ev); err != nil {
				b.Error(err)
			}
		}
	})
	b.StopTimer()
	if lines, err := os.ReadFile(path); err != nil || bytes.Count(lines, []byte("\n")) != b.N {
		b.Errorf("%d lines for %d events, %v", bytes.Count(lines, []byte("\n")), b.N, err)
	}
}
