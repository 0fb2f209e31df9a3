package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"tollgate/acctstack"
	"tollgate/acctstack/stacktest"
	"tollgate/cdr"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const schema = "CREATE TABLE IF NOT EXISTS c (id INTEGER PRIMARY KEY, s TEXT, u TEXT, n INT, UNIQUE(s)); CREATE INDEX IF NOT EXISTS cs ON c(s)"

func parse(t testing.TB, text string) *Query {
	t.Helper()
	q, err := Parse(text, cdr.CallScope, timeFormat(t))
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func settings(t testing.TB) SQLite {
	return SQLite{Path: filepath.Join(t.TempDir(), "a ?#%41.db"), Init: schema, Sync: true, Busy: 5 * time.Second}
}

func open(t testing.TB, c SQLite, statements map[string]*Query) *DB {
	t.Helper()
	return openOnce(t, c, Once{}, statements)
}

func openOnce(t testing.TB, c SQLite, once Once, statements map[string]*Query) *DB {
	t.Helper()
	d, err := Open(c, once, statements)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// look opens the database beside the one under test.
func look(t testing.TB, c SQLite) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", c.dsn())
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { db.Close() })
	return db
}

func number(t testing.TB, db *sql.DB, query string) (n int) {
	t.Helper()
	if err := db.QueryRow(query).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func source(n int) cdr.Source { return stacktest.Event(acctstack.Stop, n).Source() }

func TestDo(t *testing.T) {
	c := settings(t)
	insert, update := parse(t, "INSERT INTO c (s,u,n) VALUES (%s,'%u',%d)"), parse(t, "UPDATE c SET n=n+1 WHERE s=%s")
	d := open(t, c, map[string]*Query{"insert": insert, "update": update})
	db := look(t, c)
	do := func(st Statement) error { return d.Do(t.Context(), st, source(1)) }

	if err := do(Statement{Query: update}); !errors.Is(err, ErrNoRows) || acctstack.IsPermanent(err) {
		t.Errorf("updating nothing: %v", err)
	}
	if err := do(Statement{Query: update, Alt: insert}); err != nil {
		t.Errorf("the alternative inserts: %v", err)
	}
	if err := do(Statement{Query: update, Alt: insert}); err != nil || number(t, db, "SELECT n FROM c") != 66 {
		t.Errorf("the query updates: %v", err)
	}
	if err := do(Statement{Query: insert}); !acctstack.IsPermanent(err) || !strings.Contains(err.Error(), "UNIQUE") {
		t.Errorf("a constraint: %v", err)
	}
	if err := do(Statement{Query: insert, Alt: update}); err != nil {
		t.Errorf("the alternative of an error: %v", err)
	}
	if err := do(Statement{Query: parse(t, "SELECT 1 FROM c WHERE s=%s")}); err != nil {
		t.Errorf("a row was returned: %v", err)
	}
	if err := do(Statement{Query: parse(t, "SELECT 1 FROM c WHERE s='x%s'")}); !errors.Is(err, ErrNoRows) {
		t.Errorf("no row was returned: %v", err)
	}
	if err := do(Statement{Query: update, Alt: parse(t, "DELETE FROM c WHERE 0")}); err != nil {
		t.Errorf("the alternative is not needed: %v", err)
	}
	if err := do(Statement{Query: parse(t, "DELETE FROM c WHERE 0"), Alt: parse(t, "DELETE FROM c WHERE 0")}); err != nil {
		t.Errorf("an alternative needs no row: %v", err)
	}
	if err := do(Statement{Query: parse(t, "DELETE FROM c WHERE 0"), Alt: parse(t, "SELECT missing FROM c")}); !acctstack.IsPermanent(err) {
		t.Errorf("an alternative without its column: %v", err)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Run("no folder", func(t *testing.T) {
		c := settings(t)
		c.Path = filepath.Join(t.TempDir(), "missing", "c.db")
		_, err := Open(c, Once{}, nil)
		if err == nil || !strings.Contains(err.Error(), filepath.Dir(c.Path)) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("no database", func(t *testing.T) {
		c := settings(t)
		if err := os.WriteFile(c.Path, []byte(strings.Repeat("no database ", 100)), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(c, Once{}, nil); err == nil || !strings.Contains(err.Error(), c.Path) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("bad initial statement", func(t *testing.T) {
		c := settings(t)
		c.Init = "CREATE TABLE"
		if _, err := Open(c, Once{}, nil); err == nil || !strings.Contains(err.Error(), "the initial statements") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("bad query", func(t *testing.T) {
		_, err := Open(settings(t), Once{}, map[string]*Query{"StopQuery": parse(t, "INSERT INTO missing VALUES (%d)")})
		if err == nil || !strings.Contains(err.Error(), "StopQuery") || !strings.Contains(err.Error(), "no such table") {
			t.Errorf("got %v", err)
		}
	})
}

func TestNewFileIsPrivate(t *testing.T) {
	c := settings(t)
	open(t, c, nil)
	for _, path := range []string{c.Path, c.Path + "-wal"} {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", path, info, err)
		}
	}
}

// group is a database whose writer does not run, with jobs for it.
func group(t *testing.T, c SQLite, query string, calls ...int) *DB {
	t.Helper()
	s, err := c.open(Once{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	d := &DB{config: c, session: s}
	q := parse(t, query)
	for _, n := range calls {
		d.group = append(d.group, &job{statement: Statement{Query: q}, source: source(n)})
	}
	t.Cleanup(func() {
		if d.session != nil {
			d.session.close()
		}
	})
	return d
}

// TestGroup lets one transaction store what can be stored and leave out what breaks a constraint.
func TestGroup(t *testing.T) {
	c := settings(t)
	c.Init += "; CREATE TABLE log (x); CREATE TRIGGER tr AFTER INSERT ON c BEGIN INSERT INTO log VALUES (new.s); END"
	d := group(t, c, "INSERT INTO c (s,n) VALUES (%s,%d)", 1, 2, 1, 3, 2, 4)
	d.runGroup()
	for i, j := range d.group {
		if broken := i == 2 || i == 4; (j.err != nil) != broken || broken && !acctstack.IsPermanent(j.err) {
			t.Errorf("job %d: %v", i, j.err)
		}
	}
	db := look(t, c)
	if rows, logged := number(t, db, "SELECT count(*) FROM c"), number(t, db, "SELECT count(*) FROM log"); rows != 4 || logged != 4 {
		t.Errorf("%d rows, %d of the trigger; want 4", rows, logged)
	}
}

// TestOneBreaksTheTransaction has a job that takes the whole transaction down; the others are stored all the same.
func TestOneBreaksTheTransaction(t *testing.T) {
	for name, init := range map[string]string{
		"at once": "CREATE TABLE IF NOT EXISTS c (s TEXT UNIQUE ON CONFLICT ROLLBACK)",
		"at commit": "PRAGMA foreign_keys=ON; CREATE TABLE IF NOT EXISTS p (s TEXT PRIMARY KEY);" +
			"INSERT OR IGNORE INTO p VALUES ('5f5e100100000001'),('5f5e100100000003');" +
			"CREATE TABLE IF NOT EXISTS c (s TEXT REFERENCES p(s) DEFERRABLE INITIALLY DEFERRED)",
	} {
		t.Run(name, func(t *testing.T) {
			c := settings(t)
			c.Init = init
			calls := []int{1, 2, 3}
			if name == "at once" {
				calls[1] = 1
			}
			d := group(t, c, "INSERT INTO c VALUES (%s)", calls...)
			d.runGroup()
			for i, j := range d.group {
				if (j.err != nil) != (i == 1) || i == 1 && !acctstack.IsPermanent(j.err) {
					t.Errorf("job %d: %v", i, j.err)
				}
			}
			if n := number(t, look(t, c), "SELECT count(*) FROM c"); n != 2 {
				t.Errorf("%d rows, want 2", n)
			}
		})
	}
}

func TestLockedDatabase(t *testing.T) {
	c := settings(t)
	c.Busy = 20 * time.Millisecond
	insert := parse(t, "INSERT INTO c (s) VALUES (%s)")
	d := open(t, c, map[string]*Query{"insert": insert})
	db := look(t, c)
	if _, err := db.Exec("BEGIN EXCLUSIVE"); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			err := d.Do(t.Context(), Statement{Query: insert}, source(i))
			if err == nil || acctstack.IsPermanent(err) || !strings.Contains(err.Error(), "locked") {
				t.Errorf("got %v", err)
			}
		})
	}
	wg.Wait()
	if _, err := db.Exec("COMMIT"); err != nil {
		t.Fatal(err)
	}
	if err := d.Do(t.Context(), Statement{Query: insert}, source(1)); err != nil {
		t.Errorf("unlocked: %v", err)
	}
	if n := number(t, db, "SELECT count(*) FROM c"); n != 1 {
		t.Errorf("%d rows", n)
	}
}

func TestContextEndsTheWait(t *testing.T) {
	c := settings(t)
	insert := parse(t, "INSERT INTO c (s) VALUES (%s)")
	d := open(t, c, map[string]*Query{"insert": insert})
	db := look(t, c)
	if _, err := db.Exec("BEGIN EXCLUSIVE"); err != nil {
		t.Fatal(err)
	}
	first := make(chan error, 1)
	go func() { first <- d.Do(context.Background(), Statement{Query: insert}, source(1)) }()
	for deadline := time.Now().Add(5 * time.Second); len(d.jobs) > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the writer sleeps")
		}
	}
	// The writer may take the second event into the group of the first, or be in the middle of it: only one that it has
	// not taken is given up, and that one is certainly not stored.
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	second := make(chan error, 1)
	go func() { second <- d.Do(ctx, Statement{Query: insert}, source(2)) }()
	<-ctx.Done()
	if _, err := db.Exec("COMMIT"); err != nil {
		t.Fatal(err)
	}
	if err := <-first; err != nil {
		t.Error(err)
	}
	want := 2
	if err := <-second; errors.Is(err, context.DeadlineExceeded) {
		want = 1
	} else if err != nil {
		t.Error(err)
	}
	if err := d.Do(t.Context(), Statement{Query: insert}, source(3)); err != nil {
		t.Error(err)
	}
	if n := number(t, db, "SELECT count(*) FROM c"); n != want+1 {
		t.Errorf("%d rows, want %d", n, want+1)
	}
}

func TestFileIsReplaced(t *testing.T) {
	c := settings(t)
	insert := parse(t, "INSERT INTO c (s) VALUES (%s)")
	d := open(t, c, map[string]*Query{"insert": insert})
	do := func(n int) error { return d.Do(t.Context(), Statement{Query: insert}, source(n)) }
	if err := do(1); err != nil {
		t.Fatal(err)
	}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		os.Remove(c.Path + suffix)
	}
	if err := do(2); err != nil {
		t.Fatal(err)
	}
	if n := number(t, look(t, c), "SELECT count(*) FROM c WHERE s LIKE '%2'"); n != 1 {
		t.Error("the new file lacks the row")
	}
	dir := filepath.Dir(c.Path)
	if err := os.Rename(dir, dir+".away"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := do(3); err == nil || acctstack.IsPermanent(err) || !strings.Contains(err.Error(), dir) {
			t.Errorf("the folder is away: %v", err)
		}
	}
	if err := os.Rename(dir+".away", dir); err != nil {
		t.Fatal(err)
	}
	if err := do(3); err != nil {
		t.Errorf("the folder is back: %v", err)
	}
}

// TestHostileValues stores values that try to be SQL and finds each byte for byte in its own column.
func TestHostileValues(t *testing.T) {
	c := settings(t)
	c.Init = "CREATE TABLE v (s TEXT, u TEXT, mixed TEXT, fixed TEXT)"
	insert := parse(t, "INSERT INTO v VALUES (%s, '%u', '<%u;%s>', 'fixed')")
	d := open(t, c, map[string]*Query{"insert": insert})
	db := look(t, c)
	part := rapid.OneOf(rapid.SampledFrom([]string{"'", "''", `"`, ";", "\x00", `\`, "--", "/*", "*/", "%s", "%%", "?", "$1", ":a",
		"'); DROP TABLE v;--", "\xff\xfe", "\r\n", "ü", "`", "]"}), rapid.String())
	rapid.Check(t, func(t *rapid.T) {
		user := strings.Join(rapid.SliceOfN(part, 1, 6).Draw(t, "user"), "") + "."
		session := strings.Join(rapid.SliceOfN(part, 1, 6).Draw(t, "session"), "") + "."
		record := stacktest.Record(acctstack.Stop, 1)
		record.User, record.SessionID = user, session
		if err := d.Do(context.Background(), Statement{Query: insert}, cdr.Source{Stamp: new(cdr.Stamp), Call: record}); err != nil {
			t.Fatal(err)
		}
		var s, u, mixed, fixed string
		if err := db.QueryRow("DELETE FROM v RETURNING *").Scan(&s, &u, &mixed, &fixed); err != nil {
			t.Fatal(err)
		}
		if want := "<" + user + ";" + session + ">"; s != session || u != user || mixed != want || fixed != "fixed" {
			t.Errorf("stored %q %q %q %q", s, u, mixed, fixed)
		}
	})
}

// BenchmarkDo stores a different event each time, with and without Once.
func BenchmarkDo(b *testing.B) {
	for _, sync := range []bool{true, false} {
		for _, parallel := range []int{1, 32} {
			for _, once := range []Once{{}, {Instance: "sqlacct"}} {
				b.Run(fmt.Sprintf("sync=%v/writers=%d/once=%v", sync, parallel, once.on()), func(b *testing.B) {
					benchmarkDo(b, sync, parallel, once)
				})
			}
		}
	}
}

func benchmarkDo(b *testing.B, sync bool, parallel int, once Once) {
	c := settings(b)
	c.Sync = sync
	c.Init = "CREATE TABLE v (s TEXT, u TEXT, n INT, t TEXT)"
	insert := parse(b, "INSERT INTO v VALUES (%s, '%u', %d, %{connect-time})")
	d := openOnce(b, c, once, map[string]*Query{"insert": insert})
	record := stacktest.Record(acctstack.Stop, 1)
	b.ReportAllocs()
	b.SetParallelism(max(parallel/2, 1))
	run := func() {
		src := cdr.Source{Stamp: &cdr.Stamp{ID: cdr.NewUUID(time.Now())}, Call: record}
		if err := d.Do(b.Context(), Statement{Query: insert}, src); err != nil {
			b.Error(err)
		}
	}
	if parallel == 1 {
		for b.Loop() {
			run()
		}
		return
	}
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			run()
		}
	})
}

func BenchmarkValues(b *testing.B) {
	q := parse(b, "INSERT INTO v VALUES (%s, '%u', %d, %{connect-time})")
	src := source(1)
	var values []any
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		values, buf = q.Values(values[:0], buf, src)
	}
}
