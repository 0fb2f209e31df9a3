package seglog_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"tollgate/config"
	"tollgate/journal/seglog"
	"tollgate/journal/seglog/faultfs"
)

func faultOptions(fs *faultfs.FS, m *model) seglog.Options {
	return seglog.Options{Dir: "/log", Kind: "test", SegmentSize: 4096, Gather: -1, FS: fs, Moved: m.moved, Sync: config.Sync{Always: true}}
}

// work is a session with all that a log does: records alone and in company, reserved ones, rolling, removal.
func work(fs *faultfs.FS, m *model) error {
	l, _, err := seglog.Open(faultOptions(fs, m), func(seglog.Position, []byte) error { return nil })
	if err != nil {
		return err
	}
	for round := range 6 {
		var waits []<-chan struct{}
		for i := range 4 {
			append := l.Append
			if i == 2 && l.Reserve(seglog.Cost(500)) == nil {
				append = l.AppendReserved
			}
			if told, err := m.add(append, 100+(round*4+i)*17%400); err == nil {
				waits = wait(waits, told, i%2 == 0)
			}
		}
		for _, told := range waits {
			<-told
		}
		if list := l.Segments(); round == 4 && len(list) > 1 {
			m.remove(list[0].Number)
			_ = l.RemoveOldest(list[0].Number)
		}
		if round == 2 {
			_ = l.Roll()
		}
	}
	return l.Close()
}

func wait(waits []<-chan struct{}, told <-chan struct{}, now bool) []<-chan struct{} {
	if now {
		<-told
		return waits
	}
	return append(waits, told)
}

// afterwards opens what is left and checks it, twice: what the first Open leaves must be as good.
func afterwards(t *testing.T, name string, m *model, left *faultfs.FS) {
	t.Helper()
	for again := range 2 {
		c := new(contents)
		l, _, err := seglog.Open(faultOptions(left, newModel()), c.visit)
		if err != nil {
			t.Fatalf("%s: opening: %v", name, err)
		}
		if err := m.check(c.records); err != nil {
			t.Fatalf("%s (%d): %v", name, again, err)
		}
		if again == 0 {
			appendAll(t, l, "000000")
			m.records = append(m.records, &modelRecord{text: "000000", told: true})
		}
		closeLog(t, l)
	}
	m.records = m.records[:len(m.records)-1]
}

func TestEveryOperationFailsOrTears(t *testing.T) {
	counting := faultfs.New()
	if err := work(counting, newModel()); err != nil {
		t.Fatal(err)
	}
	for _, op := range []faultfs.Op{faultfs.Create, faultfs.Write, faultfs.Sync, faultfs.Allocate, faultfs.Rename, faultfs.Remove, faultfs.SyncDir} {
		n := counting.Count(op)
		if n == 0 {
			t.Fatalf("no %s in the workload", op)
		}
		for i := 1; i <= n; i++ {
			for _, torn := range []bool{false, true} {
				tryFault(t, faultfs.Fault{Op: op, N: i, Torn: torn}, int64(i))
			}
			tryFault(t, faultfs.Fault{Op: op, N: i, Err: syscall.ENOSPC}, int64(i))
			tryFault(t, faultfs.Fault{Op: op, N: i, On: true}, int64(i))
		}
	}
	for i := 1; i <= counting.Count(faultfs.Any); i++ {
		tryFault(t, faultfs.Fault{Op: faultfs.Any, N: i, On: true}, int64(i))
		tryFault(t, faultfs.Fault{Op: faultfs.Any, N: i, On: true, Torn: true}, int64(i))
	}
}

