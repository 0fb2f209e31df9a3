package seglog_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tollgate/config"
	"tollgate/journal/seglog"
)

// load is what a run of the closed loop has done.
type load struct {
	bytes, syncs int64
	took         time.Duration
}

func (l load) rate() float64    { return float64(l.bytes) / l.took.Seconds() }
func (l load) perSync() float64 { return float64(l.bytes) / float64(max(1, l.syncs)) }

// closedLoop has writers that append n records in all; each waits for its record before it appends the next.
func closedLoop(tb testing.TB, dir string, gather time.Duration, writers, size, n int) load {
	tb.Helper()
	l, _, err := seglog.Open(seglog.Options{Dir: dir, SegmentSize: 64 << 20, Gather: gather, Sync: config.Sync{Always: true}}, nil)
	if err != nil {
		tb.Fatal(err)
	}
	before := l.Stats()
	var all sync.WaitGroup
	start := time.Now()
	for w := range writers {
		all.Go(func() {
			record := make([]byte, size)
			told := make(chan error, 1)
			done := func(err error) { told <- err }
			for i := w; i < n; i += writers {
				if _, err := l.Append(record, done); err != nil {
					tb.Error(err)
					return
				}
				if err := <-told; err != nil {
					tb.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	took := time.Since(start)
	after := l.Stats()
	if err := l.Close(); err != nil {
		tb.Fatal(err)
	}
	return load{bytes: after.Bytes - before.Bytes, syncs: after.Syncs - before.Syncs, took: took}
}

// bareLoop writes as many bytes in pieces of perSync bytes, each followed by fdatasync, into a preallocated file.
func bareLoop(tb testing.TB, dir string, total int64, perSync int) load {
	tb.Helper()
	f, err := os.Create(filepath.Join(dir, "bare"))
	if err != nil {
		tb.Fatal(err)
	}
	defer os.Remove(f.Name())
	defer f.Close()
	const size = 64 << 20
	if err := unix.Fallocate(int(f.Fd()), 0, 0, size); err != nil {
		tb.Fatal(err)
	}
	if err := f.Sync(); err != nil {
		tb.Fatal(err)
	}
	piece := make([]byte, perSync)
	var done load
	start := time.Now()
	for at := int64(0); done.bytes < total; done.syncs++ {
		if at+int64(perSync) > size {
			at = 0
		}
		if _, err := f.WriteAt(piece, at); err != nil {
			tb.Fatal(err)
		}
		if err := unix.Fdatasync(int(f.Fd())); err != nil {
			tb.Fatal(err)
		}
		at += int64(perSync)
		done.bytes += int64(perSync)
	}
	done.took = time.Since(start)
	return done
}

func report(b *testing.B, l load) {
	b.ReportMetric(l.rate()/1e6, "MB/s")
	b.ReportMetric(l.perSync(), "bytes/fsync")
}

func BenchmarkGroupCommit(b *testing.B) {
	for _, size := range []int{200, 800} {
		for _, writers := range []int{1, 16, 64, 256} {
			b.Run(fmt.Sprintf("size=%d/writers=%d", size, writers), func(b *testing.B) {
				b.ReportAllocs()
				report(b, closedLoop(b, b.TempDir(), 0, writers, size, b.N))
			})
		}
	}
}

func BenchmarkBareLoop(b *testing.B) {
	for _, perSync := range []int{208, 3328, 6656, 13312, 53248} {
		b.Run(fmt.Sprintf("bytes=%d", perSync), func(b *testing.B) {
			report(b, bareLoop(b, b.TempDir(), int64(b.N)*int64(perSync), perSync))
		})
	}
}

// BenchmarkAgainstBareLoop runs group commit and, with the bytes per fsync that came of it, the bare loop, three times in
// turn, and gives the ratio of the medians of bytes per second. gather=none is a log that waits for no company.
func BenchmarkAgainstBareLoop(b *testing.B) {
	for _, gather := range []time.Duration{0, -1} {
		for _, size := range []int{200, 800} {
			for _, writers := range []int{1, 16, 64, 256} {
				name := map[time.Duration]string{0: "2ms", -1: "none"}[gather]
				b.Run(fmt.Sprintf("gather=%s/size=%d/writers=%d", name, size, writers), func(b *testing.B) {
					for b.Loop() {
						against(b, gather, writers, size)
					}
				})
			}
		}
	}
}

func against(b *testing.B, gather time.Duration, writers, size int) {
	n := 1500 * min(writers, 100)
	if writers < 32 {
		n = 300 * writers
	}
	var group, bare []float64
	var perSync float64
	for range 3 {
		l := closedLoop(b, b.TempDir(), gather, writers, size, n)
		perSync = l.perSync()
		group = append(group, l.rate())
		bare = append(bare, bareLoop(b, b.TempDir(), l.bytes, int(perSync)).rate())
	}
	slices.Sort(group)
	slices.Sort(bare)
	b.ReportMetric(group[1]/1e6, "MB/s")
	b.ReportMetric(bare[1]/1e6, "bare-MB/s")
	b.ReportMetric(group[1]/bare[1], "ratio")
	b.ReportMetric(perSync, "bytes/fsync")
	b.ReportMetric(0, "ns/op")
}

func BenchmarkAppend(b *testing.B) {
	l, _, err := seglog.Open(seglog.Options{Dir: b.TempDir(), SegmentSize: 64 << 20}, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	record := make([]byte, 200)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := l.Append(record, nil); err != nil {
			b.Fatal(err)
		}
		if i%10000 == 0 {
			b.StopTimer()
			_ = l.Flush()
			b.StartTimer()
		}
	}
}
