package test

import (
	"cmp"
	"flag"
	"slices"
	"testing"
	"time"
)

// soakCalls is how many calls TestSoak makes. The long form has 200,000, and takes about twelve minutes.
var soakCalls = flag.Int("soak.calls", 1000, "how many calls the soak makes; from 10,000 on at 300 a second, and memory is compared")

// The soak is long from so many calls on: memory says nothing of less.
const soakLong = 10_000

// TestSoak makes calls of all kinds side by side while every peer loses datagrams, and wants each of them recorded once and
// nothing left behind (22-soak).
func TestSoak(t *testing.T) {
	t.Parallel()
	calls, rate, isLong := *soakCalls, 100, *soakCalls >= soakLong
	if isLong {
		rate = 300
	}
	r := newSoakRig(t)
	r.start()
	before := r.sample(time.Now())
	began := time.Now()
	r.watchUntil(r.callAll(calls, rate), began)
	r.noneUp(before)
	if isLong {
		r.emptied()
		r.wantFlatHeap()
		r.wantSmallHeap(calls, before)
	} else {
		r.wantBoundedTables(calls)
	}
	r.gk.stop()
	r.wantRecords(calls)
}

// noneUp wants the call table empty, and the goroutines to be those from before.
func (r *soakRig) noneUp(before soakSample) {
	r.Helper()
	const spare = 10
	last, ok := r.settle(20*time.Second, func(s soakSample) bool { return s.calls == 0 && s.goroutines <= before.goroutines+spare })
	r.Logf("before %v", before)
	r.Logf("behind %v", last)
	if !ok {
		r.Errorf("%.0f calls are up, and there are %.0f goroutines, %.0f before", last.calls, last.goroutines, before.goroutines)
	}
	client := r.gk.watch()
	client.send(r, "statistics")
	client.wait(r, "Current Calls: 0 Active: 0")
}

// wantBoundedTables wants no more transactions than the calls can have had: they are remembered for 32 seconds.
func (r *soakRig) wantBoundedTables(calls int) {
	r.Helper()
	s, limit := r.sample(time.Now()), float64(calls)
	if s.serverTrans > 3*limit || s.clientTrans > 4*limit || s.sessionID > limit {
		r.Errorf("the tables of %d calls: %v", calls, s)
	}
}

// emptied wants all transactions to be forgotten (RFC 3261 17: 32 seconds behind the last answer), but for the OPTIONS that ask
// the silent target every ten seconds, each for 32 seconds.
func (r *soakRig) emptied() {
	r.Helper()
	const probes = 4
	s, ok := r.settle(80*time.Second, func(s soakSample) bool { return s.serverTrans+s.sessionID == 0 && s.clientTrans <= probes })
	r.Logf("empty %v", s)
	if !ok {
		r.Errorf("transactions are left: %v", s)
	}
}

// wantSmallHeap wants the memory of the calls to be free again. A Go program that has nothing to do collects every two minutes.
func (r *soakRig) wantSmallHeap(calls int, before soakSample) {
	r.Helper()
	const spare, perCall = 16 << 20, 64
	s, ok := r.settle(150*time.Second, func(s soakSample) bool { return s.heap <= before.heap+spare+perCall*float64(calls) })
	r.Logf("at rest %v", s)
	if !ok {
		r.Errorf("the heap has kept something of the calls: %v", s)
	}
}

// soakSteady is from when on as many transactions are forgotten as begin.
const soakSteady = time.Minute

// wantFlatHeap compares the smallest heap, which is what a collection leaves, of the first and the last third of the time in which
// the load was steady.
func (r *soakRig) wantFlatHeap() {
	r.Helper()
	least := func(samples []soakSample) float64 {
		return slices.MinFunc(samples, func(a, b soakSample) int { return cmp.Compare(a.heap, b.heap) }).heap / (1 << 20)
	}
	steady := slices.DeleteFunc(slices.Clone(r.samples), func(s soakSample) bool { return s.after < soakSteady })
	third := len(steady) / 3
	if third < 30 {
		r.Logf("the load was steady for %d seconds only, so that their heaps say nothing", len(steady))
		return
	}
	early, late := least(steady[:third]), least(steady[2*third:])
	r.Logf("the smallest heap was %.1f MiB in the first third of the steady load and %.1f MiB in the last", early, late)
	if late > early*1.25+8 {
		r.Errorf("the heap grows with the calls: %.1f MiB, then %.1f MiB", early, late)
	}
}
