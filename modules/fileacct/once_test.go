package fileacct

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"tollgate/acctstack"
	"tollgate/acctstack/stacktest"
	"tollgate/cdr"
	"tollgate/config"
)

// memory are notes that outlive modules, not the test.
type memory struct {
	mu    sync.Mutex
	texts map[cdr.UUID][]byte
	err   error
}

func (m *memory) Note(id cdr.UUID, text []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return m.err
	}
	if m.texts == nil {
		m.texts = make(map[cdr.UUID][]byte)
	}
	m.texts[id] = append([]byte(nil), text...)
	return nil
}

func (m *memory) Noted(id cdr.UUID) []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.texts[id]
}

const lineFormat = "CDRString=%s|%{event-uuid}|%u"

// lineOf is the line of the event in lineFormat, without its line feed.
func lineOf(ev *acctstack.Event) string {
	return ev.Record.SessionID + "|" + ev.ID.String() + "|" + ev.Record.User
}

func stops(n int) []*acctstack.Event {
	var all []*acctstack.Event
	for i := range n {
		all = append(all, stacktest.Event(acctstack.Stop, i))
	}
	return all
}

// noting makes and starts a module with notes; closing it is the caller's business.
func noting(t *testing.T, path, lines string, notes acctstack.Notes, log *zap.Logger) *Module {
	t.Helper()
	f := Factory()
	env := stacktest.Env(t, f)
	env.Notes, env.Log = notes, log
	m, err := newModule(env, stacktest.Section(t, f, "DetailFile="+path+"\n"+lines))
	if err == nil {
		err = m.(*Module).Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	return m.(*Module)
}

func store(t *testing.T, m *Module, events ...*acctstack.Event) {
	t.Helper()
	for _, ev := range events {
		if err := m.Store(t.Context(), ev); err != nil {
			t.Error(err)
		}
	}
}

// TestFormerAttempt stores an event of which a former attempt left something.
func TestFormerAttempt(t *testing.T) {
	ev, other := stacktest.Event(acctstack.Stop, 1), stacktest.Event(acctstack.Stop, 2)
	mine, its := lineOf(ev), lineOf(other)
	tests := []struct {
		name    string
		between func(t *testing.T, path string) // what happens after the note
		files   map[string]string               // afterwards
		warns   string
	}{
		{"nothing was written", func(t *testing.T, path string) { keep(t, path, "before\n") }, map[string]string{"": "before\n" + mine + "\n"}, ""},
		{"all was written", func(t *testing.T, path string) {}, map[string]string{"": "before\n" + mine + "\n"}, ""},
		{"and more behind it", func(t *testing.T, path string) { keep(t, path, "before\n"+mine+"\n"+its+"\n") },
			map[string]string{"": "before\n" + mine + "\n" + its + "\n"}, ""},
		{"others were before it", func(t *testing.T, path string) { keep(t, path, "before\n"+its+"\n"+mine+"\n"+its[:9]) },
			map[string]string{"": "before\n" + its + "\n" + mine + "\n" + its[:9]}, ""},
		{"a part was written", func(t *testing.T, path string) { keep(t, path, "before\n"+its+"\n"+mine[:20]) },
			map[string]string{"": "before\n" + its + "\n" + mine + "\n"}, ""},
		{"all but the line feed", func(t *testing.T, path string) { keep(t, path, "before\n"+mine) }, map[string]string{"": "before\n" + mine + "\n"}, ""},
		{"a part of another's", func(t *testing.T, path string) { keep(t, path, "before\n"+its) }, map[string]string{"": "before\n" + its + "\n" + mine + "\n"}, ""},
		{"renamed, it is there", func(t *testing.T, path string) { rename(t, path, path+".1") }, map[string]string{".1": "before\n" + mine + "\n", "": ""}, ""},
		{"renamed, a new file is there", func(t *testing.T, path string) {
			rename(t, path, path+".1")
			keep(t, path, "new\n")
		}, map[string]string{".1": "before\n" + mine + "\n", "": "new\n"}, ""},
		{"renamed, a part is there", func(t *testing.T, path string) {
			keep(t, path, "before\n"+mine[:9])
			rename(t, path, path+".1")
		}, map[string]string{".1": "before\n", "": mine + "\n"}, ""},
		{"renamed, it is not there", func(t *testing.T, path string) {
			keep(t, path, "before\n")
			rename(t, path, path+".1")
		}, map[string]string{".1": "before\n", "": mine + "\n"}, ""},
		{"gone", remove, map[string]string{"": mine + "\n"}, "is gone"},
		{"cut before the noted place", func(t *testing.T, path string) { keep(t, path, "") }, map[string]string{"": mine + "\n"}, ""},
	}
	for _, test := range tests {
		for _, restart := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, restart %v", test.name, restart), func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "cdr.log")
				keep(t, path, "before\n")
				core, logs := observer.New(zap.WarnLevel)
				var notes memory
				m := noting(t, path, lineFormat+"\nSync=always", &notes, zap.New(core))
				m.out.recheck = 0
				store(t, m, ev)
				test.between(t, path)
				if restart {
					m.Close()
					m = noting(t, path, lineFormat+"\nSync=always", &notes, zap.New(core))
				}
				logs.TakeAll()
				store(t, m, ev, ev)
				if err := m.Close(); err != nil {
					t.Error(err)
				}
				for suffix, want := range test.files {
					if _, err := os.Stat(path + suffix); err != nil && want == "" {
						continue // nothing was to be written, so the file need not be there
					}
					expect(t, path+suffix, want)
				}
				if text := fmt.Sprint(logs.All()); (test.warns == "") != (logs.FilterMessageSnippet("former").Len() == 0) || !strings.Contains(text, test.warns) {
					t.Errorf("logged %s", text)
				}
			})
		}
	}
}

