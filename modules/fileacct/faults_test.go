package fileacct

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/zap"

	"tollgate/acctstack"
)

// script makes chosen operations of a run fail, counted over all files that it opens.
type script struct {
	fail  []int // numbers of the operations, from 1
	torn  bool  // a write that fails has written a half
	crash bool  // after the last of fail nothing works any more
	n     int
	ops   []string
	off   bool
}

func (s *script) fails(op string) error {
	if s.off {
		return nil
	}
	s.n++
	s.ops = append(s.ops, op)
	last := len(s.fail) > 0 && s.n > s.fail[len(s.fail)-1]
	if slices.Contains(s.fail, s.n) || s.crash && last {
		return &os.PathError{Op: op, Path: "cdr.log", Err: syscall.EIO}
	}
	return nil
}

// dead tells whether the program has crashed.
func (s *script) dead() bool { return s.crash && s.n > s.fail[len(s.fail)-1] }

func (s *script) open(real func(string) (file, error)) func(string) (file, error) {
	return func(path string) (file, error) {
		if err := s.fails("open"); err != nil {
			return nil, err
		}
		f, err := real(path)
		if err != nil {
			return nil, err
		}
		return &scripted{f, s}, nil
	}
}

type scripted struct {
	file
	script *script
}

func (f *scripted) Write(p []byte) (int, error) {
	err := f.script.fails("write")
	if err == nil {
		return f.file.Write(p)
	}
	if !f.script.torn || f.script.dead() {
		return 0, err
	}
	n, _ := f.file.Write(p[:len(p)/2])
	return n, err
}

func (f *scripted) ReadAt(p []byte, at int64) (int, error) {
	if err := f.script.fails("read"); err != nil {
		return 0, err
	}
	return f.file.ReadAt(p, at)
}

func (f *scripted) Stat() (fs.FileInfo, error) {
	if err := f.script.fails("stat"); err != nil {
		return nil, err
	}
	return f.file.Stat()
}

func (f *scripted) Size() (int64, error) {
	if err := f.script.fails("stat"); err != nil {
		return 0, err
	}
	return f.file.Size()
}

func (f *scripted) Truncate(size int64) error {
	if err := f.script.fails("truncate"); err != nil {
		return err
	}
	return f.file.Truncate(size)
}

// Sync leaves out the real one, which would tell nothing here and take its time.
func (f *scripted) Sync() error { return f.script.fails("sync") }

func (f *scripted) TryLock() (bool, error) {
	if err := f.script.fails("lock"); err != nil {
		return false, err
	}
	return f.file.TryLock()
}

// faultRun is one run of a few events through one module, or two as around a reload, with the faults of the script.
type faultRun struct {
	path   string
	begin  string // what the file holds before
	policy string
	script *script
	notes  *memory
	events []*acctstack.Event
}

func (r *faultRun) module(t *testing.T, s *script) *Module {
	m := noting(t, r.path, lineFormat+"\nSync="+r.policy, r.notes, zap.NewNop())
	m.out.file.Close()
	m.out.file = nil // it opens the file again by the script
	m.out.open, m.out.reopens = s.open(openFile), s.open(openWritten)
	return m
}

// do stores the events, and those that failed once more, as the stack does: in the same modules, or after a crash in a new
// one. In the end all are handed over again.
func (r *faultRun) do(t *testing.T, modules int) {
	keep(t, r.path, r.begin)
	r.notes = new(memory)
	open := []*Module{r.module(t, r.script)}
	failed := make([]bool, len(r.events))
	for i, ev := range r.events {
		if i == 2 && modules > 1 {
			open = append(open, r.module(t, r.script))
		}
		failed[i] = open[i%len(open)].Store(t.Context(), ev) != nil
	}
	if r.script.crash {
		for _, m := range open {
			m.Close() // the system closes the files; nothing else works
		}
		open = []*Module{r.module(t, &script{off: true})}
	}
	r.script.off = true
	for i, ev := range r.events {
		if failed[i] {
			store(t, open[i%len(open)], ev)
		}
	}
	store(t, open[0], r.events...)
	for _, m := range open {
		m.Close()
	}
}

// check wants each line once, and nothing else. A part of a line may stay where a crash left it and an event that had
// failed before was handed over again before the part's own: it cannot be known then whose part it is.
func (r *faultRun) check(t *testing.T, name string) {
	content := read(t, r.path)
	got := strings.Split(strings.TrimSuffix(content, "\n"), "\n")
	var want []string
	if r.begin != "" {
		want = append(want, r.begin)
	}
	for _, ev := range r.events {
		want = append(want, lineOf(ev))
		if r.script.crash && len(r.script.fail) > 1 {
			got = slices.DeleteFunc(got, func(text string) bool {
				return text != "" && len(text) < len(lineOf(ev)) && strings.HasPrefix(lineOf(ev), text)
			})
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) || !strings.HasSuffix(content, "\n") {
		t.Errorf("%s, operations %v: the file holds\n%s", name, r.script.ops, content)
	}
}

// TestEveryFault lets each operation of a run fail in turn.
func TestEveryFault(t *testing.T) {
	events := stops(5)
	forEachWay(t, func(t *testing.T, way faultRun, s script) {
		for at := 1; ; at++ {
			run, faults := way, s
			run.events, run.script, run.path = events, &faults, filepath.Join(t.TempDir(), "cdr.log")
			faults.fail = []int{at}
			run.do(t, 2)
			run.check(t, fmt.Sprint("fault ", at))
			if faults.n < at {
				break
			}
		}
	})
}

// TestEveryFaultAfterAFault lets each operation fail in turn that comes after a write or an fsync that failed: those by
// which it is taken back, and others.
func TestEveryFaultAfterAFault(t *testing.T) {
	events := stops(3)
	forEachWay(t, func(t *testing.T, way faultRun, s script) {
		calm := way
		calm.events, calm.script, calm.path = events, &script{}, filepath.Join(t.TempDir(), "cdr.log")
		calm.do(t, 1)
		for i, op := range calm.script.ops {
			if op != "write" && op != "sync" {
				continue
			}
			for at := i + 2; ; at++ {
				run, faults := way, s
				run.events, run.script, run.path = events, &faults, filepath.Join(t.TempDir(), "cdr.log")
				faults.fail = []int{i + 1, at}
				run.do(t, 1)
				run.check(t, fmt.Sprint("faults ", i+1, ", ", at))
				if faults.n < at {
					break
				}
			}
		}
	})
}

func forEachWay(t *testing.T, do func(t *testing.T, way faultRun, s script)) {
	for _, policy := range []string{"none", "always"} {
		for _, begin := range []string{"", "torn"} {
			for _, torn := range []bool{false, true} {
				for _, crash := range []bool{false, true} {
					t.Run(fmt.Sprintf("sync=%s,begin=%s,torn=%v,crash=%v", policy, begin, torn, crash), func(t *testing.T) {
						do(t, faultRun{policy: policy, begin: begin}, script{torn: torn, crash: crash})
					})
				}
			}
		}
	}
}
