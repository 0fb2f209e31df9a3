package main

import (
	"math"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	// heapRoom is what the heap may grow by between two collections, however small it is. A proxy's heap is small and
	// short-lived: at 100 % the same few transactions would be looked through again and again.
	heapRoom = 192 << 20
	// mostPercent bounds what that makes of a heap that is nearly empty.
	mostPercent = 1600
	paceEvery   = time.Second
)

// pacer sets the garbage collector's percentage by the size of the heap. It is for one goroutine.
type pacer struct {
	percent int // in force; 0: the operator has set GOGC, and it stays
	live    []metrics.Sample
}

func newPacer() *pacer {
	p := &pacer{live: []metrics.Sample{{Name: "/gc/heap/live:bytes"}}}
	if os.Getenv("GOGC") == "" {
		p.percent = 100
		p.adjust()
	}
	return p
}

// adjust is called every paceEvery. Each change stops the program for some µs, so small ones are not made.
func (p *pacer) adjust() {
	if p.percent == 0 {
		return
	}
	metrics.Read(p.live)
	percent := percentFor(p.live[0].Value.Uint64())
	if d := math.Abs(float64(percent - p.percent)); d > float64(p.percent)/8 || percent == 100 && d > 0 {
		p.percent = percent
		debug.SetGCPercent(percent)
	}
}

// percentFor is the percentage for so many bytes that were alive after the last collection: Go's own 100 for more than heapRoom,
// so that a large heap still at most doubles.
func percentFor(live uint64) int {
	return int(min(max(100*heapRoom/max(live, 1), 100), mostPercent))
}
