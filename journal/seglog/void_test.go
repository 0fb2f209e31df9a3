package seglog_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"tollgate/journal/seglog"
	"tollgate/journal/seglog/faultfs"
)

// What a failed segment holds behind its trusted end does not come back beside its second copy, even where the failed
// segment cannot be removed.
func TestWhatWasWrittenAgainComesBackOnce(t *testing.T) {
	fs, m := faultfs.New(), newModel()
	l, _, err := seglog.Open(faultOptions(fs, m), nil)
	if err != nil {
		t.Fatal(err)
	}
	add := func() {
		told, err := m.add(l.Append, 100)
		if err != nil {
			t.Fatal(err)
		}
		<-told
	}
	add()
	for l.Stats().Spares == 0 {
		if err := l.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	fs.Fail(faultfs.Fault{Op: faultfs.Remove, N: 1, On: true})
	fs.Fail(faultfs.Fault{Op: faultfs.Sync, N: 1, On: true})
	add() // written to the active segment and to the spare one, synced in neither
	for fs.Count(faultfs.Remove) == 0 {
		_ = l.Flush()
	}
	fs.Heal()
	add()
	want := []string{m.records[0].text, m.records[1].text, m.records[2].text}
	for _, left := range []*faultfs.FS{fs.Killed(), fs.PowerLoss(nil)} {
		again, c, report := open(t, faultOptions(left, newModel()))
		wantRecords(t, c.records, want)
		if len(report.Corrupt)+len(report.Torn)+len(report.Missing) > 0 {
			t.Fatalf("%+v", report)
		}
		closeLog(t, again)
	}
	closeLog(t, l)
}

// The segment that says that another is void is not removed before that one is.
func TestTheVoidGoesBeforeWhatVoidsIt(t *testing.T) {
	fs, m := faultfs.New(), newModel()
	l, _, err := seglog.Open(faultOptions(fs, m), nil)
	if err != nil {
		t.Fatal(err)
	}
	for l.Stats().Spares == 0 {
		time.Sleep(time.Millisecond)
	}
	before := fs.Count(faultfs.Remove)
	fs.Fail(faultfs.Fault{Op: faultfs.Remove, N: 1, On: true})
	fs.Fail(faultfs.Fault{Op: faultfs.Sync, N: 1, On: true})
	if _, err := m.add(l.Append, 100); err != nil { // its segment fails, and it is written again to the next
		t.Fatal(err)
	}
	for fs.Count(faultfs.Remove) == before { // the void segment, in vain
		time.Sleep(time.Millisecond)
	}
	fs.Heal()
	for range 2 {
		if err := l.Roll(); err != nil {
			t.Fatal(err)
		}
		told, err := m.add(l.Append, 100)
		if err != nil {
			t.Fatal(err)
		}
		<-told
	}
	oldest := l.Segments()[0].Number
	for deadline := time.Now().Add(10 * time.Second); l.RemoveOldest(oldest) != nil; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it is never removed")
		}
	}
	again, c, report := open(t, faultOptions(fs.Killed(), newModel()))
	if slices.Contains(c.records, m.records[0].text) || !slices.Contains(c.records, m.records[2].text) || len(report.Missing) > 0 {
		t.Errorf("%q\n%+v", c.records, report)
	}
	closeLog(t, again)
	closeLog(t, l)
}

// Room that is given back is seen by who waits for a segment that nobody makes then.
func TestReserveSeesWhatIsGivenBack(t *testing.T) {
	o := seglog.Options{Dir: t.TempDir(), Kind: "test", SegmentSize: 64 << 10}
	l, _, err := seglog.Open(o, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer closeLog(t, l)
	var work sync.WaitGroup
	for range 8 {
		work.Go(func() {
			for range 300 {
				if err := l.Reserve(20 << 10); err != nil {
					t.Error(err)
					return
				}
				l.Unreserve(20 << 10)
			}
		})
	}
	work.Wait()
}
