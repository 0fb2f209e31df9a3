package journal

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"

	"tollgate/acctstack"
	"tollgate/acctstack/stacktest"
	"tollgate/cdr"
	"tollgate/config"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// small are settings with which little makes many segments.
func small() Settings {
	return Settings{Sync: config.Sync{Always: true}, LedgerKeep: 48 * time.Hour, SegmentSize: minSegmentSize}
}

// lazy are settings for tests that do not ask what a power loss leaves.
func lazy() Settings {
	s := small()
	s.Sync = config.Sync{}
	return s
}

func opened(t testing.TB, dir string, s Settings) *Journal {
	t.Helper()
	j, err := Open(Options{Dir: dir, Settings: s, gather: -1, Log: zaptest.NewLogger(t, zaptest.Level(zap.ErrorLevel))})
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func closed(t testing.TB, j *Journal) {
	t.Helper()
	if err := j.Close(); err != nil {
		t.Error(err)
	}
}

// id makes identifiers that tests can tell apart.
func id(n int) cdr.UUID {
	var u cdr.UUID
	copy(u[:], fmt.Sprintf("%016d", n))
	return u
}

// event is a stop of call n.
func testEvent(n int) *acctstack.Event {
	ev := stacktest.Event(acctstack.Stop, n)
	ev.ID, ev.Call, ev.Seq = id(1000000+n), id(n), 3
	return ev
}

// begun begins a call and waits until it is durable.
func begun(t testing.TB, j *Journal, call cdr.UUID, record string) {
	t.Helper()
	w := newWaiter()
	if err := j.Begin(call, []byte(record), w.done); err != nil {
		t.Fatal(err)
	}
	if err := w.wait(); err != nil {
		t.Fatal(err)
	}
}

// appended adds a record and waits until it is durable.
func appended(t testing.TB, j *Journal, call cdr.UUID, record string) {
	t.Helper()
	w := newWaiter()
	j.Append(call, []byte(record), w.done)
	if err := w.wait(); err != nil {
		t.Fatal(err)
	}
}

// chains reads all calls as texts.
func chains(j *Journal) map[cdr.UUID][]string {
	all := map[cdr.UUID][]string{}
	for call, records := range j.Calls {
		for _, r := range records {
			all[call] = append(all[call], string(r))
		}
	}
	return all
}

// eventually polls until ok or fails the test.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("in vain: " + what)
		}
	}
}

func inDir(t testing.TB) string { return filepath.Join(t.TempDir(), "journal") }
