package acctstack_test

import (
	"testing"
	"time"

	"go.uber.org/zap"

	"tollgate/acctstack"
	"tollgate/acctstack/stacktest"
	"tollgate/config"
	"tollgate/journal"
	"tollgate/journal/seglog/faultfs"
)

// TestJournalFailsOnce: an event whose commit fails is in the journal's memory all the same; it is delivered in this run.
func TestJournalFailsOnce(t *testing.T) {
	fs := faultfs.New()
	j, err := journal.Open(journal.Options{Dir: "/j", FS: fs, Settings: journal.Settings{Sync: config.Sync{Always: true}, SegmentSize: 64 << 10}})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	k, a := acctstack.NewKeeping(j, nil, nil, acctstack.Options{}, zap.NewNop()), newSwitchable()
	k.Deliver()
	stack := stacktest.BuildKeeping(t, k, optional, stacktest.Factory("A", a))
	if err := stack.Start(); err != nil {
		t.Fatal(err)
	}
	a.gone.Store(true)
	fs.Fail(faultfs.Fault{Op: faultfs.Write, N: 1, On: true})
	decide(stack, stacktest.Event(acctstack.Stop, 1))
	if n := j.Stats().CommitErrors; n != 1 || k.Losses() != 0 || len(k.Kept()) != 1 {
		t.Errorf("%d commits failed, %d lost, kept %+v", n, k.Losses(), k.Kept())
	}
	fs.Heal()
	a.gone.Store(false)
	for deadline := time.Now().Add(10 * time.Second); len(k.Kept()) > 0 && time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
	}
	if left := k.Kept(); len(left) != 0 {
		t.Errorf("not delivered: %+v", left)
	}
	closed(t, stack)
}
