package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"tollgate/acctstack"
	"tollgate/cdr"
)

// operatorDouble keeps events in memory.
type operatorDouble struct {
	mu      sync.Mutex
	kept    []acctstack.Kept
	events  map[cdr.UUID]*acctstack.Event
	retried []spoolRef
}

func (o *operatorDouble) Kept() []acctstack.Kept {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.kept)
}

func (o *operatorDouble) Load(id cdr.UUID) (*acctstack.Event, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if ev := o.events[id]; ev != nil {
		return ev, nil
	}
	return nil, errors.New("journal: reading event: bad\nsum")
}

func (o *operatorDouble) find(id cdr.UUID, instance string) (int, error) {
	for i := range o.kept {
		if o.kept[i].ID == id && o.kept[i].Instance == instance {
			return i, nil
		}
	}
	return 0, fmt.Errorf("event %s is not kept for %s", id, instance)
}

func (o *operatorDouble) Retry(id cdr.UUID, instance string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	i, err := o.find(id, instance)
	if err == nil {
		o.kept[i].Reason = ""
		o.retried = append(o.retried, spoolRef{id.String(), instance})
	}
	return err
}

func (o *operatorDouble) Drop(id cdr.UUID, instance string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	i, err := o.find(id, instance)
	if err == nil {
		o.kept = slices.Delete(o.kept, i, i+1)
	}
	return err
}

// ledgerDouble has one answer for every event.
type ledgerDouble struct{ answer spoolAnswer }

func (l ledgerDouble) Answers(id cdr.UUID) ([]spoolAnswer, error) {
	if id[15] == 0xff {
		return nil, errors.New("the ledger is damaged")
	}
	return []spoolAnswer{l.answer}, nil
}

var spoolTime = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func spoolID(n int) cdr.UUID { return cdr.UUID{0: 1, 14: byte(n >> 8), 15: byte(n)} }

// spoolEvent is a stop of the call of that number.
func spoolEvent(n int) *acctstack.Event {
	return &acctstack.Event{
		Stamp: cdr.Stamp{ID: spoolID(n), Time: spoolTime, Name: "gk"}, Kind: acctstack.Stop, Call: cdr.UUID{1, 2, 3}, Seq: 3,
		Record: &cdr.Record{
			Number: uint64(n), SessionID: fmt.Sprintf("%016x", n), SIPCallID: "a|b\x1b[2J@host", CallID: cdr.CallIDOf("a"), User: "anna \"x\"",
			Setup: spoolTime.Add(-time.Minute), Connected: spoolTime.Add(-50 * time.Second), Disconnected: spoolTime, Now: spoolTime, Cause: 16,
		},
	}
}

// threeKept are a stop that waits for RadAcct and is in quarantine for SQLAcct, an on for RadAcct, and one that cannot be read.
func threeKept() *operatorDouble {
	on := &acctstack.Event{Stamp: cdr.Stamp{ID: spoolID(2), Time: spoolTime, SessionID: "gk-1"}, Kind: acctstack.On}
	o := &operatorDouble{events: map[cdr.UUID]*acctstack.Event{spoolID(1): spoolEvent(1), spoolID(2): on}}
	stop := acctstack.Kept{ID: spoolID(1), Call: cdr.UUID{1, 2, 3}, Seq: 3, Kind: acctstack.Stop, Time: spoolTime, Instance: "RadAcct"}
	aside := stop
	aside.Instance, aside.Reason = "SQLAcct", "no such\ncolumn"
	o.kept = []acctstack.Kept{stop, aside,
		{ID: spoolID(2), Kind: acctstack.On, Time: spoolTime, Instance: "RadAcct", Attempts: 2, Err: "no\nanswer"},
		{ID: spoolID(3), Kind: acctstack.Stop, Time: spoolTime, Instance: "RadAcct"}}
	return o
}

// serveSpool runs the server side in a directory.
func serveSpool(t *testing.T, o spoolOperator) (dir string, log *observer.ObservedLogs) {
	t.Helper()
	dir = t.TempDir()
	core, log := observer.New(zap.DebugLevel)
	s, err := newSpoolServer(dir, o, ledgerDouble{spoolAnswer{spoolTime, "SQLAcct", "fail", "no such\ncolumn"}}, zap.New(core))
	if err != nil {
		t.Fatal(err)
	}
	s.start()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.close(ctx); err != nil {
			t.Error(err)
		}
		if _, err := os.Lstat(filepath.Join(dir, controlName)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the socket is still there (%v)", err)
		}
	})
	return dir, log
}

// spool runs the command in a directory.
func spool(t *testing.T, dir, stdin string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	var out, problems bytes.Buffer
	r := &spoolRun{stdin: strings.NewReader(stdin), terminal: stdin != "", stdout: &out, stderr: &problems}
	err = r.run(append(args, "-state", dir))
	return out.String(), problems.String(), err
}

