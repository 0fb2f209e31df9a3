package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tollgate/acctstack"
	"tollgate/config"
	"tollgate/journal"
)

// leaveSpool makes a StateDir in which a gatekeeper has kept three events: two for RadAcct, of which SQLAcct has one in quarantine.
func leaveSpool(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
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
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

func openJournal(t *testing.T, stateDir string) *journal.Journal {
	t.Helper()
	file, err := config.Parse("test.ini", nil)
	if err != nil {
		t.Fatal(err)
	}
	settings, err := journal.ParseSettings(config.Schema{{Name: "Journal", Keys: journal.Keys()}}.Section(file, "Journal"))
	if err != nil {
		t.Fatal(err)
	}
	j, err := journal.Open(journal.Options{Dir: journalDir(stateDir), Settings: settings})
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// kept are the copies in a StateDir, as INSTANCE or INSTANCE! in quarantine.
func kept(t *testing.T, stateDir string) string {
	t.Helper()
	j := openJournal(t, stateDir)
	defer j.Close()
	var names []string
	for _, k := range j.Kept() {
		name := k.Instance
		if k.Reason != "" {
			name += "!"
		}
		names = append(names, name)
	}
	return strings.Join(names, " ")
}

func TestSpoolWithoutGatekeeper(t *testing.T) {
	dir := leaveSpool(t)
	if got := kept(t, dir); got != "RadAcct SQLAcct! RadAcct" {
		t.Fatal(got)
	}
	out, _, err := spool(t, dir, "", "list")
	if err != nil {
		t.Fatal(err)
	}
	wantText(t, "list", out, `SQLAcct           quarantined: no such\ncolumn`+"\n", "\nRadAcct: 2 waiting, 0 quarantined\nSQLAcct: 0 waiting, 1 quarantined\n2 events in all\n")
	out, _, err = spool(t, dir, "", "show", spoolID(1).String())
	if err != nil {
		t.Fatal(err)
	}
	wantText(t, "show", out, "RadAcct: waiting\n", "RadAcct: fail: radacct: no answer\n", "  d                      50\n")
	out, _, err = spool(t, dir, "", "export", "-format", "line", "-instance", "RadAcct")
	if err != nil || strings.Count(out, "CDR|") != 2 {
		t.Errorf("%v\n%s", err, out)
	}

	out, _, err = spool(t, dir, "", "retry", "all", "-quarantine")
	if got := kept(t, dir); err != nil || out != "1 event for SQLAcct tried when the gatekeeper starts\n" || got != "RadAcct SQLAcct RadAcct" {
		t.Errorf("%v, %s, kept %s", err, out, got)
	}
	out, problems, err := spool(t, dir, "", "drop", "all", "-instance", "RadAcct", "-yes")
	if got := kept(t, dir); err != nil || out != "2 events for RadAcct dropped\n" || got != "SQLAcct" {
		t.Errorf("%v, %s, kept %s", err, out, got)
	}
	if n := strings.Count(problems, "kept event dropped by the operator"); n != 2 {
		t.Errorf("%d of 2 drops are logged:\n%s", n, problems)
	}
}

func TestSpoolNeedsTheDirectoryForItself(t *testing.T) {
	dir := leaveSpool(t)
	lock, err := openStateDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if _, _, err := spool(t, dir, "", "list"); err == nil || !strings.Contains(err.Error(), "another gatekeeper is using it; it may be starting or stopping") {
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

// A configuration names the directory, and how times are written in CDR lines.
func TestSpoolOfAConfiguration(t *testing.T) {
	dir := leaveSpool(t)
	file := filepath.Join(dir, "gk.ini")
	text := "[Gatekeeper::Main]\nStateDir=" + dir + "\n[CallTable]\nTimestampFormat=UTC %s\n[NoSuchSection]\nx=y\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	r := &spoolRun{stdout: &strings.Builder{}, stderr: &strings.Builder{}}
	if err := r.run([]string{"export", "-format", "line", "-c", file}); err != nil {
		t.Fatal(err)
	}
	if out := r.stdout.(*strings.Builder).String(); !strings.Contains(out, "|50|1795521550|1795521600|") {
		t.Errorf("%d: %s", spoolTime.Add(-50*time.Second).Unix(), out)
	}
}
