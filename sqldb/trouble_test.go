package sqldb

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tollgate/acctstack"
)

const padded = "CREATE TABLE IF NOT EXISTS a (s TEXT, pad BLOB)"

// trouble breaks a database under the writer's hands and gives back what mends it.
type trouble struct {
	name  string
	says  string
	fresh bool // what was stored before is in another file afterwards
	brk   func(t *testing.T, d *DB, c SQLite) (mend func())
}

func troubles() []trouble {
	return []trouble{
		{"full", "full", false, func(t *testing.T, d *DB, c SQLite) func() {
			d.config.Init = fmt.Sprintf("PRAGMA max_page_count=%d", number(t, look(t, c), "PRAGMA page_count"))
			d.drop()
			return func() { d.config.Init = ""; d.drop() }
		}},
		{"read-only", "readonly", false, func(t *testing.T, d *DB, c SQLite) func() {
			d.session.exec(&Query{SQL: "PRAGMA query_only=1"}, nil)
			return func() { d.session.exec(&Query{SQL: "PRAGMA query_only=0"}, nil) }
		}},
		{"locked", "locked", false, func(t *testing.T, d *DB, c SQLite) func() {
			db := look(t, c)
			db.Exec("BEGIN EXCLUSIVE")
			return func() { db.Exec("ROLLBACK") }
		}},
		{"another file without the table", "no such table", true, func(t *testing.T, d *DB, c SQLite) func() {
			away(t, c, "old")
			create(t, c, "CREATE TABLE other (x)")
			return func() { create(t, c, padded) }
		}},
		{"the table is away", "no such table", false, func(t *testing.T, d *DB, c SQLite) func() {
			create(t, c, "ALTER TABLE a RENAME TO b")
			return func() { create(t, c, "ALTER TABLE b RENAME TO a") }
		}},
		{"overwritten", "not a database", true, func(t *testing.T, d *DB, c SQLite) func() {
			away(t, c, "old")
			if err := os.WriteFile(c.Path, []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
				t.Fatal(err)
			}
			return func() { away(t, c, "bad"); create(t, c, padded) }
		}},
		{"a folder in its place", "is a directory", false, func(t *testing.T, d *DB, c SQLite) func() {
			away(t, c, "old")
			os.Mkdir(c.Path, 0o700)
			return func() {
				os.Remove(c.Path)
				for _, suffix := range []string{"", "-wal", "-shm"} {
					os.Rename(filepath.Join(filepath.Dir(c.Path), "old"+suffix), c.Path+suffix)
				}
			}
		}},
	}
}

// TestTrouble: events of a time when the database is in trouble can be stored later, and are then stored once.
func TestTrouble(t *testing.T) {
	for _, test := range troubles() {
		for _, together := range []int{1, 3} {
			t.Run(fmt.Sprintf("%s, %d", test.name, together), func(t *testing.T) {
				c := settings(t)
				c.Init, c.Busy = "", 0
				create(t, c, padded)
				st := Statement{Query: parse(t, "INSERT INTO a VALUES (%s, zeroblob(20000))"), Alt: parse(t, "INSERT INTO a VALUES ('alternative', 1)")}
				d := &DB{config: c, once: Once{Instance: "sqlacct"}, statements: map[string]*Query{"StopQuery": st.Query}}
				defer func() {
					if d.session != nil {
						d.drop()
					}
				}()
				answers(t, d, st, 0, 2, "")
				mend := test.brk(t, d, c)
				answers(t, d, st, 2, together, test.says)
				answers(t, d, st, 2, together, test.says)
				mend()
				answers(t, d, st, 2, together, "")
				answers(t, d, st, 2, together, "")
				want := 2 + together
				if test.fresh {
					want = together
				}
				expectRows(t, c, "SELECT count(*) FROM a", want)
				expectRows(t, c, "SELECT count(DISTINCT s) FROM a WHERE s <> 'alternative'", want)
			})
		}
	}
}

// answers runs a group of calls and checks what all of them are told: nothing, or something that is not permanent.
func answers(t *testing.T, d *DB, st Statement, first, calls int, says string) {
	t.Helper()
	all := events(first + calls)[first:]
	for i := range all {
		all[i].Stamp.ID = [16]byte{15: byte(first + i)}
	}
	run(d, st, all)
	for _, j := range d.group {
		switch {
		case says == "" && j.err != nil:
			t.Error(j.err)
		case says != "" && (j.err == nil || acctstack.IsPermanent(j.err) || !strings.Contains(j.err.Error(), says)):
			t.Errorf("got %v, not one with %q", j.err, says)
		}
	}
}

func create(t *testing.T, c SQLite, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", c.dsn())
	if err == nil {
		_, err = db.Exec(statement)
		err = errors.Join(err, db.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// away moves the database to another name, as it stands.
func away(t *testing.T, c SQLite, name string) {
	t.Helper()
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Rename(c.Path+suffix, filepath.Join(filepath.Dir(c.Path), name+suffix)); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
}

// TestSickConnectionIsLeft: after an error that may be the connection's own, the next event has a new one.
func TestSickConnectionIsLeft(t *testing.T) {
	c := settings(t)
	insert := Statement{Query: parse(t, "INSERT INTO c (s) VALUES (%s)")}
	d := group(t, c, "SELECT 1")
	job := func(n int) *job { return &job{statement: insert, source: source(n), done: make(chan struct{})} }
	first := job(1)
	d.session.exec(&Query{SQL: "PRAGMA query_only=1"}, nil)
	d.serve(first)
	if first.err == nil || acctstack.IsPermanent(first.err) || d.session != nil {
		t.Errorf("%v, session %v", first.err, d.session)
	}
	second := job(1)
	if d.serve(second); second.err != nil || d.session == nil {
		t.Error(second.err)
	}
}

// TestPermanent: what the event would meet again in a database that is well.
func TestPermanent(t *testing.T) {
	c := settings(t)
	d := open(t, c, nil)
	create(t, c, "CREATE TABLE tollgate (s TEXT NOT NULL)")
	for name, query := range map[string]string{
		"unknown column":   "INSERT INTO c (nothing) VALUES (1)",
		"NOT NULL":         "INSERT INTO tollgate (s) VALUES (NULL)",
		"wrong type":       "INSERT INTO c (id) VALUES (%s)",
		"too long":         "INSERT INTO c (s) VALUES (zeroblob(2000000000))",
		"syntax":           "INSERT c",
		"unknown function": "SELECT nothing(%s)",
	} {
		if err := d.Do(t.Context(), Statement{Query: parse(t, query)}, source(1)); !acctstack.IsPermanent(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
