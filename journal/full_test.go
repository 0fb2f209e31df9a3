package journal

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"tollgate/cdr"
)

// tmpfs mounts a small disk of its own.
func tmpfs(t *testing.T, bytes int) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", bytes)); err != nil {
		t.Fatalf("mounting a tmpfs, which needs root: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// TestFullDisk: on a full disk calls are refused, and each one that was admitted before can still write its answer, its
// end and the stop that is kept for two instances; and the next run finds all of that, on the full disk.
func TestFullDisk(t *testing.T) {
	dir := tmpfs(t, 12<<20)
	s := small()
	s.SegmentSize = 256 << 10
	j := opened(t, dir, s)
	invite := make([]byte, 1800)
	var calls []cdr.UUID
	for {
		call := id(len(calls))
		if err := j.Begin(call, invite, nil); err != nil {
			if !errors.Is(err, ErrFull) {
				t.Fatal(err)
			}
			break
		}
		calls = append(calls, call)
	}
	fill(t, dir)
	if len(calls) < 500 {
		t.Errorf("only %d calls found room in 12 MiB", len(calls))
	}
	if err := j.Begin(id(1<<20), invite, nil); !errors.Is(err, ErrFull) {
		t.Errorf("beginning on a full disk: %v", err)
	}
	state, w := make([]byte, 700), newWaiter()
	for n, call := range calls {
		j.Append(call, state, nil)
		j.Append(call, state, nil)
		j.Append(call, state, w.done)
		if err := w.wait(); err != nil {
			t.Fatalf("call %d of %d: %v", n, len(calls), err)
		}
		if err := j.Settle(testEvent(n), []string{"RadAcct", "SQLAcct"}); err != nil {
			t.Fatalf("call %d of %d: %v", n, len(calls), err)
		}
	}
	for n := 0; n < len(calls); n += 2 {
		j.End(calls[n])
	}
	if st := j.Stats(); st.Lost != 0 || st.Full == 0 {
		t.Errorf("%+v", st)
	}
	closed(t, j)

	j = opened(t, dir, s)
	if got := chains(j); len(got) != len(calls)/2 || len(got[calls[1]]) != 4 {
		t.Errorf("%d calls are found, %d records of one", len(got), len(got[calls[1]]))
	}
	if kept := j.Kept(); len(kept) != 2*len(calls) {
		t.Errorf("%d copies are kept, want %d", len(kept), 2*len(calls))
	}
	for n, call := range calls {
		j.Done(testEvent(n).ID, "RadAcct")
		j.Done(testEvent(n).ID, "SQLAcct")
		j.End(call)
	}
	eventually(t, "there is room again", func() bool { return j.Begin(id(1<<21), invite, nil) == nil })
	if lost := j.Stats().Lost; lost != 0 {
		t.Errorf("%d records were lost", lost)
	}
	closed(t, j)
}

// fill takes all the room that a disk has left.
func fill(t *testing.T, dir string) {
	t.Helper()
	f, err := os.Create(dir + "/ballast")
	if err != nil {
		t.Fatal(err)
	}
	block := make([]byte, 4096)
	for err == nil {
		_, err = f.Write(block)
	}
	if !errors.Is(err, unix.ENOSPC) {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestLedgerGivesWay: the ledger fills a small disk, which is none of the calls' business.
func TestLedgerGivesWay(t *testing.T) {
	dir := tmpfs(t, 4<<20)
	j := opened(t, dir, small())
	defer func() { closed(t, j) }()
	ev := testEvent(1)
	for j.Stats().LedgerLost == 0 {
		j.Answered(ev, "RadAcct", 0, nil)
	}
	fill(t, dir)
	for n := range 100 {
		if err := j.Begin(id(n), make([]byte, 1000), nil); err != nil {
			t.Fatalf("call %d: %v", n, err)
		}
	}
	if st := j.Stats(); st.LedgerCut == 0 || st.Lost != 0 {
		t.Errorf("%+v", st)
	}
}
