package sqlacct

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"tollgate/acctstack"
	"tollgate/acctstack/stacktest"
	"tollgate/config"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sqlite3 asks the database with the program of that name, which shares no code with the module's driver.
func sqlite3(t testing.TB, path, query string) string {
	t.Helper()
	cmd := exec.Command("sqlite3", "-bail", "-cmd", ".timeout 5000", path)
	cmd.Stdin = strings.NewReader(query)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("sqlite3: %v: %s", err, out)
	}
	return strings.TrimSpace(string(out))
}

// everyKind stores each kind of event in one table.
func everyKind(path string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Database=%s\nBusyTimeout=50ms\nInitQuery=CREATE TABLE IF NOT EXISTS e (id TEXT PRIMARY KEY)\n", path)
	done := map[string]bool{}
	for _, e := range events {
		if !done[e.key] {
			fmt.Fprintf(&b, "%s=INSERT INTO e VALUES (%%{event-uuid})\n", e.key)
		}
		done[e.key] = true
	}
	return b.String()
}

func TestConformance(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cdr.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	run := func(t *testing.T, query string) {
		if _, err := db.Exec(query); err != nil {
			t.Fatal(err)
		}
	}
	stacktest.Conformance(t, stacktest.Subject{
		Factory: Factory(),
		Config:  everyKind(path),
		Stored: func(t *testing.T, ev *acctstack.Event) (n int) {
			if err := db.QueryRow("SELECT count(*) FROM e WHERE id = ?", ev.ID.String()).Scan(&n); err != nil {
				t.Fatal(err)
			}
			return n
		},
		Break: func(t *testing.T) { run(t, "BEGIN EXCLUSIVE") },
		Mend:  func(t *testing.T) { run(t, "ROLLBACK") },
	})
}

// sample is the section in the comment of etc/sqlite.sql, for another database.
func sample(t testing.TB, path string) (section, schema string) {
	t.Helper()
	b, err := os.ReadFile("../../etc/sqlite.sql")
	if err != nil {
		t.Fatal(err)
	}
	var lines strings.Builder
	for line := range strings.Lines(string(b)) {
		text, indented := strings.CutPrefix(line, "--   ")
		key, _, isKey := strings.Cut(text, "=")
		if indented && isKey && key != "Database" {
			lines.WriteString(text)
		}
	}
	return lines.String() + "Database=" + path, string(b)
}

func TestSample(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cdr.db")
	section, schema := sample(t, path)
	sqlite3(t, path, schema)
	m := stacktest.Open(t, Factory(), section)
	if w := m.(*Module).Warnings(); len(w) > 0 {
		t.Errorf("warnings: %v", w)
	}
	store := func(kind acctstack.Kind, n int) {
		t.Helper()
		if err := m.Store(t.Context(), stacktest.Event(kind, n)); err != nil {
			t.Error(err)
		}
	}
	row := func(query, want string) {
		t.Helper()
		if got := sqlite3(t, path, query); got != want {
			t.Errorf("%s gave\n%s\nwant\n%s", query, got, want)
		}
	}
	store(acctstack.On, 0)
	store(acctstack.Register, 1)
	store(acctstack.Register, 1)
	store(acctstack.Start, 1)
	row("SELECT number, username, caller_port, callee_ip, connect_time IS NULL, duration FROM calls", "1|alice|5062||1|0")
	store(acctstack.Alert, 1)
	store(acctstack.Connect, 1)
	store(acctstack.Update, 1)
	row("SELECT callee_ip, alerting_time, connect_time, disconnect_time IS NULL FROM calls", "192.0.2.20|2026-03-05 14:30:16|2026-03-05 14:30:19|1")
	store(acctstack.Stop, 1)
	const finished = "SELECT session_id, setup_time, disconnect_time, duration, typeof(duration), cause, released_by, dialed FROM calls WHERE number = "
	row(finished+"1", "5f5e100100000001|2026-03-05 14:30:15|2026-03-05 14:31:24|65|integer|16|1|030555")
	store(acctstack.Stop, 2) // its start was lost
	row(finished+"2", "5f5e100100000002|2026-03-05 14:30:15|2026-03-05 14:31:24|65|integer|16|1|030555")
	if err := m.Store(t.Context(), stacktest.Event(acctstack.Stop, 2)); !acctstack.IsPermanent(err) {
		t.Errorf("a second stop: %v", err)
	}
	row("SELECT count(*) FROM calls", "2")
	row("SELECT endpoint_id, ip, port, aliases FROM registrations", "1_endp|192.0.2.10|5062|alice")
	store(acctstack.Unregister, 1)
	row("SELECT count(*) FROM registrations", "0")
	store(acctstack.Off, 0)
	row("SELECT group_concat(what) FROM gatekeeper_log", "on,off")
}

