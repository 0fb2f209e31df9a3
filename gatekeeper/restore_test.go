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
		"no beginning":       whole[1:],
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
