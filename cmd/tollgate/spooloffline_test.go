package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"tollgate/acctstack"
	"tollgate/cdr"
	"tollgate/journal"
)

// leaveSpool makes a StateDir in which a gatekeeper has kept two events for RadAcct, of which SQLAcct has one in quarantine. It
// gives the directory, and a configuration that names it.
func leaveSpool(t *testing.T, calls ...cdr.UUID) (dir, file string) {
	t.Helper()
	dir = t.TempDir()
	file = filepath.Join(dir, "gk.ini")
	text := "[Gatekeeper::Main]\nStateDir=" + dir + "\n[CallTable]\nTimestampFormat=UTC %s\n[Journal]\nSegmentSize=65536\n[NoSuchSection]\nx=y\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	j := openJournal(t, dir)
	for n, keep := range [][]string{{"RadAcct", "SQLAcct"}, {"RadAcct"}} {
		ev := spoolEvent(n + 1)
		if err := j.Settle(ev, keep); err != nil {
			t.Fatal(err)
		}
		j.Answered(ev, "RadAcct", acctstack.Fail, errors.New("radacct: no answer"))
	}
	if err := j.Quarantine(spoolEvent(1), "SQLAcct", "no such\ncolumn"); err != nil {
		t.Fatal(err)
	}
	for _, id := range calls {
		begun := make(chan error, 1)
		if err := errors.Join(j.Begin(id, []byte("state"), func(err error) { begun <- err }), <-begun); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	return dir, file
}

func openJournal(t *testing.T, stateDir string) *journal.Journal {
	t.Helper()
	j, err := journal.Open(journal.Options{Dir: journalDir(stateDir), Settings: journal.Settings{LedgerKeep: time.Hour, SegmentSize: 64 << 10}})
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// left runs the command on a configuration.
func left(file string, args ...string) (stdout, stderr string, err error) {
	var out, problems strings.Builder
	err = (&spoolRun{stdin: strings.NewReader(""), stdout: &out, stderr: &problems}).run(append(args, "-c", file))
	return out.String(), problems.String(), err
}

// kept are the copies in a StateDir, as INSTANCE or INSTANCE! in quarantine.
func kept(t *testing.T, stateDir string) string {
	t.Helper()
	view, err := journal.Inspect(journalDir(stateDir))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, k := range view.Kept {
		name := k.Instance
		if k.Reason != "" {
			name += "!"
		}
		names = append(names, name)
	}
	return strings.Join(names, " ")
}

func TestSpoolWithoutGatekeeper(t *testing.T) {
	dir, file := leaveSpool(t)
	if got := kept(t, dir); got != "RadAcct SQLAcct! RadAcct" {
		t.Fatal(got)
	}
	out, _, err := left(file, "list")
	if err != nil {
		t.Fatal(err)
	}
	wantText(t, "list", out, `SQLAcct           quarantined: no such\ncolumn`+"\n", "\nRadAcct: 2 waiting, 0 quarantined\nSQLAcct: 0 waiting, 1 quarantined\n2 events in all\n")
	out, _, err = left(file, "show", spoolID(1).String())
	if err != nil {
		t.Fatal(err)
	}
	wantText(t, "show", out, "RadAcct: waiting\n", "RadAcct: fail: radacct: no answer\n", "  d                      50\n")
	out, _, err = left(file, "export", "-format", "line", "-instance", "RadAcct")
	if err != nil || strings.Count(out, "CDR|") != 2 {
		t.Errorf("%v\n%s", err, out)
	}

	out, _, err = left(file, "retry", "all", "-quarantine")
	if got := kept(t, dir); err != nil || out != "1 event for SQLAcct tried when the gatekeeper starts\n" || got != "RadAcct SQLAcct RadAcct" {
		t.Errorf("%v, %s, kept %s", err, out, got)
	}
	out, problems, err := left(file, "drop", "all", "-instance", "RadAcct", "-yes")
	if got := kept(t, dir); err != nil || out != "2 events for RadAcct dropped\n" || got != "SQLAcct" {
		t.Errorf("%v, %s, kept %s", err, out, got)
	}
	if n := strings.Count(problems, "kept event dropped by the operator"); n != 2 {
		t.Errorf("%d of 2 drops are logged:\n%s", n, problems)
	}
}

func TestSpoolNeedsTheDirectoryForItself(t *testing.T) {
	dir, file := leaveSpool(t)
	lock, err := openStateDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if _, _, err := left(file, "list"); err != nil {
		t.Error(err)
	}
	if _, _, err := left(file, "retry", "all"); err == nil || !strings.Contains(err.Error(), "another gatekeeper is using it; it may be starting or stopping") {
		t.Error(err)
	}
}

func TestSpoolOfAGatekeeperThatLeftNothing(t *testing.T) {
	dir := t.TempDir()
	if _, _, err := spool(t, dir, "", "list"); !errors.Is(err, errNoGatekeeper) {
		t.Error(err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("%v, %v: nothing was to be made", entries, err)
	}
}

// A configuration says how times are written in CDR lines. Mistakes elsewhere in it do not matter.
func TestSpoolOfAConfiguration(t *testing.T) {
	_, file := leaveSpool(t)
	out, _, err := left(file, "export", "-format", "line")
	if err != nil || !strings.Contains(out, "|50|1795521550|1795521600|") {
		t.Errorf("%v\n%s", err, out)
	}
}

// With calls in it the journal is read only: to open it would be to say that the calls were up until now.
func TestSpoolLeavesTheCallsOfADeadGatekeeperAlone(t *testing.T) {
	dir, file := leaveSpool(t, cdr.UUID{7})
	before, err := journal.Inspect(journalDir(dir))
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"list"}, {"show", spoolID(1).String()}, {"export"}} {
		if out, _, err := left(file, args...); err != nil || !strings.Contains(out, spoolID(1).String()) {
			t.Errorf("%q: %v\n%s", args, err, out)
		}
	}
	for _, args := range [][]string{{"retry", "all"}, {"drop", "all", "-instance", "RadAcct", "-yes"}} {
		if _, _, err := left(file, args...); err == nil || !strings.Contains(err.Error(), "1 call of it are to go on: start it first") {
			t.Errorf("%q: %v", args, err)
		}
	}
	after, err := journal.Inspect(journalDir(dir))
	if err != nil || after.Alive != before.Alive || after.Epoch != before.Epoch || len(after.Kept) != 3 || len(after.Calls) != 1 {
		t.Errorf("%v\nbefore %+v\nafter  %+v", err, before, after)
	}
}

// A long backlog is read from the opened journal.
func TestSpoolOfALongBacklog(t *testing.T) {
	dir, file := leaveSpool(t)
	j := openJournal(t, dir)
	var wait sync.WaitGroup
	for worker := range 20 {
		wait.Go(func() {
			for n := range inspectMost / 20 {
				if err := j.Settle(spoolEvent(100+20*n+worker), []string{"RadAcct"}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	out, _, err := left(file, "export", "-format", "line")
	if n := strings.Count(out, "CDR|"); err != nil || n != inspectMost+2 {
		t.Errorf("%v, %d lines", err, n)
	}
}
