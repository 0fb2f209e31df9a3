package journal

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"tollgate/cdr"
)

// backlog keeps n events for an instance, without waiting for each.
func backlog(t testing.TB, j *Journal, from, n int, instance string) {
	t.Helper()
	var told sync.WaitGroup
	ev := testEvent(0)
	for i := range n {
		e := *ev
		e.ID, e.Call = id(1000000+from+i), id(from+i)
		told.Add(1)
		j.mu.Lock()
		err := j.add(addition{ev: &e, copies: []eventCopy{{instance: instance}}, settled: true, done: func(err error) {
			if err != nil {
				t.Error(err)
			}
			told.Done()
		}})
		j.mu.Unlock()
		if err != nil {
			t.Fatal(err)
		}
	}
	told.Wait()
}

// TestDeadInstance: an instance that is dead for weeks has a hundred thousand events, while others come and go. The disk
// that this takes stays a small multiple of what is kept, nothing of it gets lost, and a restart is fast.
func TestDeadInstance(t *testing.T) {
	const dead, others = 100_000 / slowdown, 60_000 / slowdown
	s := lazy()
	s.SegmentSize, s.LedgerKeep = 1<<20/slowdown&^4095, 0
	dir := inDir(t)
	j := opened(t, dir, s)
	most := int64(0)
	watch := func() {
		st := j.Stats()
		most = max(most, st.Bytes-2*st.Live)
	}
	for n := 0; n < dead; n += dead / 10 {
		backlog(t, j, n, dead/10, "dead")
		for m := n * others / dead; m < (n+dead/10)*others/dead; m++ {
			backlog(t, j, dead+m, 1, "alive")
			j.Done(id(1000000+dead+m), "alive")
			call := id(5_000_000 + m)
			if err := j.Begin(call, make([]byte, 1500), nil); err != nil {
				t.Fatal(err)
			}
			j.Append(call, make([]byte, 600), nil)
			j.End(call)
			if m%500 == 0 {
				watch()
				j.wake()
			}
		}
	}
	eventually(t, "the log is small", func() bool {
		j.wake()
		st := j.Stats()
		return st.Bytes <= 2*st.Live+(slack+1)*s.SegmentSize
	})
	st := j.Stats()
	t.Logf("live %d MB, on disk %d MB, at most %d MB beyond twice that; %d compactions; %d bytes an event",
		st.Live>>20, st.Bytes>>20, most>>20, st.Compactions, st.Live/dead)
	if most > 64<<20 || st.Events != dead || st.Lost != 0 || st.Compactions == 0 {
		t.Errorf("at most %d bytes beyond twice what lives; %+v", most, st)
	}
	closed(t, j)

	began := time.Now()
	j = opened(t, dir, s)
	took := time.Since(began)
	t.Logf("opened in %v", took)
	if took > 5*time.Second { // a tenth of that where nothing else runs
		t.Errorf("opening took %v", took)
	}
	kept := j.Kept()
	if len(kept) != dead || kept[0].ID != id(1000000) || kept[dead-1].ID != id(1000000+dead-1) {
		t.Errorf("%d copies are kept, from %s to %s", len(kept), kept[0].ID, kept[len(kept)-1].ID)
	}
	for range 100 {
		k := kept[rand.IntN(dead)]
		if ev, err := j.Load(k.ID); err != nil || ev.ID != k.ID || ev.Call != k.Call {
			t.Fatalf("loading %s: %v", k.ID, err)
		}
	}
	closed(t, j)
}

// TestCompactionUnderLoad: calls and events come and go from several sides while the log is compacted all the time.
func TestCompactionUnderLoad(t *testing.T) {
	const workers, rounds = 4, 400
	dir := inDir(t)
	j := opened(t, dir, lazy())
	var work sync.WaitGroup
	for w := range workers {
		work.Go(func() { load(t, j, w*rounds, rounds) })
	}
	work.Wait()
	st := j.Stats()
	if st.Compactions < 10 || st.Lost != 0 {
		t.Errorf("%+v", st)
	}
	check := func(j *Journal) {
		t.Helper()
		if n := len(j.Kept()); n != workers*rounds/4 {
			t.Errorf("%d copies are kept", n)
		}
		for w := range workers {
			for n := w * rounds; n < (w+1)*rounds; n += 4 {
				if ev, err := j.Load(testEvent(n).ID); err != nil || ev.Call != id(n) {
					t.Fatalf("event %d: %v", n, err)
				}
			}
		}
	}
	check(j)
	closed(t, j)
	j = opened(t, dir, lazy())
	defer closed(t, j)
	check(j)
	got := chains(j)
	if len(got) != workers*rounds/8 {
		t.Errorf("%d calls are live", len(got))
	}
	for n := 0; n < workers*rounds; n += 8 {
		if c := got[id(n)]; len(c) != 3 || c[0][:5] != "begin" || c[2][:3] != "two" {
			t.Errorf("call %d: %.20q", n, c)
		}
	}
}

// load runs calls of which one in eight goes on, and events of which one in four stays.
func load(t *testing.T, j *Journal, from, n int) {
	pad := string(make([]byte, 500))
	for i := from; i < from+n; i++ {
		call, ev := id(i), testEvent(i)
		if err := j.Begin(call, []byte("begin"+pad), nil); err != nil {
			t.Error(err)
			return
		}
		j.Append(call, []byte("one"+pad), nil)
		if err := j.Settle(ev, []string{"dead", "alive"}); err != nil {
			t.Error(err)
		}
		if _, err := j.Load(ev.ID); err != nil {
			t.Error(err)
		}
		j.Append(call, []byte("two"+pad), nil)
		j.Done(ev.ID, "alive")
		if i%4 != 0 {
			j.Done(ev.ID, "dead")
		}
		if i%8 != 0 {
			j.End(call)
		}
		j.wake()
	}
}

// TestMemory: a backlog of a million events has to fit.
func TestMemory(t *testing.T) {
	const n = 200_000 / slowdown
	p := newReplay()
	b := appendKeep(nil, kindKeep, cdr.UUID{}, &head{order: 1}, []eventCopy{{instance: "RadAcct"}})
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range n {
		key := id(i)
		copy(b[1:], key[:])
		if err := p.visit(position(i), b); err != nil {
			t.Fatal(err)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	each := float64(after.HeapAlloc-before.HeapAlloc) / n
	t.Logf("%.0f bytes an event", each)
	if each > 175 && slowdown == 1 {
		t.Errorf("a kept event takes %.0f bytes of memory", each)
	}
	if len(p.events) != n {
		t.Fatal(fmt.Sprint(len(p.events), " events"))
	}
}
