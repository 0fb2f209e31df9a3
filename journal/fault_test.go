package journal

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"tollgate/acctstack"
	"tollgate/cdr"
	"tollgate/journal/seglog"
	"tollgate/journal/seglog/faultfs"
)

// TestFailingDisk: while nothing can be written the waiters are told errors, in order, and the records wait; once the disk
// is well again they are on it, and compaction knows where.
func TestFailingDisk(t *testing.T) {
	fs := faultfs.New()
	j := onFS(t, fs)
	begun(t, j, id(1), "begin")
	fs.Fail(faultfs.Fault{Op: faultfs.Write, N: 1, On: true})
	var mu sync.Mutex
	var order []int
	var failed int
	w := newWaiter()
	for n := range 10 {
		j.Append(id(1), []byte(fmt.Sprint(n)), func(err error) {
			mu.Lock()
			defer mu.Unlock()
			order = append(order, n)
			if err != nil {
				failed++
			}
			if n == 9 {
				w.done(err)
			}
		})
	}
	if err := w.wait(); err == nil || failed != 10 || !slices.IsSorted(order) {
		t.Errorf("%v, %d failed, in order %v", err, failed, order)
	}
	if err := j.Settle(testEvent(1), []string{"RadAcct"}); err == nil {
		t.Error("an event is kept on a disk that is away")
	}
	if err := j.Settle(testEvent(1), []string{"RadAcct"}); err == nil {
		t.Error("and it is when it is settled again")
	}
	if st := j.Stats(); !st.Failing || st.CommitErrors < 10 || st.Lost != 0 {
		t.Errorf("%+v", st)
	}
	fs.Heal()
	eventually(t, "the disk is well again", func() bool { return j.log.Flush() == nil })
	if st := j.Stats(); st.Failing || st.Waiting != 0 {
		t.Errorf("%+v", st)
	}
	if err := j.Settle(testEvent(1), []string{"RadAcct"}); err != nil {
		t.Error(err)
	}
	j.mu.Lock()
	for n, at := range j.x.calls[id(1)].records[1:] {
		if _, err := j.log.Read(at, nil); err != nil || at.Segment == j.x.calls[id(1)].records[0].Segment {
			t.Errorf("record %d lies at %v: %v", n, at, err)
		}
	}
	j.mu.Unlock()
	lost := fs.PowerLoss(nil)
	closed(t, j)
	j = onFS(t, lost)
	defer closed(t, j)
	if got := chains(j)[id(1)]; len(got) != 11 {
		t.Errorf("found %q", got)
	}
}

// TestMoved: a write or fsync that fails once is told nobody; but the record lies elsewhere, and compaction has to know.
func TestMoved(t *testing.T) {
	event := testEvent(3)
	for _, c := range []struct {
		name  string
		fault faultfs.Fault
		write func(t *testing.T, j *Journal) error
		at    func(x *index) seglog.Position
	}{
		{"call", faultfs.Fault{Op: faultfs.Sync, N: 1},
			func(t *testing.T, j *Journal) error { appended(t, j, id(1), "answer"); return nil },
			func(x *index) seglog.Position { return x.calls[id(1)].records[1] }},
		{"note", faultfs.Fault{Op: faultfs.Write, N: 1, Torn: true},
			func(_ *testing.T, j *Journal) error { return j.Notes("FileAcct").Note(id(2), []byte("x")) },
			func(x *index) seglog.Position { return x.events[id(2)].noted()[0].at }},
		{"event", faultfs.Fault{Op: faultfs.Write, N: 1},
			func(_ *testing.T, j *Journal) error { return j.Settle(event, []string{"RadAcct"}) },
			func(x *index) seglog.Position { return x.events[event.ID].at }},
	} {
		t.Run(c.name, func(t *testing.T) {
			fs := faultfs.New()
			j := onFS(t, fs)
			defer closed(t, j)
			begun(t, j, id(1), "begin")
			rested(t, fs)
			fs.Fail(c.fault)
			if err := c.write(t, j); err != nil {
				t.Fatal(err)
			}
			j.mu.Lock()
			defer j.mu.Unlock()
			if before, now := j.x.calls[id(1)].records[0], c.at(j.x); now.Segment <= before.Segment {
				t.Errorf("the record is said to lie at %+v, behind %+v", now, before)
			} else if h := j.x.homes[now.Segment]; c.name != "call" && (h == nil || h.events.first == nil) {
				t.Errorf("no chain is at home in segment %d", now.Segment)
			}
		})
	}
}

