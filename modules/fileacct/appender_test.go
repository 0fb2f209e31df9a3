package fileacct

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/zap"

	"tollgate/config"
)

// faulty is a real file with the faults that a real disk shows only when it is full or dying.
type faulty struct {
	file
	room    atomic.Int64 // bytes that may still be written; below 0: any number
	sync    func() error // instead of an fsync, if set
	syncs   atomic.Int64
	noTrunc atomic.Bool
	// meanwhile is what another program writes, once, right behind a write that falls short.
	meanwhile string
}

func (f *faulty) Write(p []byte) (int, error) {
	room := f.room.Load()
	if room < 0 || int64(len(p)) <= room {
		return f.file.Write(p)
	}
	n, _ := f.file.Write(p[:room])
	f.room.Store(0)
	if f.meanwhile != "" {
		f.file.Write([]byte(f.meanwhile))
		f.meanwhile = ""
	}
	return n, &os.PathError{Op: "write", Path: "cdr.log", Err: syscall.ENOSPC}
}

func (f *faulty) Truncate(size int64) error {
	if f.noTrunc.Load() {
		return syscall.EIO
	}
	return f.file.Truncate(size)
}

func (f *faulty) Sync() error {
	f.syncs.Add(1)
	if f.sync != nil {
		return f.sync()
	}
	return f.file.Sync()
}

// openFaulty is an appender on a new file, and the file.
func openFaulty(t *testing.T, policy config.Sync) (*appender, *faulty) {
	t.Helper()
	a := newAppender(filepath.Join(t.TempDir(), "cdr.log"), policy, zap.NewNop())
	f := new(faulty)
	f.room.Store(-1)
	a.open = func(path string) (file, error) {
		real, err := openFile(path)
		f.file = real
		return f, err
	}
	start(t, a)
	return a, f
}

func start(t *testing.T, a *appender) {
	t.Helper()
	if err := a.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.close() })
}

func line(text string) []byte { return []byte("\n" + text + "\n") }

func put(t *testing.T, a *appender, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if err := a.append(t.Context(), line(text), nil); err != nil {
			t.Fatal(err)
		}
	}
}

func expect(t *testing.T, path, want string) {
	t.Helper()
	if got := read(t, path); got != want {
		t.Errorf("%s holds %q, not %q", filepath.Base(path), got, want)
	}
}

func TestFullDiskLeavesNoHalfLine(t *testing.T) {
	a, f := openFaulty(t, config.Sync{})
	put(t, a, "first")
	for _, room := range []int64{0, 1, 5, 6} {
		f.room.Store(room)
		err := a.append(t.Context(), line("second"), nil)
		if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "cdr.log") {
			t.Errorf("room for %d bytes: got %v", room, err)
		}
		expect(t, a.path, "first\n")
	}
	f.room.Store(-1)
	put(t, a, "third")
	expect(t, a.path, "first\nthird\n")
}

func TestHalfLineThatCannotBeCutIsEnded(t *testing.T) {
	a, f := openFaulty(t, config.Sync{})
	put(t, a, "first")
	f.room.Store(3)
	f.noTrunc.Store(true)
	if a.append(t.Context(), line("second"), nil) == nil {
		t.Fatal("stored on a full disk")
	}
	f.room.Store(-1)
	put(t, a, "third", "fourth")
	expect(t, a.path, "first\nsec\nthird\nfourth\n")
}

// TestSomebodyElseWroteIsNotCut has another program write that does not lock the file: before our line, and between its
// first half and the cut.
func TestSomebodyElseWroteIsNotCut(t *testing.T) {
	a, f := openFaulty(t, config.Sync{})
	put(t, a, "first")
	f.file.Write([]byte("a foreign line\n"))
	f.room.Store(3)
	if a.append(t.Context(), line("second"), nil) == nil {
		t.Fatal("stored on a full disk")
	}
	expect(t, a.path, "first\na foreign line\n")
	f.room.Store(3)
	f.meanwhile = "and another\n"
	if a.append(t.Context(), line("third"), nil) == nil {
		t.Fatal("stored on a full disk")
	}
	f.room.Store(-1)
	put(t, a, "fourth")
	expect(t, a.path, "first\na foreign line\nthiand another\nfourth\n")
}

// TestCutTakesNobodysLine lets two appenders of one program write to one file, as around a reload, while one of them meets
// a full disk again and again.
func TestCutTakesNobodysLine(t *testing.T) {
	a, f := openFaulty(t, config.Sync{})
	b := newAppender(a.path, config.Sync{}, zap.NewNop())
	start(t, b)
	const lines = 2000
	var wg sync.WaitGroup
	failed := 0
	wg.Go(func() {
		for i := range lines {
			f.room.Store(int64(i%9) - 1)
			if a.append(t.Context(), line(fmt.Sprintf("a %06d", i)), nil) != nil {
				failed++
			}
		}
	})
	wg.Go(func() {
		for i := range lines {
			if err := b.append(t.Context(), line(fmt.Sprintf("b %06d", i)), nil); err != nil {
				t.Error(err)
			}
		}
	})
	wg.Wait()
	count := map[byte]int{}
	for text := range strings.Lines(read(t, a.path)) {
		if len(text) != len("a 000000\n") {
			t.Fatalf("the line %q", text)
		}
		count[text[0]]++
	}
	if count['a'] != lines-failed || count['b'] != lines || failed == 0 || failed == lines {
		t.Errorf("%d and %d lines, %d failed", count['a'], count['b'], failed)
	}
}

