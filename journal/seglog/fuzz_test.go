package seglog_test

import (
	"testing"

	"tollgate/journal/seglog"
	"tollgate/journal/seglog/faultfs"
)

// FuzzOpen opens directories whose segments hold anything.
func FuzzOpen(f *testing.F) {
	fs := faultfs.New()
	l, _, _ := open(f, faultOptions(fs, newModel()))
	appendAll(f, l, numbered(5, 50)...)
	if err := l.Roll(); err != nil {
		f.Fatal(err)
	}
	appendAll(f, l, "second")
	closeLog(f, l)
	first, _ := fs.ReadFile(firstSegment)
	second, _ := fs.ReadFile("/log/0000000000000002.seg")
	f.Add(first, second)
	f.Add(first[:700], []byte{})
	f.Add([]byte{}, second)
	f.Add([]byte("TGSEGLOG"), make([]byte, 100))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		fs := faultfs.New()
		if err := fs.MkdirAll("/log"); err != nil {
			t.Fatal(err)
		}
		fs.WriteFile(firstSegment, first)
		fs.WriteFile("/log/0000000000000002.seg", second)
		c := new(contents)
		l, _, err := seglog.Open(faultOptions(fs, newModel()), c.visit)
		if err != nil {
			return // another version, another kind
		}
		appendAll(t, l, "behind")
		closeLog(t, l)
		again := new(contents)
		if l, _, err = seglog.Open(faultOptions(fs, newModel()), again.visit); err != nil {
			t.Fatal(err)
		}
		wantRecords(t, again.records, append(c.records, "behind"))
		closeLog(t, l)
	})
}
