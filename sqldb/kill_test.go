package sqldb

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"tollgate/cdr"
)

// killPath names the database to the child of TestKilled.
const killPath = "TOLLGATE_TEST_SQLDB"

const killEvents = 1500

// TestKilledChild is the program that TestKilled kills: it stores all events, four at a time.
func TestKilledChild(t *testing.T) {
	c := SQLite{Path: os.Getenv(killPath), Init: anything, Sync: true, Busy: 10 * time.Second}
	if c.Path == "" {
		return // in the parent there is nothing to do
	}
	insert := parse(t, "INSERT INTO a VALUES ('%{event-uuid}')")
	d := openOnce(t, c, Once{Instance: "sqlacct"}, nil)
	var wg sync.WaitGroup
	for part := range 4 {
		wg.Go(func() {
			for n := part; n < killEvents; n += 4 {
				var id cdr.UUID
				binary.BigEndian.PutUint32(id[12:], uint32(n))
				if err := d.Do(t.Context(), Statement{Query: insert}, cdr.Source{Stamp: &cdr.Stamp{ID: id}, Call: source(n).Call}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

// TestKilled kills a program that stores events, at any moment, and has it begin again with the same events.
func TestKilled(t *testing.T) {
	c := settings(t)
	kills := 0
	for range 12 {
		if child(t, c, time.Duration(10+rand.IntN(60))*time.Millisecond) {
			kills++
		}
	}
	if kills == 0 {
		t.Error("no child was killed")
	}
	child(t, c, 0)
	expectEachOnce(t, c)
}

func expectEachOnce(t *testing.T, c SQLite) {
	t.Helper()
	expectRows(t, c, "SELECT count(*) FROM a", killEvents)
	expectRows(t, c, "SELECT count(DISTINCT s) FROM a", killEvents)
	expectRows(t, c, "SELECT count(*) FROM tollgate_events", killEvents)
}

// child runs the program for its life, 0 until it ends, and tells whether it was killed.
func child(t *testing.T, c SQLite, life time.Duration, env ...string) (killed bool) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestKilledChild$")
	cmd.Env = append(append(os.Environ(), killPath+"="+c.Path), env...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if life > 0 {
		timer := time.AfterFunc(life, func() { cmd.Process.Kill() })
		defer timer.Stop()
	}
	err := cmd.Wait()
	if err != nil && (life == 0 && len(env) == 0 || cmd.ProcessState.Exited()) {
		t.Fatalf("%v: %s", err, out.String())
	}
	return err != nil
}