// rested waits until the log has prepared what it wants, so that the next operation of the disk is the test's.
func rested(t *testing.T, fs *faultfs.FS) {
	t.Helper()
	last, still := 0, 0
	eventually(t, "the log rests", func() bool {
		n := fs.Count(faultfs.Any)
		if still++; n != last {
			last, still = n, 0
		}
		return still >= 10
	})
}

// TestNoRoomTold: a record for which there is no room is told in its place, behind those before it, and never from inside.
func TestNoRoomTold(t *testing.T) {
	fs := faultfs.New()
	j := onFS(t, fs)
	defer closed(t, j)
	begun(t, j, id(1), "begin")
	var mu sync.Mutex
	var told []int
	w := newWaiter()
	fs.Limit(1)
	big := make([]byte, 20_000)
	mu.Lock()
	for n := range 12 {
		j.Append(id(1), big, func(err error) {
			mu.Lock()
			defer mu.Unlock()
			if told = append(told, n); n == 11 {
				w.done(err)
			}
		})
	}
	mu.Unlock()
	if err := w.wait(); !errors.Is(err, ErrFull) {
		t.Errorf("the last is told %v", err)
	}
	if !slices.IsSorted(told) || len(told) != 12 {
		t.Errorf("told %v", told)
	}
	if j.Stats().Lost == 0 {
		t.Error("nothing is counted as lost")
	}
	j.Append(id(99), nil, w.done)
	if err := w.wait(); err == nil {
		t.Error("a chain that never began was extended")
	}
}

// TestLedgerAway: a ledger that cannot be opened or written costs the answers only.
func TestLedgerAway(t *testing.T) {
	fs := faultfs.New()
	fs.Limit(5 * minSegmentSize)
	j, err := Open(Options{Dir: "journal", FS: fs, gather: -1, Settings: small()})
	if err != nil {
		t.Fatal(err)
	}
	for range 3000 {
		j.Answered(testEvent(1), "RadAcct", acctstack.Fail, errors.New("away"))
	}
	if st := j.Stats(); st.LedgerLost == 0 || st.Lost != 0 {
		t.Errorf("%+v", st)
	}
	begun(t, j, id(1), "begin")
	closed(t, j)
	j = onFS(t, faultfs.New())
	defer closed(t, j)
	if _, err := j.Answers(id(1)); !errors.Is(err, ErrNoLedger) {
		t.Errorf("asking a ledger that is not kept: %v", err)
	}
}

// TestLedgerExpires: segments go once their newest answer is too old.
func TestLedgerExpires(t *testing.T) {
	s := lazy()
	s.LedgerKeep = time.Hour
	j := opened(t, inDir(t), s)
	defer closed(t, j)
	for range 4000 {
		j.Answered(testEvent(1), "RadAcct", acctstack.OK, nil)
	}
	now := time.Now()
	count := func() int {
		answers, err := j.Answers(testEvent(1).ID)
		if err != nil {
			t.Fatal(err)
		}
		return len(answers)
	}
	for _, c := range []struct {
		after time.Duration
		want  func(n int) bool
	}{
		{30 * time.Minute, func(n int) bool { return n == 4000 }},
		{2 * time.Hour, func(n int) bool { return n == 0 }},
	} {
		if err := j.ledger.expire(now.Add(c.after)); err != nil {
			t.Fatal(err)
		}
		if n := count(); !c.want(n) {
			t.Errorf("after %v %d answers are left", c.after, n)
		}
	}
	j.Answered(testEvent(1), "RadAcct", acctstack.OK, nil)
	if n := count(); n != 1 {
		t.Errorf("%d answers after that", n)
	}
}

// TestHeartbeat: a run that dies while it has calls was alive a second ago at most.
func TestHeartbeat(t *testing.T) {
	fs := faultfs.New()
	j := onFS(t, fs)
	begun(t, j, id(1), "begin")
	began := time.Now()
	eventually(t, "two heartbeats", func() bool {
		next := onFS(t, fs.Killed())
		alive := next.LastAlive()
		epoch := next.Epoch()
		closed(t, next)
		return alive.Time.Sub(began) > 1100*time.Millisecond && epoch > j.Epoch()
	})
	if since := time.Since(began); since > 4*time.Second {
		t.Errorf("that took %v", since)
	}
	closed(t, j)
}