func wantText(t *testing.T, what, got string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(got, part) {
			t.Errorf("%s lacks %q:\n%s", what, part, got)
		}
	}
}

func TestSpoolList(t *testing.T) {
	dir, _ := serveSpool(t, threeKept())
	out, _, err := spool(t, dir, "", "list")
	if err != nil {
		t.Fatal(err)
	}
	wantText(t, "list", out, spoolID(1).String(), "0000000000000001  RadAcct           waiting\n", `SQLAcct           quarantined: no such\ncolumn`+"\n",
		"gk-1 ", `waiting, 2 attempts: no\nanswer`, "(not readable)", "\nRadAcct: 3 waiting, 0 quarantined\nSQLAcct: 0 waiting, 1 quarantined\n3 events in all\n")
	out, _, err = spool(t, dir, "", "list", "-instance", "sqlacct", "-quarantine")
	if err != nil || strings.Contains(out, "RadAcct") || !strings.HasSuffix(out, "\nSQLAcct: 0 waiting, 1 quarantined\n1 event in all\n") {
		t.Errorf("%v\n%s", err, out)
	}
	out, _, err = spool(t, dir, "", "list", "-instance", "FileAcct")
	if err != nil || out != "nothing is kept for FileAcct\n" {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestSpoolListJSON(t *testing.T) {
	dir, _ := serveSpool(t, threeKept())
	out, _, err := spool(t, dir, "", "list", "-json")
	if err != nil {
		t.Fatal(err)
	}
	var lines []spoolLine
	for decoder := json.NewDecoder(strings.NewReader(out)); decoder.More(); {
		var l spoolLine
		if err := decoder.Decode(&l); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, l)
	}
	if len(lines) != 4 || lines[1].State != "quarantined" || lines[1].Reason != "no such\ncolumn" || lines[1].Session != "0000000000000001" ||
		lines[1].Age <= 0 && time.Now().After(spoolTime.Add(time.Minute)) || lines[3].Damage == "" || lines[2].Kind != "on" {
		t.Errorf("%+v", lines)
	}
}

func TestSpoolShow(t *testing.T) {
	dir, _ := serveSpool(t, threeKept())
	byID, _, err := spool(t, dir, "", "show", spoolID(1).String())
	if err != nil {
		t.Fatal(err)
	}
	bySession, _, err := spool(t, dir, "", "show", "0000000000000001")
	if err != nil || byID != bySession {
		t.Errorf("%v\n%s", err, bySession)
	}
	wantText(t, "show", byID, "RadAcct: waiting\n", `SQLAcct: quarantined: no such\ncolumn`, `SQLAcct: fail: no such\ncolumn`, "event 3 of it\n",
		"  d                      50\n", "  c                      16\n", `a|b\x1b[2J@host`, `anna \"x\"`)
	if out, _, err := spool(t, dir, "", "show", spoolID(3).String()); err != nil || !strings.Contains(out, `not readable             journal: reading event: bad\nsum`) {
		t.Errorf("%v\n%s", err, out)
	}
	if out, _, err := spool(t, dir, "", "show", spoolID(9).String()); err != nil || !strings.Contains(out, "nobody\nanswer") {
		t.Errorf("an event that is not kept any more: %v\n%s", err, out)
	}
	for _, target := range []string{spoolID(0xff).String(), "nosuchsession"} {
		if out, _, err := spool(t, dir, "", "show", target); err == nil || out != "" {
			t.Errorf("%s: %v\n%s", target, err, out)
		}
	}
}

func TestSpoolExport(t *testing.T) {
	dir, _ := serveSpool(t, threeKept())
	out, problems, err := spool(t, dir, "", "export", "-format", "line")
	if err == nil || !strings.Contains(err.Error(), "1 event not readable") {
		t.Errorf("an event that cannot be read: %v", err)
	}
	if !strings.HasPrefix(out, "CDR|1|") || !strings.HasSuffix(out, "|gk;\n") || strings.Count(out, "\n") != 1 {
		t.Errorf("%q", out)
	}
	wantText(t, "stderr", problems, "1 event without a CDR line left out", spoolID(3).String())

	out, _, err = spool(t, dir, "", "export", "-instance", "SQLAcct")
	if err != nil || strings.Count(out, "\n") != 1 {
		t.Fatalf("%v\n%s", err, out)
	}
	var got exported
	decoder := json.NewDecoder(strings.NewReader(out))
	if err := decoder.Decode(&got); err != nil {
		t.Fatal(err)
	}
	if got.ID != spoolID(1).String() || got.Kind != "stop" || got.Fields["d"] != 50.0 || got.Fields["SIP-Call-ID"] != "a|b\x1b[2J@host" ||
		got.Fields["disconnect-time"] != "2026-11-24T12:00:00.000Z" || len(got.Copies) != 1 || got.Copies[0].Instance != "SQLAcct" {
		t.Errorf("%+v", got)
	}
	if _, _, err := spool(t, dir, "", "export", "-format", "xml"); err == nil {
		t.Error("xml is a format")
	}
}

func TestSpoolRetry(t *testing.T) {
	o := threeKept()
	dir, log := serveSpool(t, o)
	out, _, err := spool(t, dir, "", "retry", spoolID(1).String(), "-instance", "sqlacct")
	if err != nil || out != "1 event for SQLAcct tried now\n" {
		t.Errorf("%v\n%s", err, out)
	}
	if len(o.retried) != 1 || o.retried[0] != (spoolRef{spoolID(1).String(), "SQLAcct"}) || o.kept[1].Reason != "" {
		t.Errorf("%+v", o.retried)
	}
	if n := log.FilterMessage("tollgate spool retry").FilterField(zap.Int64("uid", int64(os.Getuid()))).Len(); n != 1 {
		t.Errorf("%d lines in the log", n)
	}
	if out, _, err := spool(t, dir, "", "retry", "all"); err != nil || out != "4 events for RadAcct, SQLAcct tried now\n" {
		t.Errorf("%v\n%s", err, out)
	}
	if _, _, err := spool(t, dir, "", "retry", "all", "-quarantine"); err == nil || err.Error() != "nothing is kept in quarantine" {
		t.Errorf("%v", err)
	}
}

func TestSpoolDrop(t *testing.T) {
	const question = "3 kept events of RadAcct: 3 waiting, 0 quarantined. They are not delivered to RadAcct any more."
	tests := []struct {
		name, stdin string
		args        []string
		left        int
		out, err    string
	}{
		{"not on a terminal", "", []string{"all", "-instance", "RadAcct"}, 4, "", question + " Nothing is dropped without -yes"},
		{"the operator says no", "n\n", []string{"all", "-instance", "RadAcct"}, 4, "", "nothing is dropped"},
		{"the operator says nothing", "\n", []string{"all", "-instance", "RadAcct"}, 4, "", "nothing is dropped"},
		{"the operator says yes", "Yes\n", []string{"all", "-instance", "RadAcct"}, 1, "3 events for RadAcct dropped\n", ""},
		{"-yes", "", []string{"-yes", "all", "-instance", "RadAcct"}, 1, "3 events for RadAcct dropped\n", ""},
		{"one", "", []string{spoolID(1).String(), "-yes", "-instance", "SQLAcct"}, 3, "1 event for SQLAcct dropped\n", ""},
		{"a session", "", []string{"gk-1", "-yes", "-instance", "RadAcct"}, 3, "1 event for RadAcct dropped\n", ""},
		{"none", "", []string{"gk-2", "-yes", "-instance", "RadAcct"}, 4, "", "nothing is kept for RadAcct of gk-2"},
		{"without -instance", "", []string{"all", "-yes"}, 4, "", "spool drop: -instance is missing: say for which module the event is given up"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := threeKept()
			dir, log := serveSpool(t, o)
			out, problems, err := spool(t, dir, tt.stdin, append([]string{"drop"}, tt.args...)...)
			if got := fmt.Sprint(err); out != tt.out || tt.err != "" && got != tt.err || tt.err == "" && err != nil {
				t.Errorf("got %q, %v", out, err)
			}
			if tt.stdin != "" && !strings.HasPrefix(problems, question+" Drop? [y/N] ") {
				t.Errorf("asked %q", problems)
			}
			if len(o.kept) != tt.left {
				t.Errorf("%d copies are left, want %d", len(o.kept), tt.left)
			}
			if logged := log.FilterMessage("tollgate spool drop").Len(); (logged > 0) != (tt.left < 4) {
				t.Errorf("%d lines in the log", logged)
			}
		})
	}
}

