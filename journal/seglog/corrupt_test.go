package seglog_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tollgate/journal/seglog"
	"tollgate/journal/seglog/faultfs"
)

const firstSegment = "/log/0000000000000001.seg"

// written is a file system with a log in its first segment, and optionally one record in a second.
func written(t *testing.T, records []string, second bool) *faultfs.FS {
	t.Helper()
	fs := faultfs.New()
	l, _, _ := open(t, faultOptions(fs, newModel()))
	appendAll(t, l, records...)
	if second {
		if err := l.Roll(); err != nil {
			t.Fatal(err)
		}
		appendAll(t, l, "second")
	}
	closeLog(t, l)
	return fs
}

// quarantined joins what was set aside.
func quarantined(t *testing.T, fs *faultfs.FS, damages []seglog.Damage) []byte {
	t.Helper()
	var all []byte
	for _, d := range damages {
		if d.Err != nil {
			t.Fatal(d.Err)
		}
		if d.File == "" {
			continue
		}
		if filepath.Dir(d.File) != "/log/quarantine" {
			t.Fatal(d.File)
		}
		b, err := fs.ReadFile(d.File)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b...)
	}
	return all
}

func TestCorruptionAtEveryByteCostsOneRecordAtMost(t *testing.T) {
	records := numbered(6, 61)
	for _, second := range []bool{true, false} {
		pristine := written(t, records, second)
		want := slices.Clone(records)
		if second {
			want = append(want, "second")
		}
		good, err := pristine.ReadFile(firstSegment)
		if err != nil {
			t.Fatal(err)
		}
		used := len(bytes.TrimRight(good, "\x00"))
		for at := range used {
			for _, flip := range []byte{0x01, 0x40, 0xff} {
				fs := pristine.Killed()
				bad := slices.Clone(good)
				bad[at] ^= flip
				fs.WriteFile(firstSegment, bad)
				checkCorrupted(t, fs, want, at, bad)
			}
		}
	}
}

func checkCorrupted(t *testing.T, fs *faultfs.FS, want []string, at int, bad []byte) {
	t.Helper()
	l, c, report := open(t, faultOptions(fs, newModel()))
	defer closeLog(t, l)
	lost := 0
	for i, j := 0, 0; i < len(want); i++ {
		if j < len(c.records) && c.records[j] == want[i] {
			j++
			continue
		}
		lost++
	}
	damages := append(slices.Clone(report.Corrupt), report.Torn...)
	if lost > 1 || len(c.records) != len(want)-lost {
		t.Fatalf("byte %d: %d of %d records lost, %d replayed", at, lost, len(want), len(c.records))
	}
	if lost == 1 && len(damages) == 0 {
		t.Fatalf("byte %d: a record was lost silently", at)
	}
	for _, d := range damages {
		if int64(at) < d.Offset || int64(at) >= d.Offset+d.Length || d.Length > 100 {
			t.Fatalf("byte %d: damage %+v", at, d)
		}
		set := bytes.TrimRight(bad[d.Offset:d.Offset+d.Length], "\x00")
		if !bytes.Equal(quarantined(t, fs, damages), set) {
			t.Fatalf("byte %d: quarantine holds other bytes", at)
		}
	}
}

func TestTornTailOfEveryLength(t *testing.T) {
	records := numbered(4, 90)
	pristine := written(t, records, false)
	good, err := pristine.ReadFile(firstSegment)
	if err != nil {
		t.Fatal(err)
	}
	for cut := range len(bytes.TrimRight(good, "\x00")) {
		for _, shorter := range []bool{false, true} { // the rest is zero, or the file ends
			fs := pristine.Killed()
			torn := slices.Clone(good)
			clear(torn[cut:])
			if shorter {
				torn = torn[:cut]
			}
			fs.WriteFile(firstSegment, torn)
			checkTorn(t, fs, records, cut, shorter)
		}
	}
}