// TestLink: behind a link, the file is looked for where a rotation leaves it.
func TestLink(t *testing.T) {
	dir, link := t.TempDir(), filepath.Join(t.TempDir(), "link.log")
	path := filepath.Join(dir, "cdr.log")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	ev := stacktest.Event(acctstack.Stop, 1)
	var notes memory
	m := noting(t, link, lineFormat, &notes, zap.NewNop())
	defer m.Close()
	store(t, m, ev)
	rename(t, path, path+".1")
	store(t, m, ev)
	expect(t, path+".1", lineOf(ev)+"\n")
	if _, err := os.Stat(path); err == nil {
		expect(t, path, "")
	}
}

// remove takes the file away, but not its inode, which the next file would get.
func remove(t *testing.T, path string) {
	t.Helper()
	f, err := os.Open(path)
	if err == nil {
		t.Cleanup(func() { f.Close() })
		err = os.Remove(path)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// keep gives the file another content, and lets it remain the same file.
func keep(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestOtherFormat: the line is found although it would be made in another way now.
func TestOtherFormat(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cdr.log")
	ev := stacktest.Event(acctstack.Stop, 1)
	var notes memory
	m := noting(t, path, lineFormat, &notes, zap.NewNop())
	store(t, m, ev)
	m.Close()
	m = noting(t, path, "CDRString=%s", &notes, zap.NewNop())
	defer m.Close()
	store(t, m, ev)
	expect(t, path, lineOf(ev)+"\n")
}

// TestAlikeLinesAreNotTakenForEachOther: where a line does not name its event, no line is taken for it.
func TestAlikeLinesAreNotTakenForEachOther(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cdr.log")
	core, logs := observer.New(zap.WarnLevel)
	var notes memory
	m := noting(t, path, "CDRString=%u|%d", &notes, zap.New(core))
	defer m.Close()
	store(t, m, stops(3)...)
	expect(t, path, strings.Repeat("alice|65\n", 3))
	if len(notes.texts) != 0 || logs.FilterMessageSnippet("neither %s nor").Len() != 1 {
		t.Errorf("%d notes, logged %v", len(notes.texts), logs.All())
	}
}

func TestUnreadableNote(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cdr.log")
	ev := stacktest.Event(acctstack.Stop, 1)
	notes := memory{texts: map[cdr.UUID][]byte{ev.ID: {9, 9}}}
	core, logs := observer.New(zap.WarnLevel)
	m := noting(t, path, lineFormat, &notes, zap.New(core))
	defer m.Close()
	store(t, m, ev, ev)
	expect(t, path, lineOf(ev)+"\n")
	if logs.FilterMessageSnippet("cannot be read").Len() != 1 {
		t.Errorf("logged %v", logs.All())
	}
}

// TestWithoutANoteNothingIsWritten: the journal comes first.
func TestWithoutANoteNothingIsWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cdr.log")
	notes := memory{err: errors.New("the journal is full")}
	m := noting(t, path, lineFormat, &notes, zap.NewNop())
	defer m.Close()
	ev := stacktest.Event(acctstack.Stop, 1)
	if err := m.Store(t.Context(), ev); !errors.Is(err, notes.err) || acctstack.IsPermanent(err) || !strings.Contains(err.Error(), ev.Record.SessionID) {
		t.Errorf("got %v", err)
	}
	expect(t, path, "")
}

// TestDeviceHasNoNotes: in a pipe nothing can be looked for.
func TestDeviceHasNoNotes(t *testing.T) {
	var notes memory
	m := noting(t, "/dev/null", lineFormat, &notes, zap.NewNop())
	defer m.Close()
	store(t, m, stops(1)...)
	if len(notes.texts) != 0 {
		t.Errorf("%d notes", len(notes.texts))
	}
}

// TestNotesShareACommit: the file is free while notes are on their way to the disk.
func TestNotesShareACommit(t *testing.T) {
	const lines = 16
	notes := gathering{arrived: make(chan struct{}, lines), release: make(chan struct{})}
	path := filepath.Join(t.TempDir(), "cdr.log")
	m := noting(t, path, lineFormat, &notes, zap.NewNop())
	defer m.Close()
	var wg sync.WaitGroup
	for _, ev := range stops(lines) {
		wg.Go(func() { store(t, m, ev) })
	}
	for range lines {
		<-notes.arrived // all are in Note at once
	}
	close(notes.release)
	wg.Wait()
	if n := strings.Count(read(t, path), "\n"); n != lines {
		t.Errorf("%d lines", n)
	}
}

type gathering struct {
	memory
	arrived, release chan struct{}
}

func (g *gathering) Note(id cdr.UUID, text []byte) error {
	g.arrived <- struct{}{}
	<-g.release
	return g.memory.Note(id, text)
}

// shortened cuts the file, or exchanges it, while the first note is on its way.
type shortened struct {
	memory
	once sync.Once
	do   func()
}

func (s *shortened) Note(id cdr.UUID, text []byte) error {
	err := s.memory.Note(id, text)
	s.once.Do(s.do)
	return err
}

// TestPlaceIsGoneWhenTheNoteIsThere: then another one is noted, so that the line is found.
func TestPlaceIsGoneWhenTheNoteIsThere(t *testing.T) {
	for name, do := range map[string]func(t *testing.T, path string){
		"cut":       func(t *testing.T, path string) { keep(t, path, "x\n") },
		"exchanged": func(t *testing.T, path string) { rename(t, path, path+".1"); keep(t, path, strings.Repeat("x\n", 90)) },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "cdr.log")
			keep(t, path, strings.Repeat("before\n", 10))
			notes := shortened{do: func() { do(t, path) }}
			m := noting(t, path, lineFormat, &notes, zap.NewNop())
			m.out.recheck = 0
			defer m.Close()
			ev := stacktest.Event(acctstack.Stop, 1)
			store(t, m, ev, ev)
			if got := strings.TrimLeft(read(t, path), "x\n"); got != lineOf(ev)+"\n" {
				t.Errorf("behind what was there stands %q", got)
			}
		})
	}
}

// TestFailedSyncBesideAnotherWriter: the line cannot be taken back, since another program's is behind it. The event fails,
// and its line is found when it is stored again.
func TestFailedSyncBesideAnotherWriter(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cdr.log")
	var notes memory
	m := noting(t, path, lineFormat+"\nSync=always", &notes, zap.NewNop())
	defer m.Close()
	other := newAppender(path, config.Sync{}, zap.NewNop())
	start(t, other)
	f := &faulty{file: m.out.file}
	f.room.Store(-1)
	m.out.file = f
	all := stops(3)
	store(t, m, all[0])
	f.sync = func() error {
		f.sync = nil
		put(t, other, "another")
		if err := m.out.append(t.Context(), line("unnoted"), &place{info: m.out.info, offset: 1 << 40}); err != errMoved {
			t.Error(err)
		}
		return errors.New("sync cdr.log: input/output error")
	}
	if err := m.Store(t.Context(), all[1]); err == nil {
		t.Error("stored")
	}
	store(t, m, all[2], all[1])
	expect(t, path, lineOf(all[0])+"\n"+lineOf(all[1])+"\nanother\n"+lineOf(all[2])+"\n")
}