func tryFault(t *testing.T, fault faultfs.Fault, seed int64) {
	t.Helper()
	fs, m := faultfs.New(), newModel()
	fs.Fail(fault)
	err := work(fs, m)
	name := fmt.Sprintf("%+v", fault)
	if err == nil && !fault.On {
		for i, r := range m.records {
			if r.err != nil && fault.Op != faultfs.Create && fault.Op != faultfs.Allocate && fault.Op != faultfs.Rename &&
				fault.Op != faultfs.SyncDir && !errors.Is(r.err, seglog.ErrFull) && r.told {
				t.Fatalf("%s: record %d was told %v though the second try must do", name, i, r.err)
			}
		}
	}
	random := rand.New(rand.NewPCG(uint64(seed), 1))
	afterwards(t, name+" killed", m, fs.Killed())
	afterwards(t, name+" power lost", m, fs.PowerLoss(nil))
	afterwards(t, name+" power lost, some kept", m, fs.PowerLoss(func() bool { return random.IntN(2) == 0 }))
}

func TestRecordsSurviveASickDiskInMemory(t *testing.T) {
	fs, m := faultfs.New(), newModel()
	l, _, err := seglog.Open(faultOptions(fs, m), nil)
	if err != nil {
		t.Fatal(err)
	}
	fs.Fail(faultfs.Fault{Op: faultfs.Any, N: 1, On: true})
	for range 20 {
		told, err := m.add(l.Append, 900)
		if err != nil {
			t.Fatal(err)
		}
		<-told
	}
	for i, r := range m.records {
		if !errors.Is(r.err, syscall.EIO) {
			t.Fatalf("record %d was told %v", i, r.err)
		}
		if got, err := l.Read(r.at, nil); err != nil || string(got) != r.text {
			t.Fatalf("reading record %d from memory: %.20q, %v", i, got, err)
		}
	}
	if s := l.Stats(); !s.Failing || s.Pending != 20 || s.LastError == nil {
		t.Fatalf("%+v", s)
	}
	before := make([]seglog.Position, 20)
	for i, r := range m.records {
		before[i] = r.at
	}
	fs.Heal()
	for deadline := time.Now().Add(5 * time.Second); l.Stats().Failing; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("not written again by itself")
		}
	}
	if s := l.Stats(); s.Pending != 0 || s.Buffered != 0 {
		t.Fatalf("%+v", s)
	}
	if err := l.Flush(); err != nil {
		t.Fatal(err)
	}
	for i, r := range m.records {
		if r.at == before[i] {
			t.Fatalf("record %d was not moved", i)
		}
		for _, p := range []seglog.Position{before[i], r.at} {
			if got, err := l.Read(p, nil); err != nil || string(got) != r.text {
				t.Fatalf("reading record %d: %.20q, %v", i, got, err)
			}
		}
		r.told, r.err = true, nil
	}
	afterwards(t, "power lost", m, fs.PowerLoss(nil))
	closeLog(t, l)
	afterwards(t, "closed", m, fs.PowerLoss(nil))
}

func TestAFailedBackgroundSyncLosesNothing(t *testing.T) {
	fs, m := faultfs.New(), newModel()
	o := faultOptions(fs, m)
	o.Sync = config.Sync{Every: time.Hour}
	l, _, err := seglog.Open(o, nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		told, err := m.add(l.Append, 700)
		if err != nil {
			t.Fatal(err)
		}
		<-told
	}
	fs.Fail(faultfs.Fault{Op: faultfs.Sync, N: 1})
	if err := l.Flush(); err != nil {
		t.Fatal(err)
	}
	afterwards(t, "power lost", m, fs.PowerLoss(nil))
	afterwards(t, "killed", m, fs.Killed())
	closeLog(t, l)
}

func TestTheBufferIsBounded(t *testing.T) {
	fs := faultfs.New()
	l, _, err := seglog.Open(seglog.Options{Dir: "/log", FS: fs}, nil)
	if err != nil {
		t.Fatal(err)
	}
	fs.Fail(faultfs.Fault{Op: faultfs.Write, N: 1, On: true})
	record := make([]byte, 1<<20)
	n := 0
	for ; err == nil && n < 1000; n++ {
		_, err = l.Append(record, nil)
		if n == 0 {
			_ = l.Flush()
		}
	}
	if !errors.Is(err, seglog.ErrOverload) || n < 32 {
		t.Fatalf("after %d MiB: %v", n, err)
	}
	if err := l.Close(); err == nil {
		t.Fatal("closing tells of no loss")
	}
}
