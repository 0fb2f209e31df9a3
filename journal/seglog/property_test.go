package seglog_test

import (
	"math/rand/v2"
	"syscall"
	"testing"

	"pgregory.net/rapid"

	"tollgate/journal/seglog"
	"tollgate/journal/seglog/faultfs"
)

// machine drives a log on an unkind disk and compares it with the model.
type machine struct {
	fs     *faultfs.FS
	m      *model
	l      *seglog.Log
	waits  []<-chan struct{}
	random *rand.Rand
}

func (k *machine) open(t *rapid.T) {
	c := new(contents)
	l, _, err := seglog.Open(faultOptions(k.fs, k.m), c.visit)
	if err != nil {
		t.Fatal(err)
	}
	k.l = l
	if err := k.m.check(c.records); err != nil {
		t.Fatal(err)
	}
	k.m.reopened(c)
}

func (k *machine) append(t *rapid.T) {
	add := k.l.Append
	size := rapid.IntRange(6, 1900).Draw(t, "size")
	if rapid.Bool().Draw(t, "reserved") && k.l.Reserve(seglog.Cost(size)) == nil {
		add = k.l.AppendReserved
	}
	if told, err := k.m.add(add, size); err == nil {
		k.waits = append(k.waits, told)
	}
}

func (k *machine) wait(*rapid.T) {
	for _, told := range k.waits {
		<-told
	}
	k.waits = nil
}

func (k *machine) read(t *rapid.T) {
	k.m.mu.Lock()
	var live []modelRecord
	for _, r := range k.m.records {
		if !r.removed {
			live = append(live, *r)
		}
	}
	k.m.mu.Unlock()
	for _, r := range live {
		if got, err := k.l.Read(r.at, nil); err != nil || string(got) != r.text {
			t.Fatalf("reading %v: %.20q, %v, want %.20q", r.at, got, err, r.text)
		}
	}
}

func (k *machine) fail(t *rapid.T) {
	op := rapid.SampledFrom([]faultfs.Op{faultfs.Write, faultfs.Sync, faultfs.Create, faultfs.Rename, faultfs.SyncDir, faultfs.Any}).Draw(t, "op")
	fault := faultfs.Fault{Op: op, N: rapid.IntRange(1, 4).Draw(t, "n"), Torn: rapid.Bool().Draw(t, "torn"), On: rapid.Bool().Draw(t, "on")}
	if rapid.Bool().Draw(t, "full") {
		fault.Err = syscall.ENOSPC
	}
	k.fs.Fail(fault)
}

func (k *machine) heal(t *rapid.T) {
	k.fs.Heal()
	err := k.l.Flush()
	if err != nil { // it may have met an attempt that had failed before
		err = k.l.Flush()
	}
	if err != nil {
		t.Fatal(err)
	}
	k.wait(t)
	k.m.mu.Lock()
	defer k.m.mu.Unlock()
	for _, r := range k.m.records { // what was told an error is durable now
		if !r.removed {
			r.told, r.err = true, nil
		}
	}
}

func (k *machine) remove(t *rapid.T) {
	k.wait(t)
	if list := k.l.Segments(); len(list) > 1 {
		k.m.remove(list[0].Number)
		_ = k.l.RemoveOldest(list[0].Number)
	}
}

// crash ends the log as a loss of power or a kill would, and opens what is left.
func (k *machine) crash(t *rapid.T) {
	frozen := k.frozen() // before the copy: what is told later is of no account
	left := k.fs.Killed()
	switch rapid.IntRange(0, 2).Draw(t, "crash") {
	case 0:
		left = k.fs.PowerLoss(nil)
	case 1:
		left = k.fs.PowerLoss(func() bool { return k.random.IntN(2) == 0 })
	}
	_ = k.l.Close()
	k.fs, k.m, k.waits = left, frozen, nil
	k.open(t)
}

// frozen is a copy of the model.
func (k *machine) frozen() *model {
	k.m.mu.Lock()
	defer k.m.mu.Unlock()
	frozen := newModel()
	for _, r := range k.m.records {
		c := *r
		frozen.records = append(frozen.records, &c)
	}
	frozen.told = append(frozen.told, k.m.told...)
	return frozen
}

func TestLogAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := &machine{fs: faultfs.New(), m: newModel(), random: rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))}
		k.open(t)
		defer func() { _ = k.l.Close() }()
		t.Repeat(map[string]func(*rapid.T){
			"append": k.append, "again": k.append, "more": k.append,
			"wait": k.wait, "read": k.read, "fail": k.fail, "heal": k.heal, "remove": k.remove, "crash": k.crash,
			"roll": func(*rapid.T) { _ = k.l.Roll() },
		})
	})
}