// TestHeartbeatIsCopied: compaction does not take the last heartbeat away, nor with it the epoch.
func TestHeartbeatIsCopied(t *testing.T) {
	fs := faultfs.New()
	j := onFS(t, fs)
	defer closed(t, j)
	for n := 0; j.Stats().Compactions < 3; n++ {
		begun(t, j, id(n), string(make([]byte, 3000)))
		j.End(id(n))
		next := newReplay()
		if _, err := seglog.Scan(fs.Killed(), filepath.Join("journal", "log"), next.visit); err != nil {
			t.Fatal(err)
		}
		if next.alive.epoch != j.Epoch() {
			t.Fatalf("after %d calls the log has epoch %d, not %d", n, next.alive.epoch, j.Epoch())
		}
		j.wake()
	}
}

// TestStaleNotes: what a former run has noted and nobody has asked for goes after LedgerKeep; copies and new notes stay.
func TestStaleNotes(t *testing.T) {
	fs := faultfs.New()
	j := onFS(t, fs)
	note := func(event cdr.UUID) {
		t.Helper()
		if err := j.Notes("FileAcct").Note(event, []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	note(id(1))
	note(testEvent(2).ID)
	if err := j.Settle(testEvent(2), []string{"FileAcct"}); err != nil {
		t.Fatal(err)
	}
	closed(t, j)
	j = onFS(t, fs)
	defer func() { closed(t, j) }()
	note(id(3))
	j.dropStaleNotes(time.Now())
	if n := j.Stats().Notes; n != 3 {
		t.Errorf("%d notes", n)
	}
	j.dropStaleNotes(time.Now().Add(leastNoteKeep + time.Hour))
	if n := j.Stats().Notes; n != 2 || j.Notes("FileAcct").Noted(id(1)) != nil || len(j.Kept()) != 1 {
		t.Errorf("%d notes, %d copies", n, len(j.Kept()))
	}
}

// TestReservation: what is set aside comes back when nothing is left that could need it.
func TestReservation(t *testing.T) {
	fs := faultfs.New()
	j := onFS(t, fs)
	idle := j.Stats().Reserved
	for n := range 20 {
		begun(t, j, id(n), "begin")
		for range n {
			appended(t, j, id(n), string(make([]byte, 700)))
		}
		if err := j.Settle(testEvent(n), []string{"RadAcct", "SQLAcct"}); err != nil {
			t.Fatal(err)
		}
		if err := j.Settle(testEvent(n), []string{"FileAcct"}); err != nil {
			t.Fatal(err)
		}
		if err := j.Quarantine(testEvent(n), "RadAcct", "bad"); err != nil {
			t.Fatal(err)
		}
		if err := j.Notes("FileAcct").Note(testEvent(n).ID, []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	if r := j.Stats().Reserved; r < idle+20*floorRoom/2 {
		t.Errorf("%d bytes are set aside for 20 calls, %d for none", r, idle)
	}
	checkPromises(t, j)
	closed(t, j)
	j = onFS(t, fs)
	defer func() { closed(t, j) }()
	eventually(t, "what was promised is set aside again", func() bool { j.wake(); return j.Stats().Short == 0 })
	checkPromises(t, j)
	for n := range 20 {
		j.End(id(n))
		for _, instance := range []string{"RadAcct", "SQLAcct", "FileAcct"} {
			j.Done(testEvent(n).ID, instance)
		}
	}
	eventually(t, "compaction has its room again", func() bool {
		j.mu.Lock()
		defer j.mu.Unlock()
		return j.promised == j.compactor
	})
	checkPromises(t, j)
}

// checkPromises compares what the log holds in reserve with what it should.
func checkPromises(t *testing.T, j *Journal) {
	t.Helper()
	j.mu.Lock()
	defer j.mu.Unlock()
	sum := j.compactor
	for _, c := range j.x.calls {
		sum += c.reserved + endCost()
	}
	for _, e := range j.x.events {
		sum += e.owed()
	}
	if r := j.log.Stats().Reserved; j.promised != sum || r != j.promised-j.short {
		t.Errorf("promised %d, the chains say %d; reserved %d, short %d", j.promised, sum, r, j.short)
	}
}
