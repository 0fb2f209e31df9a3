package journal

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tollgate/acctstack"
	"tollgate/cdr"
	"tollgate/config"
	"tollgate/journal/seglog"
)

func position(i int) seglog.Position {
	return seglog.Position{Segment: 1 + uint64(i>>14), Offset: uint32(i<<9) & (8<<20 - 1), Length: 500}
}

func benchSettings() Settings {
	s := small()
	s.Sync, s.SegmentSize = config.Sync{}, 8<<20
	return s
}

// BenchmarkCall is all that the journal does for a call of which every module has everything: begin, ring, answer, stop
// with their verdicts, end; three events settled, six answers. The disk is not waited for.
func BenchmarkCall(b *testing.B) {
	j := opened(b, b.TempDir(), benchSettings())
	invite, state := make([]byte, 1500), make([]byte, 700)
	ev := testEvent(1)
	b.ReportAllocs()
	n, before := 0, cpuTime(b)
	for b.Loop() {
		n++
		var call cdr.UUID
		call[0], call[1], call[2], call[3] = byte(n), byte(n>>8), byte(n>>16), byte(n>>24)
		if err := j.Begin(call, invite, nil); err != nil {
			b.Fatal(err)
		}
		j.Append(call, state, nil)
		j.Append(call, state, nil)
		for range 3 {
			j.Answered(ev, "RadAcct", acctstack.OK, nil)
			j.Answered(ev, "FileAcct", acctstack.OK, nil)
			if err := j.Settle(ev, nil); err != nil {
				b.Fatal(err)
			}
		}
		j.End(call)
	}
	b.ReportMetric(float64(cpuTime(b)-before)/1e3/float64(n), "cpu-µs/op")
	st := j.Stats()
	if st.Lost+st.LedgerLost != 0 {
		b.Error(st.Lost, st.LedgerLost)
	}
	closed(b, j)
}

// cpuTime is what the process has used so far, the log's own goroutines included.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkSettle is an event that nobody has to be kept for, while there is a backlog.
func BenchmarkSettle(b *testing.B) {
	j := opened(b, b.TempDir(), benchSettings())
	if err := j.Settle(testEvent(2), []string{"RadAcct"}); err != nil {
		b.Fatal(err)
	}
	ev := testEvent(1)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := j.Settle(ev, nil); err != nil {
				b.Error(err)
			}
		}
	})
	closed(b, j)
}

// BenchmarkAnswered is one entry of the ledger.
func BenchmarkAnswered(b *testing.B) {
	j := opened(b, b.TempDir(), benchSettings())
	ev := testEvent(1)
	b.ReportAllocs()
	for b.Loop() {
		j.Answered(ev, "RadAcct:backup", acctstack.Fail, acctstack.ErrNext)
	}
	closed(b, j)
}

// BenchmarkOpen is a restart with a hundred thousand live calls, to the point at which each call has been read.
func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	j := opened(b, dir, benchSettings())
	for n := range 100_000 {
		if err := j.Begin(id(n), make([]byte, 1500), nil); err != nil {
			b.Fatal(err)
		}
		j.Append(id(n), make([]byte, 700), nil)
		j.Append(id(n), make([]byte, 700), nil)
		j.Append(id(n), make([]byte, 40), nil)
	}
	closed(b, j)
	b.ReportAllocs()
	for b.Loop() {
		j := opened(b, dir, benchSettings())
		n := 0
		for range j.Calls {
			n++
		}
		b.StopTimer()
		if n != 100_000 {
			b.Fatal(n, " calls")
		}
		closed(b, j)
		b.StartTimer()
	}
}

// BenchmarkOpenOnly is the restart without reading the calls.
func BenchmarkOpenOnly(b *testing.B) {
	dir := b.TempDir()
	j := opened(b, dir, benchSettings())
	backlog(b, j, 0, 100_000, "RadAcct")
	closed(b, j)
	b.ReportAllocs()
	for b.Loop() {
		j := opened(b, dir, benchSettings())
		b.StopTimer()
		closed(b, j)
		b.StartTimer()
	}
}
