package gatekeeper

import (
	"slices"
	"testing"
	"time"

	"tollgate/acctstack"
	"tollgate/bootclock"
	"tollgate/cdr"
)

// chest is a journal in memory that never tells anybody.
type chest struct {
	records [][]byte
	ended   bool
}

func (c *chest) Begin(_ cdr.UUID, record []byte, _ func(error)) error {
	c.records = [][]byte{slices.Clone(record)}
	return nil
}

func (c *chest) Append(_ cdr.UUID, record []byte, _ func(error)) {
	c.records = append(c.records, slices.Clone(record))
}

func (c *chest) End(cdr.UUID) { c.ended = true }

// A start was refused, and the crash came before the end of the call was written: the call must not go on.
func TestARefusedCallStaysRefused(t *testing.T) {
	w := newWorld(t, nil)
	journal := &chest{}
	w.gk.journal = journal
	c := w.admit()
	c.written(nil)
	w.saw("start")
	c.trail.Refused, c.trail.Has = true, []string{"SQLAcct"}
	w.decide(acctstack.Start, false)
	w.saw("drop 41 true accounting")
	records := journal.records[:2] // the beginning and the verdict

	after := newWorld(t, nil)
	after.gk.journal = &chest{}
	saved, err := ReadCall(c.id, records, bootclock.ID())
	if err != nil {
		t.Fatal(err)
	}
	var restored *Call
	after.locked(func() {
		restored = after.shard.Restore(after, saved, time.Now())
		if restored.Admitted() {
			t.Error("it counts as admitted")
		}
		restored.Resume()
	})
	restored.written(nil)
	after.saw("drop 41 true accounting", "stop")
	if has := after.events[0].Trail; !has.Refused || !slices.Equal(has.Has, []string{"SQLAcct"}) {
		t.Errorf("the trail is %+v", has)
	}
	after.decide(acctstack.Stop, true)
	after.over()
	if !after.gk.journal.(*chest).ended {
		t.Error("the journal has the call still")
	}
}

func TestAnAbandonedCallHasAnEstimatedEnd(t *testing.T) {
	w := newWorld(t, nil)
	journal := &chest{}
	w.gk.journal = journal
	c := w.admit()
	c.written(nil)

	after := newWorld(t, nil)
	after.gk.journal = &chest{}
	saved, err := ReadCall(c.id, journal.records, bootclock.ID())
	if err != nil {
		t.Fatal(err)
	}
	var restored *Call
	after.locked(func() {
		restored = after.shard.Restore(after, saved, time.Now())
		restored.Abandon(ErrUnjournalled)
	})
	restored.written(nil)
	after.saw("start")
	after.decide(acctstack.Start, true)
	after.saw("stop")
	if stop := after.events[1].Record; !stop.EndEstimated || stop.SessionID != c.SessionID {
		t.Errorf("%+v", stop)
	}
	after.decide(acctstack.Stop, true)
	after.over()
}

