package seglog_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tollgate/config"
	"tollgate/journal/seglog"
)

// contents is what a log held when it was opened.
type contents struct {
	positions []seglog.Position
	records   []string
}

func (c *contents) visit(p seglog.Position, record []byte) error {
	c.positions = append(c.positions, p)
	c.records = append(c.records, string(record))
	return nil
}

func open(t testing.TB, o seglog.Options) (*seglog.Log, *contents, seglog.Report) {
	t.Helper()
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	c := new(contents)
	l, report, err := seglog.Open(o, c.visit)
	if err != nil {
		t.Fatal(err)
	}
	return l, c, report
}

func closeLog(t testing.TB, l *seglog.Log) {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

// appendAll appends records and waits for all of them.
func appendAll(t testing.TB, l *seglog.Log, records ...string) []seglog.Position {
	t.Helper()
	var positions []seglog.Position
	done := make(chan error, len(records))
	for _, r := range records {
		p, err := l.Append([]byte(r), func(err error) { done <- err })
		if err != nil {
			t.Fatal(err)
		}
		positions = append(positions, p)
	}
	for range records {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	return positions
}

func numbered(n, size int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("%06d%s", i, strings.Repeat("x", size-6))
	}
	return list
}

func wantRecords(t testing.TB, got, want []string) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d records, want %d", len(got), len(want))
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("record %d is %.20q, want %.20q", i, got[i], want[i])
		}
	}
}

func TestAppendedRecordsComeBackInOrder(t *testing.T) {
	policies := map[string]config.Sync{"always": {Always: true}, "interval": {Every: time.Millisecond}, "none": {}}
	for name, policy := range policies {
		t.Run(name, func(t *testing.T) {
			o := seglog.Options{Dir: t.TempDir(), Kind: "test", SegmentSize: 16 << 10, Sync: policy}
			l, _, _ := open(t, o)
			want := append(numbered(300, 200), "")
			positions := appendAll(t, l, want...)
			for i, p := range positions {
				got, err := l.Read(p, nil)
				if err != nil || string(got) != want[i] {
					t.Fatalf("reading %v: %.20q, %v", p, got, err)
				}
			}
			closeLog(t, l)
			l, c, report := open(t, o)
			defer closeLog(t, l)
			wantRecords(t, c.records, want)
			if len(report.Torn)+len(report.Corrupt)+len(report.Missing) > 0 || report.Records != 301 {
				t.Fatalf("report: %+v", report)
			}
			for i, p := range positions {
				got, err := l.Read(p, make([]byte, 10))
				if c.positions[i] != p || err != nil || string(got) != want[i] {
					t.Fatalf("reading %v: %.20q, %v", p, got, err)
				}
			}
		})
	}
}

func TestRecordsAreReadBeforeTheyAreWritten(t *testing.T) {
	l, _, _ := open(t, seglog.Options{Gather: time.Hour, Sync: config.Sync{Always: true}})
	defer closeLog(t, l)
	p, err := l.Append([]byte("hello"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := l.Read(p, nil); err != nil || string(got) != "hello" {
		t.Fatalf("%q, %v", got, err)
	}
	for _, wrong := range []seglog.Position{
		{Segment: p.Segment, Offset: p.Offset, Length: 4},
		{Segment: p.Segment, Offset: p.Offset + 8, Length: 5},
		{Segment: p.Segment + 1, Offset: p.Offset, Length: 5},
		{Segment: p.Segment, Offset: 1 << 31, Length: 1 << 31},
		{},
	} {
		if got, err := l.Read(wrong, nil); !errors.Is(err, seglog.ErrNotSound) {
			t.Fatalf("%v: %q, %v", wrong, got, err)
		}
	}
}

func TestRecordsWithoutWaitersReachTheFileWithinGather(t *testing.T) {
	dir := t.TempDir()
	l, _, _ := open(t, seglog.Options{Dir: dir})
	defer closeLog(t, l)
	if _, err := l.Append([]byte("nobody waits"), nil); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		c := new(contents)
		if _, err := seglog.Scan(nil, dir, c.visit); err != nil {
			t.Fatal(err)
		}
		if len(c.records) == 1 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the record is not in the file")
		}
	}
}

func TestSizeLimits(t *testing.T) {
	l, _, _ := open(t, seglog.Options{})
	defer closeLog(t, l)
	if _, err := l.Append(make([]byte, seglog.MaxRecord+1), nil); !errors.Is(err, seglog.ErrTooLarge) {
		t.Fatal(err)
	}
	if _, err := l.Append(make([]byte, seglog.MaxRecord), nil); err != nil {
		t.Fatal(err)
	}
	for n, want := range map[int]int64{0: 8, 1: 16, 8: 16, 9: 24, 200: 208} {
		if got := seglog.Cost(n); got != want {
			t.Errorf("Cost(%d) = %d, want %d", n, got, want)
		}
	}
}

