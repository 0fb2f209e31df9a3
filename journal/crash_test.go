//go:build crashpoints

package journal

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"tollgate/crashpoint"
)

const childDir = "JOURNAL_CRASH_DIR"

// TestCrashPoints kills a process at each point, and reads what it has left. The process says what it is about to end, and
// what was acknowledged, so that this knows what must be there and what must not.
func TestCrashPoints(t *testing.T) {
	if dir := os.Getenv(childDir); dir != "" {
		crashing(t, dir)
		return
	}
	for _, what := range []string{"begin", "append", "end", "settle", "done", "quarantine", "note", "compact", "epoch"} {
		for _, where := range []string{"before", "after"} {
			for _, n := range []int{1, 3, 30} {
				if what == "epoch" && n > 1 {
					continue
				}
				point := fmt.Sprintf("journal.%s.%s:%d", what, where, n)
				t.Run(point, func(t *testing.T) { crashAt(t, point) })
			}
		}
	}
	for _, point := range []string{"journal.compact.copied:5", "seglog.sync.before:40", "seglog.sync.after:40", "seglog.remove.after:3"} {
		t.Run(point, func(t *testing.T) { crashAt(t, point) })
	}
}

func crashAt(t *testing.T, point string) {
	dir := inDir(t)
	child := exec.Command(os.Args[0], "-test.run=^TestCrashPoints$")
	child.Env = append(os.Environ(), childDir+"="+dir, crashpoint.Variable+"="+point)
	out, err := child.CombinedOutput()
	if !bytes.Contains(out, []byte("crashpoint: dying at")) {
		t.Fatalf("the process did not die: %v\n%s", err, out)
	}
	j := opened(t, dir, small())
	defer closed(t, j)
	calls := chains(j)
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		var n, said int
		if _, err := fmt.Sscanf(lines.Text(), "call %d %d", &n, &said); err == nil && len(calls[id(n)]) < said {
			t.Errorf("call %d has %d records, %d were acknowledged", n, len(calls[id(n)]), said)
		}
		if _, err := fmt.Sscanf(lines.Text(), "ended %d", &n); err == nil && calls[id(n)] != nil {
			t.Errorf("call %d is back", n)
		}
		if _, err := fmt.Sscanf(lines.Text(), "kept %d", &n); err == nil {
			if _, err := j.Load(testEvent(n).ID); err != nil {
				t.Error(err)
			}
		}
		if _, err := fmt.Sscanf(lines.Text(), "noted %d", &n); err == nil && j.Notes("FileAcct").Noted(testEvent(n).ID) == nil {
			t.Errorf("the note of %d is gone", n)
		}
	}
	begun(t, j, id(1<<20), "the next run goes on")
}

// crashing works until it dies. Calls and events with an even number stay.
func crashing(t *testing.T, dir string) {
	j := opened(t, dir, small())
	pad := string(make([]byte, 2000))
	for n := range 2000 {
		begun(t, j, id(n), "begin"+pad)
		if n%2 == 0 && n < 40 {
			fmt.Println("call", n, 1)
		}
		appended(t, j, id(n), "answer"+pad)
		if n%2 == 0 && n < 40 {
			fmt.Println("call", n, 2)
		} else {
			j.End(id(n))
		}
		ev := testEvent(n)
		if err := j.Notes("FileAcct").Note(ev.ID, []byte("x")); err != nil { // makes the end durable
			t.Fatal(err)
		}
		if n%2 != 0 {
			fmt.Println("ended", n)
		}
		if err := j.Settle(ev, []string{"RadAcct", "FileAcct"}); err != nil {
			t.Fatal(err)
		}
		if err := j.Quarantine(ev, "RadAcct", "bad"); err != nil {
			t.Fatal(err)
		}
		if n%2 == 0 && n < 40 {
			fmt.Println("kept", n)
			fmt.Println("noted", n)
		} else {
			j.Done(ev.ID, "RadAcct")
			j.Done(ev.ID, "FileAcct")
		}
		j.wake()
	}
}
