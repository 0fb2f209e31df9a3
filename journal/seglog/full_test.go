package seglog_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"tollgate/config"
	"tollgate/journal/seglog"
)

// smallDisk mounts a file system of its own.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tollgate", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Fatal("mounting a small file system takes the rights to do so: ", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill takes all room that is left.
func fill(t *testing.T, dir string) string {
	t.Helper()
	path := filepath.Join(dir, "filler")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	block := make([]byte, 4096)
	for {
		if _, err := f.Write(block); err != nil {
			if !errors.Is(err, unix.ENOSPC) {
				t.Fatal(err)
			}
			return path
		}
	}
}

func TestReservedRecordsFindRoomOnAFullDisk(t *testing.T) {
	dir := smallDisk(t, "4m")
	o := seglog.Options{Dir: filepath.Join(dir, "log"), SegmentSize: 64 << 10, Sync: config.Sync{Always: true}, Gather: -1}
	l, _, _ := open(t, o)
	sizes := []int{10, 31000, 200, 800, 16000, 31000, 7, 25000}
	var reserved int
	for i := 0; i < 40; i++ {
		if err := l.Reserve(seglog.Cost(sizes[i%len(sizes)])); err != nil {
			t.Fatal(err)
		}
		reserved++
	}
	filler := fill(t, dir)
	var free int
	var err error
	for ; err == nil && free < 10000; free++ { // until only what is reserved is left
		_, err = l.Append(make([]byte, 1000), nil)
	}
	if !errors.Is(err, seglog.ErrFull) {
		t.Fatal(err)
	}
	if err := l.Reserve(1 << 20); !errors.Is(err, seglog.ErrFull) {
		t.Fatal(err)
	}
	if s := l.Stats(); !s.Full || s.Reserved > s.Free {
		t.Fatalf("%+v", s)
	}
	done := make(chan error, reserved)
	for i := range reserved {
		if _, err := l.AppendReserved(make([]byte, sizes[i%len(sizes)]), func(err error) { done <- err }); err != nil {
			t.Fatalf("record %d: %v", i, err)
		}
		if s := l.Stats(); s.Reserved > s.Free {
			t.Fatalf("after record %d: %+v", i, s)
		}
	}
	for range reserved {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	if s := l.Stats(); s.Reserved != 0 {
		t.Fatalf("%+v", s)
	}
	roomAgain(t, l, filler)
	closeLog(t, l)
	l, c, report := open(t, o)
	defer closeLog(t, l)
	if len(c.records) != free-1+reserved+1 || len(report.Torn)+len(report.Corrupt) > 0 {
		t.Fatalf("%d records of %d: %+v", len(c.records), free+reserved, report)
	}
}

// roomAgain sees that a log takes records again once there is room.
func roomAgain(t *testing.T, l *seglog.Log, filler string) {
	t.Helper()
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	if err := l.Reserve(300 << 10); err != nil {
		t.Fatal(err)
	}
	l.Unreserve(300 << 10)
	appendAll(t, l, "there is room again")
}

func TestALogOpensOnAFullDisk(t *testing.T) {
	dir := smallDisk(t, "1m")
	o := seglog.Options{Dir: filepath.Join(dir, "log"), SegmentSize: 64 << 10, Sync: config.Sync{Always: true}}
	l, _, _ := open(t, o)
	appendAll(t, l, "before")
	closeLog(t, l)
	for _, name := range []string{"0000000000000002.seg"} { // the spare one
		if err := os.Remove(filepath.Join(o.Dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	filler := fill(t, dir)
	l, c, _ := open(t, o)
	defer closeLog(t, l)
	wantRecords(t, c.records, []string{"before"})
	if _, err := l.Append([]byte("no"), nil); !errors.Is(err, seglog.ErrFull) {
		t.Fatal(err)
	}
	roomAgain(t, l, filler)
}

func TestUnreservedSegmentsAreGivenBack(t *testing.T) {
	dir := t.TempDir()
	l, _, _ := open(t, seglog.Options{Dir: dir, SegmentSize: 8 << 10})
	if err := l.Reserve(200 << 10); err != nil {
		t.Fatal(err)
	}
	many := l.Stats().Spares
	l.Unreserve(200 << 10)
	closeLog(t, l)
	l, _, _ = open(t, seglog.Options{Dir: dir, SegmentSize: 8 << 10})
	for l.Stats().Spares > 5 {
		l.Unreserve(0)
	}
	closeLog(t, l)
	files, _ := filepath.Glob(filepath.Join(dir, "*.seg"))
	if many < 40 || len(files) > 10 {
		t.Fatalf("%d spare segments, then %d files", many, len(files))
	}
}
