package seglog_test

import (
	"testing"

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
