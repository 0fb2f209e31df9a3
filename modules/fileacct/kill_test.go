package fileacct

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"

	"tollgate/acctstack"
	"tollgate/acctstack/stacktest"
	"tollgate/cdr"
)

// killDir names the folder to the child of TestKilled, killSync its Sync.
const (
	killDir  = "TOLLGATE_TEST_FILEACCT"
	killSync = "TOLLGATE_TEST_SYNC"
)

// killEvents are the same in each run. Some lines are longer than a page, so that a write can end in their middle.
func killEvents() []*acctstack.Event {
	var all []*acctstack.Event
	for i := range 2000 {
		ev := stacktest.Event(acctstack.Stop, i)
		ev.ID = cdr.UUID{}
		binary.BigEndian.PutUint32(ev.ID[12:], uint32(i))
		ev.Record.User = strings.Repeat("u", 1+i*37%9000)
		all = append(all, ev)
	}
	return all
}

// noteFile are notes in a file: each an id, a length, the text. What a kill has cut off goes at the next start.
type noteFile struct {
	memory
	f *os.File
}

func openNotes(t *testing.T, path string) *noteFile {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	n := new(noteFile)
	at := 0
	for at+20 <= len(content) {
		end := at + 20 + int(binary.BigEndian.Uint32(content[at+16:]))
		if end > len(content) {
			break
		}
		n.memory.Note(cdr.UUID(content[at:at+16]), content[at+20:end])
		at = end
	}
	if n.f, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600); err == nil {
		err = n.f.Truncate(int64(at))
	}
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (n *noteFile) Note(id cdr.UUID, text []byte) error {
	record := binary.BigEndian.AppendUint32(append([]byte(nil), id[:]...), uint32(len(text)))
	n.mu.Lock()
	_, err := n.f.Write(append(record, text...))
	n.mu.Unlock()
	if err != nil {
		return err
	}
	return n.memory.Note(id, text)
}

// TestKilledChild is the program that TestKilled kills: it stores all events, four at a time.
func TestKilledChild(t *testing.T) {
	dir := os.Getenv(killDir)
	if dir == "" {
		return // in the parent there is nothing to do
	}
	notes := openNotes(t, filepath.Join(dir, "notes"))
	m := noting(t, filepath.Join(dir, "cdr.log"), lineFormat+"\nSync="+os.Getenv(killSync), notes, zap.NewNop())
	events := killEvents()
	var wg sync.WaitGroup
	for part := range 4 {
		wg.Go(func() {
			for i := part; i < len(events); i += 4 {
				store(t, m, events[i])
			}
		})
	}
	wg.Wait()
	if err := m.Close(); err != nil {
		t.Error(err)
	}
}

// TestKilled kills a program that writes lines, twenty times at any moment, has it begin again with the same events, and
// renames the file now and then, as logrotate does.
func TestKilled(t *testing.T) {
	dir := t.TempDir()
	kills := 0
	for i := 0; kills < 20 && i < 200; i++ {
		sync := "none"
		if i%3 == 0 {
			sync = "always"
		}
		if child(t, dir, sync, time.Duration(5+rand.IntN(40))*time.Millisecond) {
			kills++
		}
		if path := filepath.Join(dir, "cdr.log"); i%4 == 3 {
			os.Rename(path, fmt.Sprintf("%s.%d", path, i)) // it may not be there yet
		}
	}
	child(t, dir, "none", 0)
	if kills < 20 {
		t.Errorf("%d children were killed", kills)
	}
	expectEachLineOnce(t, dir, kills)
}

// expectEachLineOnce looks at all files of the folder together. What a kill left of a line is ended if another event comes
// first; it is no event's line.
func expectEachLineOnce(t *testing.T, dir string, kills int) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "cdr.log*"))
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, path := range paths {
		for text := range strings.Lines(read(t, path)) {
			count[strings.TrimSuffix(text, "\n")]++
		}
	}
	for _, ev := range killEvents() {
		if n := count[lineOf(ev)]; n != 1 {
			t.Errorf("the line of call %s stands there %d times", ev.Record.SessionID, n)
		}
		delete(count, lineOf(ev))
	}
	if len(count) > kills {
		t.Errorf("%d other lines after %d kills", len(count), kills)
	}
}

// child runs the program for its life, 0 until it ends, and tells whether it was killed.
func child(t *testing.T, dir, sync string, life time.Duration, env ...string) (killed bool) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestKilledChild$")
	cmd.Env = append(append(os.Environ(), killDir+"="+dir, killSync+"="+sync), env...)
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
