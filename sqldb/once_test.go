package sqldb

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tollgate/acctstack"
	"tollgate/acctstack/stacktest"
	"tollgate/cdr"
)

// anything is a table that takes the same row any number of times, so that only the id keeps a second one out.
const anything = "CREATE TABLE IF NOT EXISTS a (s TEXT)"

func events(n int) []cdr.Source {
	all := make([]cdr.Source, n)
	for i := range all {
		all[i] = source(i)
	}
	return all
}

func expectRows(t *testing.T, c SQLite, query string, want int) {
	t.Helper()
	if n := number(t, look(t, c), query); n != want {
		t.Errorf("%s gave %d, not %d", query, n, want)
	}
}

func TestOnce(t *testing.T) {
	c := settings(t)
	c.Init = anything
	insert := parse(t, "INSERT INTO a VALUES (%s)")
	a := openOnce(t, c, Once{Instance: "sqlacct"}, nil)
	b := openOnce(t, c, Once{Instance: "sqlacct:b"}, nil)
	again := openOnce(t, c, Once{Instance: "sqlacct"}, nil) // as around a reload
	for _, src := range events(3) {
		for _, d := range []*DB{a, a, b, again, b} {
			if err := d.Do(t.Context(), Statement{Query: insert}, src); err != nil {
				t.Error(err)
			}
		}
	}
	expectRows(t, c, "SELECT count(*) FROM a", 6)
	expectRows(t, c, "SELECT count(*) FROM tollgate_events WHERE length(id) = 16 AND abs(stored - unixepoch()) < 60", 6)
}