// TestLockedFile: a program that holds the lock delays lines as long as their context allows.
func TestLockedFile(t *testing.T) {
	a := newAppender(filepath.Join(t.TempDir(), "cdr.log"), config.Sync{}, zap.NewNop())
	start(t, a)
	other, err := openFile(a.path)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := lock(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := a.append(ctx, line("early"), nil); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "locked") {
		t.Errorf("got %v", err)
	}
	var wg sync.WaitGroup
	wg.Go(func() { put(t, a, "late") })
	if err := other.Unlock(); err != nil {
		t.Error(err)
	}
	wg.Wait()
	expect(t, a.path, "late\n")
}

func TestTornTail(t *testing.T) {
	for _, test := range []struct{ before, after string }{
		{"", "new\n"}, {"whole\n", "whole\nnew\n"}, {"whole\nCDR|7|1f", "whole\nCDR|7|1f\nnew\n"},
	} {
		path := filepath.Join(t.TempDir(), "cdr.log")
		if err := os.WriteFile(path, []byte(test.before), 0o600); err != nil {
			t.Fatal(err)
		}
		a := newAppender(path, config.Sync{}, zap.NewNop())
		start(t, a)
		put(t, a, "new")
		expect(t, path, test.after)
	}
}

func TestRotation(t *testing.T) {
	for _, policy := range []config.Sync{{}, {Always: true}, {Every: time.Millisecond}} {
		a := newAppender(filepath.Join(t.TempDir(), "cdr.log"), policy, zap.NewNop())
		a.recheck = 0
		start(t, a)
		put(t, a, "one")
		rename(t, a.path, a.path+".1")
		put(t, a, "two")
		if err := os.Remove(a.path); err != nil {
			t.Fatal(err)
		}
		put(t, a, "three")
		if err := os.Truncate(a.path, 0); err != nil {
			t.Fatal(err)
		}
		put(t, a, "four")
		expect(t, a.path+".1", "one\n")
		expect(t, a.path, "four\n")
	}
}

func TestRenameIsNoticedWithinRecheck(t *testing.T) {
	a := newAppender(filepath.Join(t.TempDir(), "cdr.log"), config.Sync{}, zap.NewNop())
	a.recheck = 50 * time.Millisecond
	start(t, a)
	put(t, a, "before")
	rename(t, a.path, a.path+".1")
	deadline := time.Now().Add(5 * time.Second)
	for n := 0; ; n++ {
		put(t, a, fmt.Sprint(n))
		if _, err := os.Stat(a.path); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the renamed file was not noticed")
		}
		time.Sleep(5 * time.Millisecond)
	}
	lines := strings.Count(read(t, a.path)+read(t, a.path+".1"), "\n")
	if lines < 2 {
		t.Errorf("%d lines", lines)
	}
}

func TestGroupCommit(t *testing.T) {
	a, f := openFaulty(t, config.Sync{Always: true})
	const writers = 20
	release := make(chan struct{})
	f.sync = func() error { <-release; return nil }
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			if err := a.append(t.Context(), line(fmt.Sprint(i)), nil); err != nil {
				t.Error(err)
			}
		})
	}
	waitFor(t, func() bool { return strings.Count(read(t, a.path), "\n") == writers })
	close(release)
	wg.Wait()
	// The first fsync serves those that were there before it began, the second all the others; a third can come from a
	// writer that was between the two.
	if n := f.syncs.Load(); n > 3 {
		t.Errorf("%d fsyncs for %d lines", n, writers)
	}
	lines := strings.Split(strings.TrimSpace(read(t, a.path)), "\n")
	slices.Sort(lines)
	if len(slices.Compact(lines)) != writers {
		t.Errorf("lines are missing: %q", lines)
	}
}

func TestFailedSyncFailsItsEvents(t *testing.T) {
	a, f := openFaulty(t, config.Sync{Always: true})
	put(t, a, "safe")
	bad := errors.New("sync cdr.log: input/output error")
	entered, release := make(chan struct{}), make(chan struct{})
	var calls atomic.Int64
	f.sync = func() error {
		if calls.Add(1) > 1 {
			return nil
		}
		close(entered)
		<-release
		return bad
	}
	errs := make(chan error, 2)
	var wg sync.WaitGroup
	wg.Go(func() { errs <- a.append(t.Context(), line("lost"), nil) })
	<-entered
	wg.Go(func() { errs <- a.append(t.Context(), line("behind it"), nil) })
	waitFor(t, func() bool { return strings.Contains(read(t, a.path), "behind it\n") })
	close(release)
	wg.Wait()
	for range 2 {
		if err := <-errs; !errors.Is(err, bad) {
			t.Errorf("got %v", err)
		}
	}
	expect(t, a.path, "safe\n")
	put(t, a, "next")
	expect(t, a.path, "safe\nnext\n")
}

func TestIntervalSyncs(t *testing.T) {
	a, f := openFaulty(t, config.Sync{Every: time.Millisecond})
	put(t, a, "one")
	waitFor(t, func() bool { return f.syncs.Load() == 1 })
	put(t, a, "two")
	waitFor(t, func() bool { return f.syncs.Load() == 2 })
	if err := a.close(); err != nil {
		t.Fatal(err)
	}
	if n := f.syncs.Load(); n != 2 {
		t.Errorf("%d fsyncs for 2 lines", n)
	}
}

func TestCloseSyncsWhatIsOpen(t *testing.T) {
	a, f := openFaulty(t, config.Sync{Every: time.Hour})
	f.sync = func() error { return syscall.EIO }
	put(t, a, "one")
	if err := a.close(); !errors.Is(err, syscall.EIO) {
		t.Errorf("got %v", err)
	}
}

func TestDevice(t *testing.T) {
	a := newAppender("/dev/full", config.Sync{Always: true}, zap.NewNop())
	start(t, a)
	if err := a.append(t.Context(), line("x"), nil); !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "/dev/full") {
		t.Errorf("got %v", err)
	}
}

func waitFor(t *testing.T, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it did not happen")
		}
	}
}
