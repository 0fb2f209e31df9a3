package journal

import (
	"errors"
	"testing"
	"time"

	"tollgate/journal/seglog/faultfs"
)

// onDisk opens a journal on a disk of faults.
func onDisk(t *testing.T, fs *faultfs.FS, s Settings) *Journal {
	t.Helper()
	j, err := Open(Options{Dir: "/j", FS: fs, Settings: s})
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// A run that serves nobody, as it fails on its way up, does not make the calls of the one before look alive.
func TestAFailedStartKeepsNobodyAlive(t *testing.T) {
	fs := faultfs.New()
	j := onDisk(t, fs, small())
	j.Serving()
	if err := j.Begin(id(1), []byte("x"), nil); err != nil {
		t.Fatal(err)
	}
	if err := j.log.Flush(); err != nil {
		t.Fatal(err)
	}
	died, left := time.Now(), fs.Killed()
	closed(t, j)
	time.Sleep(20 * time.Millisecond)
	closed(t, onDisk(t, left, small()))
	again := onDisk(t, left, small())
	defer closed(t, again)
	if late := again.LastAlive().Time.Sub(died); late > 10*time.Millisecond {
		t.Errorf("the run was last alive %s after it had died", late)
	}
}

// What has been on the disk for long is not removed before its copy is on it, whatever Sync says.
func TestCompactionForcesItsCopies(t *testing.T) {
	fs := faultfs.New()
	s := small()
	s.Sync.Always, s.SegmentSize, s.LedgerKeep = false, 64<<10, 0
	j := onDisk(t, fs, s)
	old := testEvent(1)
	if err := j.Settle(old, []string{"RadAcct"}); err != nil {
		t.Fatal(err)
	}
	if err := j.log.Force(); err != nil { // the system has written it in its time
		t.Fatal(err)
	}
	for n := 2; j.Stats().Compactions == 0; n++ {
		if n > 100_000 {
			t.Fatal("nothing is compacted")
		}
		if err := j.Settle(testEvent(n), []string{"RadAcct"}); err != nil {
			t.Fatal(err)
		}
		j.Done(testEvent(n).ID, "RadAcct")
		j.wake()
	}
	after := fs.PowerLoss(nil)
	closed(t, j)
	again := onDisk(t, after, s)
	defer closed(t, again)
	if _, err := again.Load(old.ID); err != nil {
		t.Errorf("it was kept and on the disk: %v", err)
	}
}

// A full disk is told of, and that it has room again, though nobody asks.
func TestNoRoomIsTold(t *testing.T) {
	fs := faultfs.New()
	s := small()
	s.LedgerKeep = 0
	j := onDisk(t, fs, s)
	defer closed(t, j)
	fs.Limit(4 * s.SegmentSize)
	for n := 0; ; n++ {
		if err := j.Begin(id(n), make([]byte, 1000), nil); errors.Is(err, ErrFull) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if !j.Stats().NoRoom {
		t.Error("no word of it")
	}
	fs.Limit(1 << 30)
	for deadline := time.Now().Add(10 * time.Second); j.Stats().NoRoom; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it does not see the room")
		}
	}
}