// TestReadme runs a call through the example of README.md, which creates its table itself.
func TestReadme(t *testing.T) {
	b, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := strings.Cut(string(b), "[SQLAcct]\nDatabase=cdr.db\n")
	example, _, _ = strings.Cut(example, "```")
	path := filepath.Join(t.TempDir(), "cdr.db")
	m := stacktest.Open(t, Factory(), "Database="+path+"\n"+example)
	for _, kind := range []acctstack.Kind{acctstack.Start, acctstack.Connect, acctstack.Update, acctstack.Stop} {
		if err := m.Store(t.Context(), stacktest.Event(kind, 1)); err != nil {
			t.Error(err)
		}
	}
	if err := m.Store(t.Context(), stacktest.Event(acctstack.Stop, 2)); err != nil {
		t.Errorf("a stop without its start: %v", err)
	}
	const want = "alice|2026-03-05 14:31:24|65|16\nalice|2026-03-05 14:31:24|65|16"
	if got := sqlite3(t, path, "SELECT username, disconnect_time, duration, cause FROM calls"); got != want {
		t.Errorf("got %s", got)
	}
}

// TestOnceOnly hands an event over twice, to two instances on one database.
func TestOnceOnly(t *testing.T) {
	for _, test := range []struct {
		config, rows, tables string
	}{
		{"", "2", "1"},
		{"OnceOnly=1\nOnceOnlyKeep=1h", "2", "1"},
		{"OnceOnly=0", "4", "0"},
	} {
		path := filepath.Join(t.TempDir(), "cdr.db")
		lines := "Database=" + path + "\nInitQuery=CREATE TABLE IF NOT EXISTS e (id)\nStopQuery=INSERT INTO e VALUES (%{event-uuid})\n" + test.config
		ev := stacktest.Event(acctstack.Stop, 1)
		f := Factory()
		for _, instance := range []string{"SQLAcct", "SQLAcct:b"} {
			env := stacktest.Env(t, f)
			env.Instance, env.Enabled = instance, acctstack.KindsOf(acctstack.Stop)
			m, err := newModule(env, stacktest.Section(t, f, lines))
			if err == nil {
				err = m.Start()
			}
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if err := m.Store(t.Context(), ev); err != nil {
					t.Error(err)
				}
			}
			if err := m.Close(); err != nil {
				t.Error(err)
			}
		}
		if got := sqlite3(t, path, "SELECT count(*) FROM e"); got != test.rows {
			t.Errorf("%q: %s rows, want %s", test.config, got, test.rows)
		}
		if got := sqlite3(t, path, "SELECT count(*) FROM sqlite_schema WHERE name = 'tollgate_events'"); got != test.tables {
			t.Errorf("%q: %s tables of ours", test.config, got)
		}
	}
}

func TestForgedCaller(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cdr.db")
	section, schema := sample(t, path)
	sqlite3(t, path, schema)
	m := stacktest.Open(t, Factory(), section)
	ev := stacktest.Event(acctstack.Start, 1)
	ev.Record.User = `x'); DROP TABLE calls; -- "\ ` + "\r\n%{d}"
	if err := m.Store(t.Context(), ev); err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("%X|4930111", ev.Record.User)
	if got := sqlite3(t, path, "SELECT hex(username), calling FROM calls"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestSection(t *testing.T) {
	const all = "Database=cdr.db\nStartQuery=SELECT 1\nUpdateQuery=SELECT 1\nStopQuery=SELECT 1\nAlertQuery=SELECT 1\n" +
		"RegisterQuery=SELECT 1\nUnregisterQuery=SELECT 1\nOnQuery=SELECT 1\nOffQuery=SELECT 1\n"
	calls := acctstack.KindsOf(acctstack.Start, acctstack.Stop)
	tests := []struct {
		name, config      string
		enabled           acctstack.Kinds
		problems, warning []string // parts, each in its own
	}{
		{"complete", all, supports(), nil, nil},
		{"nothing", "", supports(), []string{"Database is empty", "StartQuery is empty", "UpdateQuery is empty, but connect", "UpdateQuery is empty, but update", "StopQuery is empty"}, nil},
		{"only what is enabled", "Database=a\nStartQuery=SELECT 1\nStopQuery=SELECT 1", calls, nil, nil},
		{"a query that may be missing", "Database=a\nStartQuery=SELECT 1\nStopQuery=SELECT 1", calls | acctstack.KindsOf(acctstack.On), nil, []string{"each on event fails"}},
		{"each mistake", "Database=a\nStartQuery=SELECT ?, '%{ConfID}'\nStartQueryAlt=SELECT 1 FROM %u\nStopQuery=SELECT 1;SELECT 2", calls,
			[]string{"StartQuery: a ? of your own", "StartQuery: %{ConfID} is no placeholder here; did you mean %{ConfId}?", "StartQueryAlt: %u after FROM", "StopQuery: a second"}, nil},
		{"a mistake is told once", "Database=a\nUpdateQuery=SELECT ?", acctstack.KindsOf(acctstack.Connect, acctstack.Update), []string{"UpdateQuery: a ?"}, nil},
		{"scope", "Database=a\nOnQuery=SELECT %u", acctstack.KindsOf(acctstack.On), []string{"OnQuery: %u is no placeholder"}, nil},
		{"once only, too short", "Database=a\nOnQuery=SELECT 1\nOnceOnlyKeep=59m", acctstack.KindsOf(acctstack.On), []string{"OnceOnlyKeep: 59m0s is too short"}, nil},
		{"once only, for ever", "Database=a\nOnQuery=SELECT 1\nOnceOnlyKeep=0", acctstack.KindsOf(acctstack.On), nil, nil},
		{"strftime", "Database=a\nOnQuery=SELECT strftime('%Y')", acctstack.KindsOf(acctstack.On), nil, []string{"write %%Y"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := Factory()
			env := stacktest.Env(t, f)
			env.Enabled = test.enabled
			m, err := newModule(env, stacktest.Section(t, f, test.config))
			problems, _ := err.(config.Problems)
			compare(t, "problems", problems, test.problems)
			if err == nil {
				compare(t, "warnings", m.Warnings(), test.warning)
			}
		})
	}
}

func compare(t *testing.T, what string, got config.Problems, want []string) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%d %s, want %d:\n%v", len(got), what, len(want), got)
		return
	}
	for i, part := range want {
		if !strings.Contains(got[i].Text, part) {
			t.Errorf("%s: %q lacks %q", what, got[i].Text, part)
		}
	}
}