// What is gone between the list and the act is told, and keeps nothing else from being done.
func TestSpoolActsOnWhatIsLeft(t *testing.T) {
	o := threeKept()
	dir, _ := serveSpool(t, o)
	remote, err := dialSpool(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer remote.close()
	r := &spoolRun{stdout: io.Discard, stderr: &bytes.Buffer{}, store: remote}
	var totals spoolTotals
	totals.add(&spoolCopy{Instance: "RadAcct"})
	err = r.apply(spoolDrop, []spoolRef{{"x", "RadAcct"}, {spoolID(7).String(), "RadAcct"}, {spoolID(2).String(), "RadAcct"}}, &totals, "dropped")
	if err == nil || err.Error() != "spool drop: 2 of 3 were not done" || len(o.kept) != 3 {
		t.Errorf("%v, %d left", err, len(o.kept))
	}
	wantText(t, "stderr", r.stderr.(*bytes.Buffer).String(), `uuid \"x\": not of the form`, "is not kept for RadAcct")
}

// Many events go through in pieces, and acts in batches.
func TestSpoolOfManyEvents(t *testing.T) {
	const many = 5000
	o := &operatorDouble{events: map[cdr.UUID]*acctstack.Event{}}
	for i := range many {
		ev := spoolEvent(i)
		o.events[ev.ID] = ev
		o.kept = append(o.kept, acctstack.Kept{ID: ev.ID, Kind: ev.Kind, Time: ev.Time, Instance: "RadAcct"})
	}
	dir, log := serveSpool(t, o)
	out, _, err := spool(t, dir, "", "export", "-format", "line")
	if err != nil || strings.Count(out, "\n") != many {
		t.Errorf("%v, %d lines", err, strings.Count(out, "\n"))
	}
	out, _, err = spool(t, dir, "", "retry", "all")
	if err != nil || out != fmt.Sprintf("%d events for RadAcct tried now\n", many) || len(o.retried) != many {
		t.Errorf("%v: %s", err, out)
	}
	if n := log.FilterMessage("tollgate spool retry").Len(); n != many/spoolBatch {
		t.Errorf("%d requests", n)
	}
}

func TestControlSocket(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, controlName)
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	stale.SetUnlinkOnClose(false)
	_ = stale.Close() // as after kill -9
	if _, err := dialSpool(dir); !errors.Is(err, errNoGatekeeper) {
		t.Errorf("a stale socket: %v", err)
	}
	s, err := newSpoolServer(dir, threeKept(), nil, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	s.start()
	if info, err := os.Lstat(path); err != nil || info.Mode() != os.ModeSocket|0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	remote, err := dialSpool(dir)
	if err != nil {
		t.Fatal(err)
	}
	if answers, err := remote.answers(spoolID(1)); err != nil || len(answers) != 0 {
		t.Errorf("without a ledger: %v, %v", answers, err)
	}
	for _, tt := range []struct {
		method, path, body string
		want               string
	}{
		{http.MethodPost, "/drop", "{", "reading the request"},
		{http.MethodPost, "/drop", strings.Repeat(" ", controlBody+1) + "[]", "too large"},
		{http.MethodPost, "/drop", "[" + strings.Repeat("{},", spoolBatch) + "{}]", "more than 1000 copies"},
		{http.MethodGet, "/answers?id=7", "", "uuid"},
		{http.MethodGet, "/drop", "", "Method Not Allowed"},
	} {
		if _, err := remote.ask(tt.method, tt.path, []byte(tt.body)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s %s: %v, want %q", tt.method, tt.path, err, tt.want)
		}
	}
	_ = remote.close()
	if err := s.close(context.Background()); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := newSpoolServer(dir, threeKept(), nil, zap.NewNop()); err == nil || !strings.Contains(err.Error(), "is no socket") {
		t.Errorf("a file in the way: %v", err)
	}
}

// A list that the gatekeeper breaks off must not be taken for a whole one.
func TestListThatEndsEarly(t *testing.T) {
	o := &operatorDouble{events: map[cdr.UUID]*acctstack.Event{}}
	for i := range 20_000 {
		o.kept = append(o.kept, acctstack.Kept{ID: spoolID(i), Kind: acctstack.Stop, Time: spoolTime, Instance: "RadAcct"})
	}
	dir := t.TempDir()
	s, err := newSpoolServer(dir, o, nil, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	s.start()
	remote, err := dialSpool(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer remote.close()
	n := 0
	err = remote.each(spoolQuery{}, func(*spoolEntry) error {
		if n++; n == 1 {
			return s.close(context.Background())
		}
		return nil
	})
	if err == nil || n >= len(o.kept) {
		t.Errorf("%d events, %v", n, err)
	}
}

func TestSpoolArguments(t *testing.T) {
	dir := t.TempDir()
	if err := (&spoolRun{stderr: io.Discard}).run(nil); err == nil {
		t.Error("no command is a command")
	}
	for _, args := range [][]string{{"show"}, {"show", "a", "b"}, {"list", "a"}, {"retry"}, {"lst"}, {"list"}} {
		if out, _, err := spool(t, dir, "", args...); err == nil || out != "" {
			t.Errorf("%q: %v\n%s", args, err, out)
		}
	}
	if _, _, err := spool(t, filepath.Join(dir, "none"), "", "list"); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("a directory that is not there: %v", err)
	}
	var out, problems bytes.Buffer
	if err := spoolCommand([]string{"help"}, &out, &problems); err != nil || out.String() != spoolUsage {
		t.Errorf("%v\n%s", err, out.String())
	}
	if err := spoolCommand([]string{"list", "-c", filepath.Join(dir, "none.ini")}, &out, &problems); !errors.Is(err, errConfig) {
		t.Errorf("a file that is not there: %v", err)
	}
}
