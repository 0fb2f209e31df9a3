package seglog_test

import (
	"fmt"
	"sync"
	"testing"

	"tollgate/config"
	"tollgate/journal/seglog"
)

// TestConcurrentUse appends, reads, reserves, rolls and removes from many goroutines at once.
func TestConcurrentUse(t *testing.T) {
	o := seglog.Options{Dir: t.TempDir(), SegmentSize: 32 << 10, Sync: config.Sync{Always: true}}
	l, _, _ := open(t, o)
	var all sync.WaitGroup
	const writers, each = 40, 50
	for w := range writers {
		all.Go(func() { concurrentWriter(t, l, w, each) })
	}
	all.Go(func() {
		for range 20 {
			if err := l.Roll(); err != nil {
				t.Error(err)
			}
			if err := l.Flush(); err != nil {
				t.Error(err)
			}
			_ = l.Stats()
		}
	})
	all.Wait()
	list := l.Segments()
	if err := l.RemoveOldest(list[0].Number); err != nil {
		t.Fatal(err)
	}
	closeLog(t, l)
	l, c, report := open(t, o)
	defer closeLog(t, l)
	next := map[string]int{}
	for _, r := range c.records {
		var w string
		var i int
		if _, err := fmt.Sscanf(r, "%s %d", &w, &i); err != nil {
			t.Fatal(err)
		}
		if i < next[w] {
			t.Fatalf("record %d of writer %s stands behind %d", i, w, next[w])
		}
		next[w] = i
	}
	if len(next) != writers || len(report.Torn)+len(report.Corrupt)+len(report.Missing) > 0 {
		t.Fatalf("%d writers, %+v", len(next), report)
	}
}

func concurrentWriter(t *testing.T, l *seglog.Log, w, n int) {
	told := make(chan error, 1)
	for i := range n {
		text := fmt.Sprintf("%d %d %0200d", w, i, 0)
		append := l.Append
		if i%3 == 0 {
			append = l.AppendReserved
			if err := l.Reserve(seglog.Cost(len(text))); err != nil {
				t.Error(err)
				return
			}
		}
		p, err := append([]byte(text), func(err error) { told <- err })
		if err != nil {
			t.Error(err)
			return
		}
		if got, err := l.Read(p, nil); err != nil || string(got) != text {
			t.Errorf("reading: %v", err)
		}
		if err := <-told; err != nil {
			t.Error(err)
		}
		if got, err := l.Read(p, nil); err != nil || string(got) != text {
			t.Errorf("reading: %v", err)
		}
	}
}