func checkTorn(t *testing.T, fs *faultfs.FS, records []string, cut int, shorter bool) {
	t.Helper()
	whole := max(0, cut-88) / 104 // 98 bytes are the frame and the payload
	if cut-88-whole*104 >= 98 {
		whole++
	}
	for round := range 3 {
		l, c, report := open(t, faultOptions(fs, newModel()))
		name := fmt.Sprintf("cut at %d, shorter %v, round %d", cut, shorter, round)
		want := slices.Clone(records[:whole])
		if round > 0 {
			want = append(want, "new")
		}
		if !slices.Equal(c.records, want) {
			t.Fatalf("%s: %d records, want %d", name, len(c.records), len(want))
		}
		if damaged := len(report.Torn)+len(report.Corrupt) > 0; damaged && round > 0 || shorter && !damaged && round == 0 {
			t.Fatalf("%s: %+v", name, report)
		}
		if round == 0 {
			appendAll(t, l, "new")
		}
		closeLog(t, l)
	}
}

func TestMissingAndTruncatedSegments(t *testing.T) {
	build := func() *faultfs.FS {
		fs := faultfs.New()
		l, _, _ := open(t, faultOptions(fs, newModel()))
		defer closeLog(t, l)
		for _, text := range []string{"a", "b", "c"} {
			appendAll(t, l, text+"1", text+"2")
			if err := l.Roll(); err != nil {
				t.Fatal(err)
			}
		}
		return fs
	}
	middle := "/log/0000000000000002.seg"
	t.Run("missing", func(t *testing.T) {
		fs := build()
		if err := fs.Remove(middle); err != nil {
			t.Fatal(err)
		}
		l, c, report := open(t, faultOptions(fs, newModel()))
		defer closeLog(t, l)
		wantRecords(t, c.records, []string{"a1", "a2", "c1", "c2"})
		if !slices.Equal(report.Missing, []uint64{2}) {
			t.Fatalf("%+v", report)
		}
	})
	t.Run("truncated", func(t *testing.T) {
		fs := build()
		b, _ := fs.ReadFile(middle)
		fs.WriteFile(middle, b[:110]) // the first record ends at 104
		l, c, report := open(t, faultOptions(fs, newModel()))
		defer closeLog(t, l)
		wantRecords(t, c.records, []string{"a1", "a2", "b1", "c1", "c2"})
		if len(report.Corrupt) != 1 || report.Corrupt[0].Segment != 2 || report.Corrupt[0].Offset != 104 {
			t.Fatalf("%+v", report)
		}
	})
	t.Run("misplaced", func(t *testing.T) {
		fs := build()
		b, _ := fs.ReadFile(firstSegment)
		fs.WriteFile(middle, b)
		l, c, report := open(t, faultOptions(fs, newModel()))
		defer closeLog(t, l)
		wantRecords(t, c.records, []string{"a1", "a2", "c1", "c2"})
		if len(report.Corrupt) == 0 || !strings.Contains(string(quarantined(t, fs, report.Corrupt)), "a2") {
			t.Fatalf("%+v", report)
		}
	})
}

// TestALengthThatLeadsTooFar changes a length so that it ends where a later record begins.
func TestALengthThatLeadsTooFar(t *testing.T) {
	records := numbered(4, 56)
	fs := written(t, records, false)
	b, _ := fs.ReadFile(firstSegment)
	if b[88] != 56 {
		t.Fatalf("the first record is of %d bytes", b[88])
	}
	b[88] |= 64 // 56 becomes 120: two records
	fs.WriteFile(firstSegment, b)
	l, c, report := open(t, faultOptions(fs, newModel()))
	defer closeLog(t, l)
	wantRecords(t, c.records, records[1:])
	if len(report.Corrupt) != 1 {
		t.Fatalf("%+v", report)
	}
}

func TestScanSeesWhatOpenSeesAndTouchesNothing(t *testing.T) {
	fs := written(t, numbered(5, 100), true)
	b, _ := fs.ReadFile(firstSegment)
	b[300] ^= 1
	fs.WriteFile(firstSegment, b)
	fs.WriteFile("/log/0000000000000007.seg.tmp", nil)
	before, _ := fs.List("/log")
	c := new(contents)
	scanned, err := seglog.Scan(fs, "/log", c.visit)
	if err != nil {
		t.Fatal(err)
	}
	if after, _ := fs.List("/log"); !slices.Equal(before, after) || len(scanned.Corrupt) != 1 {
		t.Fatalf("%v, %+v", after, scanned)
	}
	l, opened, report := open(t, faultOptions(fs, newModel()))
	defer closeLog(t, l)
	wantRecords(t, c.records, opened.records)
	if report.Records != scanned.Records || len(report.Corrupt) != 1 {
		t.Fatalf("%+v, %+v", report, scanned)
	}
}