func TestDamagedChains(t *testing.T) {
	w := newWorld(t, nil)
	journal := &chest{}
	w.gk.journal = journal
	c := w.admit()
	w.locked(func() { c.End(16, cdr.ReleasedByCaller, nil) })
	whole := journal.records
	if _, err := ReadCall(c.id, whole, bootclock.ID()); err != nil {
		t.Fatal(err)
	}
	for name, records := range map[string][][]byte{
		"nothing":            nil,
		"two beginnings":     {whole[0], whole[0]},
		"an empty record":    {{}},
		"an unknown record":  {whole[0], {99}},
		"an unknown version": {{byte(entryBegin), 99}},
	} {
		if _, err := ReadCall(c.id, records, bootclock.ID()); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	for n := range whole[0] {
		if _, err := ReadCall(c.id, [][]byte{whole[0][:n]}, bootclock.ID()); err == nil {
			t.Errorf("%d of %d bytes are enough", n, len(whole[0]))
		}
	}
	if saved, err := ReadCall(c.id, whole[1:], bootclock.ID()); err != nil || !saved.Ended() || saved.Call.SessionID != c.SessionID {
		t.Errorf("without its beginning: %v", err)
	}
	// The journal may tell the last records twice.
	saved, err := ReadCall(c.id, append(slices.Clone(whole), whole[1:]...), bootclock.ID())
	if err != nil || len(saved.events) != 2 {
		t.Errorf("told twice: %v, %d events", err, len(saved.events))
	}
}

func FuzzReadCall(f *testing.F) {
	f.Add([]byte{byte(entryBegin), 1}, []byte{byte(entryDecided), 1, 0, 0})
	f.Fuzz(func(t *testing.T, first, second []byte) {
		_, _ = ReadCall(cdr.UUID{}, [][]byte{first, second}, bootclock.ID())
	})
}

// revive gives the call to another gatekeeper that knows only those records of it.
func (w *world) revive(c *Call, records [][]byte) (*world, *Call) {
	w.t.Helper()
	after := newWorld(w.t, nil)
	after.gk.journal = &chest{}
	after.gk.settings.Store(w.gk.settings.Load())
	saved, err := ReadCall(c.id, records, bootclock.ID())
	if err != nil {
		w.t.Fatal(err)
	}
	var restored *Call
	after.locked(func() {
		restored = after.shard.Restore(after, saved, time.Now())
		restored.Resume()
	})
	return after, restored
}

func TestACallThatEndedBeforeItsVerdict(t *testing.T) {
	w := newWorld(t, nil)
	journal := &chest{}
	w.gk.journal = journal
	c := w.admit()
	c.written(nil)
	w.locked(func() { c.End(16, cdr.ReleasedByCaller, nil) })
	after, _ := w.revive(c, journal.records)
	after.decide(acctstack.Start, true)
	after.decide(acctstack.Stop, true)
	after.over()
}

// What follows from a verdict is in the journal before the verdict is.
func TestTeardownIsNotLostBetweenEntries(t *testing.T) {
	w := newWorld(t, func(s *Settings) { s.Teardown = acctstack.KindsOf(acctstack.Connect) })
	journal := &chest{}
	w.gk.journal = journal
	c := w.admit()
	c.written(nil)
	w.decide(acctstack.Start, true)
	w.connect(c)
	c.written(nil)
	w.decide(acctstack.Connect, false)
	after, restored := w.revive(c, journal.records[:4]) // begin, decided, connect, and what came then
	if restored.state == connected && len(after.events) == 0 {
		t.Error("the call goes on although Teardown ends it")
	}
}

// OnShutdown=keep: a verdict whose consequence could not go out any more is left to the next run.
func TestABadVerdictBehindTheSuspension(t *testing.T) {
	for _, kind := range []acctstack.Kind{acctstack.Start, acctstack.Connect, acctstack.Stop} {
		t.Run(kind.String(), func(t *testing.T) {
			w := newWorld(t, func(s *Settings) { s.Teardown = acctstack.KindsOf(acctstack.Connect) })
			journal := &chest{}
			w.gk.journal = journal
			c := w.admit()
			c.written(nil)
			if kind != acctstack.Start {
				w.decide(acctstack.Start, true)
				w.connect(c)
				c.written(nil)
			}
			if kind == acctstack.Stop {
				w.decide(acctstack.Connect, true)
				w.locked(func() { c.End(16, cdr.ReleasedByCaller, nil) })
				c.written(nil)
			}
			w.gk.Suspend()
			w.decideWith(kind, acctstack.Verdict{Rules: []acctstack.Rule{{}}, Kind: kind, NoSpool: true, Steps: []acctstack.Step{{Result: acctstack.Fail, Err: ErrUnjournalled}}})
			if journal.ended {
				t.Fatal("the journal has forgotten the call")
			}
			after, _ := w.revive(c, journal.records)
			if len(after.events) != 1 || after.events[0].Kind != kind {
				t.Errorf("the next run sends %v", after.events)
			}
		})
	}
}