// TestOnceTogether hands an event over several times at the same moment, most of them in one transaction.
func TestOnceTogether(t *testing.T) {
	c := settings(t)
	c.Init = anything
	insert := parse(t, "INSERT INTO a VALUES (%s)")
	d := openOnce(t, c, Once{Instance: "sqlacct"}, nil)
	var wg sync.WaitGroup
	for _, src := range events(40) {
		for range 4 {
			wg.Go(func() {
				if err := d.Do(t.Context(), Statement{Query: insert}, src); err != nil {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	expectRows(t, c, "SELECT count(*) FROM a", 40)
	expectRows(t, c, "SELECT count(DISTINCT s) FROM a", 40)
}

// TestFailedEventIsNotMarked: an event that failed, alone or in a group, is stored by the next attempt.
func TestFailedEventIsNotMarked(t *testing.T) {
	for name, bad := range map[string]struct{ init, query string }{
		"a constraint":         {anything + "; CREATE TABLE IF NOT EXISTS u (s TEXT UNIQUE); INSERT OR IGNORE INTO u VALUES (1)", "INSERT INTO u VALUES (1)"},
		"OR ROLLBACK":          {anything + "; CREATE TABLE IF NOT EXISTS u (s TEXT UNIQUE); INSERT OR IGNORE INTO u VALUES (1)", "INSERT OR ROLLBACK INTO u VALUES (1)"},
		"at commit":            {anything + "; PRAGMA foreign_keys=ON; CREATE TABLE IF NOT EXISTS p (s TEXT PRIMARY KEY); CREATE TABLE IF NOT EXISTS f (s REFERENCES p(s) DEFERRABLE INITIALLY DEFERRED)", "INSERT INTO f VALUES (%s)"},
		"no row":               {anything, "UPDATE a SET s = 1 WHERE s = 'nothing'"},
		"half of several rows": {anything + "; CREATE TABLE IF NOT EXISTS u (s TEXT UNIQUE)", "INSERT OR FAIL INTO u VALUES (7), (8), (7)"},
	} {
		for _, together := range []int{1, 3} {
			t.Run(fmt.Sprintf("%s, %d", name, together), func(t *testing.T) {
				c := settings(t)
				c.Init = bad.init
				d := group(t, c, bad.query)
				d.once = Once{Instance: "sqlacct"}
				d.drop()
				all := events(together)
				run(d, Statement{Query: parse(t, bad.query)}, all)
				for _, j := range d.group {
					if j.err == nil {
						t.Errorf("stored")
					}
				}
				expectRows(t, c, "SELECT count(*) FROM tollgate_events", 0)
				if name == "half of several rows" {
					expectRows(t, c, "SELECT count(*) FROM u", 0)
				}
				run(d, Statement{Query: parse(t, bad.query), Alt: parse(t, "INSERT INTO a VALUES (%s)")}, all)
				if name == "at commit" { // the query itself does not fail, so that it has no stand-in
					return
				}
				for range 2 {
					for _, j := range d.group {
						if j.err != nil {
							t.Error(j.err)
						}
					}
					expectRows(t, c, "SELECT count(*) FROM a", together)
					expectRows(t, c, "SELECT count(*) FROM tollgate_events", together)
					run(d, Statement{Query: parse(t, "INSERT INTO a VALUES (%s)")}, all)
				}
			})
		}
	}
}

// run makes one group of the statement for each event, and serves it.
func run(d *DB, st Statement, events []cdr.Source) {
	d.group = nil
	for _, src := range events {
		d.group = append(d.group, &job{statement: st, source: src})
	}
	d.runGroup()
}

func TestWithoutOnceThereIsNoTable(t *testing.T) {
	c := settings(t)
	c.Init = anything
	d := openOnce(t, c, Once{Keep: time.Hour}, nil)
	src := source(1)
	for range 2 {
		if err := d.Do(t.Context(), Statement{Query: parse(t, "INSERT INTO a VALUES (%s)")}, src); err != nil {
			t.Error(err)
		}
	}
	expectRows(t, c, "SELECT count(*) FROM a", 2)
	expectRows(t, c, "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'tollgate%'", 0)
}

func TestForeignTableIsRefused(t *testing.T) {
	c := settings(t)
	c.Init = "CREATE TABLE tollgate_events (uuid TEXT)"
	if _, err := Open(c, Once{Instance: "sqlacct"}, nil); err == nil || !strings.Contains(err.Error(), "tollgate_events") {
		t.Errorf("got %v", err)
	}
}

// TestOldIdsAreRemoved looks at the writer over hours of the bubble's time.
func TestOldIdsAreRemoved(t *testing.T) {
	c := settings(t)
	c.Init = anything
	synctest.Test(t, func(t *testing.T) {
		insert := parse(t, "INSERT INTO a VALUES (%s)")
		old, err := Open(c, Once{Instance: "old"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		do := func(d *DB, src cdr.Source) {
			if err := d.Do(t.Context(), Statement{Query: insert}, src); err != nil {
				t.Error(err)
			}
		}
		all := events(2*forgetBatch + 1)
		for _, src := range all {
			do(old, src)
		}
		time.Sleep(3 * time.Hour)
		count := func(want int, when string) {
			t.Helper()
			if n := number(t, look(t, c), "SELECT count(*) FROM tollgate_events WHERE instance = 'old'"); n != want {
				t.Errorf("%s: %d ids, want %d", when, n, want)
			}
		}
		count(len(all), "without Keep")
		if err := old.Close(); err != nil {
			t.Error(err)
		}
		for _, once := range []Once{{Instance: "other", Keep: time.Hour}, {Instance: "old", Keep: 2 * time.Hour}} {
			d, err := Open(c, once, nil)
			if err != nil {
				t.Fatal(err)
			}
			do(d, all[0])
			time.Sleep(59 * time.Minute)
			count(len(all), "in the first hour of "+once.Instance)
			fresh := source(7000)
			do(d, fresh)
			time.Sleep(forgetFirst - 59*time.Minute + forgetSoon/2)
			if once.Instance == "old" {
				count(len(all)+1-forgetBatch, "after one batch")
			}
			time.Sleep(forgetPause)
			do(d, fresh)
			if once.Instance == "old" {
				count(1, "at the end")
			}
			if err := d.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	expectRows(t, c, "SELECT count(*) FROM a", 2*forgetBatch+1+1+2)
}

// TestForgettingDoesNotWait: the writer leaves a locked database alone, and waits for it again when events come.
func TestForgettingDoesNotWait(t *testing.T) {
	c := settings(t)
	c.Init, c.Busy = anything, 30*time.Second
	d := group(t, c, "INSERT INTO a VALUES (%s)", 1)
	d.once = Once{Instance: "sqlacct", Keep: time.Hour}
	d.drop()
	d.runGroup()
	db := look(t, c)
	if _, err := db.Exec("BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	if pause := d.forget(); pause != forgetPause || time.Since(begun) > 10*time.Second {
		t.Errorf("%s, after %s", pause, time.Since(begun))
	}
	var wait int
	if err := d.session.conn.QueryRowContext(t.Context(), "PRAGMA busy_timeout").Scan(&wait); err != nil || wait != 30000 {
		t.Errorf("the wait for locks is now %d ms, %v", wait, err)
	}
}

// TestStandInNeedsAReason: trouble of the database does not send the event to the alternative.
func TestStandInNeedsAReason(t *testing.T) {
	for _, once := range []Once{{}, {Instance: "sqlacct"}} {
		c := settings(t)
		c.Init, c.Busy = anything, 10*time.Millisecond
		d := openOnce(t, c, once, nil)
		db := look(t, c)
		if _, err := db.Exec("BEGIN IMMEDIATE"); err != nil {
			t.Fatal(err)
		}
		st := Statement{Query: parse(t, "INSERT INTO a VALUES (%s)"), Alt: parse(t, "SELECT missing FROM a")}
		src := source(1)
		if err := d.Do(t.Context(), st, src); err == nil || acctstack.IsPermanent(err) || strings.Contains(err.Error(), "alternative") {
			t.Errorf("got %v", err)
		}
		if _, err := db.Exec("COMMIT"); err != nil {
			t.Fatal(err)
		}
		if err := d.Do(t.Context(), st, src); err != nil {
			t.Error(err)
		}
	}
}

// TestStoredEventNeedsNothing: the answer to an event that is stored does not depend on what its query would do now.
func TestStoredEventNeedsNothing(t *testing.T) {
	c := settings(t)
	d := openOnce(t, c, Once{Instance: "sqlacct"}, nil)
	src := stacktest.Event(acctstack.Stop, 1).Source()
	st := Statement{Query: parse(t, "UPDATE c SET n=n+1 WHERE s=%s"), Alt: parse(t, "INSERT INTO c (s,n) VALUES (%s,1)")}
	for range 3 {
		if err := d.Do(t.Context(), st, src); err != nil {
			t.Error(err)
		}
	}
	if err := d.Do(t.Context(), Statement{Query: parse(t, "DELETE FROM c WHERE 0")}, src); err != nil {
		t.Error(err)
	}
	expectRows(t, c, "SELECT n FROM c", 1)
	if err := d.Do(t.Context(), Statement{Query: parse(t, "DELETE FROM c WHERE 0")}, source(2)); !errors.Is(err, ErrNoRows) {
		t.Errorf("a new event: %v", err)
	}
}