func TestDriver(t *testing.T) {
	for raw, reason := range map[string]string{"SQLite": "", "sqlite": "", "PostgreSQL": "not built in yet", "redis": "not built in yet", "SQLight": "unknown", "": "unknown"} {
		err := checkDriver(raw)
		if (err == nil) != (reason == "") || err != nil && !strings.Contains(err.Error(), reason) {
			t.Errorf("Driver=%s: %v", raw, err)
		}
	}
}

func TestPathIsRelativeToStateDir(t *testing.T) {
	f := Factory()
	env := stacktest.Env(t, f)
	m, err := f.New(env, stacktest.Section(t, f, everyKind("cdr.db")))
	if err != nil {
		t.Fatal(err)
	}
	if err := m.(*Module).Start(); err != nil {
		t.Fatal(err)
	}
	if err := m.(*Module).Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(env.StateDir, "cdr.db")); err != nil {
		t.Error(err)
	}
}

func TestStartFails(t *testing.T) {
	dir := t.TempDir()
	for name, test := range map[string]struct{ config, reason string }{
		"no folder": {everyKind(filepath.Join(dir, "missing", "cdr.db")), filepath.Join(dir, "missing")},
		"no table":  {strings.Replace(everyKind(filepath.Join(dir, "cdr.db")), "EXISTS e ", "EXISTS other ", 1), "no such table"},
	} {
		f := Factory()
		m, err := f.New(stacktest.Env(t, f), stacktest.Section(t, f, test.config))
		if err != nil {
			t.Fatal(err)
		}
		err = m.(*Module).Start()
		if err == nil || !strings.HasPrefix(err.Error(), "sqlacct: ") || !strings.Contains(err.Error(), test.reason) {
			t.Errorf("%s: %v", name, err)
		}
		if err := m.(*Module).Close(); err != nil {
			t.Errorf("closing what did not start: %v", err)
		}
	}
}

func TestEventWithoutQuery(t *testing.T) {
	f := Factory()
	env := stacktest.Env(t, f)
	env.Enabled = acctstack.KindsOf(acctstack.Alert)
	m, err := f.New(env, stacktest.Section(t, f, "Database=a"))
	if err != nil {
		t.Fatal(err)
	}
	err = m.Store(context.Background(), stacktest.Event(acctstack.Alert, 1))
	if !acctstack.IsPermanent(err) || !strings.HasPrefix(err.Error(), "sqlacct: storing alert of call 5f5e100100000001: ") {
		t.Errorf("got %v", err)
	}
}

// BenchmarkCall stores the start, alert, connect and stop of a call with the sample's queries.
func BenchmarkCall(b *testing.B) {
	for _, sync := range []string{"always", "none", "always\nOnceOnly=0", "none\nOnceOnly=0"} {
		b.Run(strings.ReplaceAll(sync, "\n", ","), func(b *testing.B) {
			path := filepath.Join(b.TempDir(), "cdr.db")
			section, schema := sample(b, path)
			sqlite3(b, path, schema)
			m := stacktest.Open(b, Factory(), section+"\nSync="+sync)
			kinds := []acctstack.Kind{acctstack.Start, acctstack.Alert, acctstack.Connect, acctstack.Stop}
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				n++
				for _, kind := range kinds {
					if err := m.Store(b.Context(), stacktest.Event(kind, n)); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