func TestOptionsThatMakeNoSense(t *testing.T) {
	for _, o := range []seglog.Options{{SegmentSize: 100}, {SegmentSize: 2 << 30}, {SegmentSize: 5001}, {Kind: "too long a kind"}} {
		o.Dir = t.TempDir()
		if _, _, err := seglog.Open(o, nil); err == nil {
			t.Errorf("%+v was accepted", o)
		}
	}
}

func TestOneProcessHasTheDirectory(t *testing.T) {
	dir := t.TempDir()
	l, _, _ := open(t, seglog.Options{Dir: dir})
	if _, _, err := seglog.Open(seglog.Options{Dir: dir}, nil); err == nil {
		t.Fatal("opened twice")
	}
	closeLog(t, l)
	l, _, _ = open(t, seglog.Options{Dir: dir})
	closeLog(t, l)
}

func TestVersionAndKindAreCheckedBeforeAnythingIsTouched(t *testing.T) {
	for _, name := range []string{"version", "kind"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			l, _, _ := open(t, seglog.Options{Dir: dir, Kind: "a", SegmentSize: 4096})
			appendAll(t, l, "record")
			closeLog(t, l)
			leftover := filepath.Join(dir, "0000000000000009.seg.tmp")
			if err := os.WriteFile(leftover, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(dir, "0000000000000001.seg")
			kind := "b"
			if name == "version" {
				kind = "a"
				rewriteHeader(t, file, func(b []byte) { b[8] = 2 })
			}
			_, _, err := seglog.Open(seglog.Options{Dir: dir, Kind: kind, SegmentSize: 4096}, nil)
			if err == nil || !strings.Contains(err.Error(), file) {
				t.Fatal(err)
			}
			if _, err := os.Stat(leftover); err != nil {
				t.Fatal("something was touched: ", err)
			}
		})
	}
}

func TestRollAndRemove(t *testing.T) {
	o := seglog.Options{Dir: t.TempDir(), SegmentSize: 8 << 10, Sync: config.Sync{Always: true}}
	l, _, _ := open(t, o)
	for range 3 {
		appendAll(t, l, "one", "two")
		if err := l.Roll(); err != nil {
			t.Fatal(err)
		}
		if err := l.Roll(); err != nil { // nothing is in it
			t.Fatal(err)
		}
	}
	p, err := l.Append([]byte("last"), nil)
	if err != nil {
		t.Fatal(err)
	}
	list := l.Segments()
	if len(list) != 4 || !list[3].Active || list[0].Active || list[0].Used < 100 || list[0].Created.IsZero() {
		t.Fatalf("%+v", list)
	}
	for _, number := range []uint64{list[1].Number, list[3].Number, 77} {
		if err := l.RemoveOldest(number); !errors.Is(err, seglog.ErrNotOldest) {
			t.Fatalf("removing %d: %v", number, err)
		}
	}
	for _, s := range list[:3] {
		if err := l.RemoveOldest(s.Number); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.RemoveOldest(list[3].Number); !errors.Is(err, seglog.ErrNotOldest) {
		t.Fatal(err)
	}
	if got, err := l.Read(p, nil); err != nil || !bytes.Equal(got, []byte("last")) {
		t.Fatalf("%q, %v", got, err)
	}
	closeLog(t, l)
	l, c, report := open(t, o)
	defer closeLog(t, l)
	wantRecords(t, c.records, []string{"last"})
	if len(report.Missing) > 0 {
		t.Fatalf("%+v", report)
	}
	if err := l.RemoveOldest(p.Segment); err != nil { // of a former run: not active
		t.Fatal(err)
	}
}

func TestReopeningLeavesNoSegmentsBehind(t *testing.T) {
	o := seglog.Options{Dir: t.TempDir(), SegmentSize: 8 << 10}
	for range 5 {
		l, _, _ := open(t, o)
		closeLog(t, l)
	}
	files, err := filepath.Glob(filepath.Join(o.Dir, "*.seg"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	l, _, _ := open(t, o)
	appendAll(t, l, "a")
	closeLog(t, l)
	if _, err := l.Append([]byte("b"), nil); !errors.Is(err, seglog.ErrClosed) {
		t.Fatal(err)
	}
	if err := l.Close(); !errors.Is(err, seglog.ErrClosed) {
		t.Fatal(err)
	}
}
