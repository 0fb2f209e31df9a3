package journal

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tollgate/cdr"
	"tollgate/config"
	"tollgate/journal/seglog/faultfs"
)

// machine drives a journal with segments so small that compaction never rests, on a disk that fails and goes.
type machine struct {
	t     *rapid.T
	fs    *faultfs.FS
	j     *Journal
	m     *model
	count int
	rng   uint64
	sick  bool // the disk is failing, or was in this life of the journal
}

func (k *machine) open(fs *faultfs.FS) {
	j, err := Open(Options{Dir: "journal", FS: fs, gather: -1,
		Settings: Settings{Sync: config.Sync{Always: true}, SegmentSize: 4096}})
	if err != nil {
		k.t.Fatal(err)
	}
	k.fs, k.j = fs, j
}

// check compares what the journal says now with the model's latest.
func (k *machine) checkNow() {
	s := k.look()
	for o, states := range k.m.states {
		if want := states[len(states)-1].what; !k.sick && s.states[o] != want {
			k.t.Fatalf("%v is %q, want %q", o, s.states[o], want)
		}
	}
	for call, c := range k.m.calls {
		if got := len(s.calls[call]); !k.sick && c.ended == 0 && got != len(c.records) {
			k.t.Fatalf("call %s has %d records, want %d", call, got, len(c.records))
		}
	}
}

// look waits until the maintainer rests, so that nothing moves meanwhile.
func (k *machine) look() seen { return look(k.j) }

func (k *machine) crash(how func() *faultfs.FS) {
	k.m.mu.Lock()
	fs, durable := how(), k.m.durable
	k.m.mu.Unlock()
	_ = k.j.Close() // on a disk that nobody will read again
	k.m.durable = durable
	epoch := k.j.Epoch()
	k.open(fs)
	if k.j.Epoch() <= epoch || k.j.LastAlive().Time.IsZero() {
		k.t.Fatalf("epoch %d after %d; the former run was alive at %v", k.j.Epoch(), epoch, k.j.LastAlive())
	}
	s := k.look()
	if err := k.m.check(s); err != nil {
		k.t.Fatal(err)
	}
	k.m.reopened(s)
	k.sick = false
}

func (k *machine) step() {
	t := k.t
	switch op := rapid.IntRange(0, 99).Draw(t, "op"); {
	case op < 15:
		k.begin()
	case op < 40:
		k.extend()
	case op < 50:
		k.end()
	case op < 80:
		k.spool(op)
	case op < 88:
		k.note()
	case op < 92:
		k.j.mu.Lock()
		k.j.beat()
		k.j.mu.Unlock()
	case op < 95:
		k.fail()
	case op < 97:
		k.crash(func() *faultfs.FS { return k.fs.PowerLoss(k.coin) })
	case op < 99:
		k.crash(k.fs.Killed)
	default:
		_ = k.j.Close()
		k.crash(k.fs.Killed)
	}
}

func (k *machine) fail() {
	k.sick = true
	op := rapid.SampledFrom([]faultfs.Op{faultfs.Write, faultfs.Sync}).Draw(k.t, "fault")
	k.fs.Fail(faultfs.Fault{Op: op, N: rapid.IntRange(1, 4).Draw(k.t, "n"), Torn: rapid.Bool().Draw(k.t, "torn")})
}

func (k *machine) begin() {
	k.count++
	call, text := id(k.count), fmt.Sprintf("%d begins", k.count)
	seq, told, op := k.m.next()
	if k.j.Begin(call, []byte(text), told) == nil {
		k.m.calls[call] = &modelCall{records: []modelRecord{{text, seq, op}}}
	}
}

// live picks a call that lives.
func (k *machine) live() (cdr.UUID, *modelCall) {
	var ids []cdr.UUID
	for call, c := range k.m.calls {
		if c.ended == 0 {
			ids = append(ids, call)
		}
	}
	if len(ids) == 0 {
		return cdr.UUID{}, nil
	}
	slices.SortFunc(ids, func(a, b cdr.UUID) int { return strings.Compare(string(a[:]), string(b[:])) })
	call := rapid.SampledFrom(ids).Draw(k.t, "call")
	return call, k.m.calls[call]
}

func (k *machine) extend() {
	call, c := k.live()
	if c == nil {
		return
	}
	k.count++
	text := fmt.Sprintf("%d goes on %s", k.count, strings.Repeat("x", rapid.IntRange(0, 900).Draw(k.t, "size")))
	seq, told, op := k.m.next()
	if rapid.Bool().Draw(k.t, "wait") {
		w := newWaiter()
		k.j.Append(call, []byte(text), func(err error) { told(err); w.done(err) })
		_ = w.wait()
	} else {
		k.j.Append(call, []byte(text), told)
	}
	c.records = append(c.records, modelRecord{text, seq, op})
}

func (k *machine) end() {
	if call, c := k.live(); c != nil {
		lost := k.j.Stats().Lost
		seq, _, _ := k.m.next()
		if k.j.End(call); k.j.Stats().Lost == lost {
			c.ended = seq
		} else {
			c.ended = math.MaxInt // perhaps
		}
	}
}

func instances() []string { return []string{"FileAcct", "RadAcct", "SQLAcct"} }

func (k *machine) spool(op int) {
	n := rapid.IntRange(0, 9).Draw(k.t, "event")
	ev, instance := testEvent(n), rapid.SampledFrom(instances()).Draw(k.t, "instance")
	at := owner{ev.ID, instance, false}
	seq, told, _ := k.m.next()
	lost := k.j.Stats().Lost
	unsure := func() bool { return k.j.Stats().Lost != lost }
	switch {
	case op < 60:
		keep := rapid.SliceOfNDistinct(rapid.SampledFrom(instances()), 0, 3, rapid.ID).Draw(k.t, "keep")
		err := k.j.Settle(ev, keep)
		if k.settled(seq, ev.ID, keep, err != nil || unsure()) {
			told(err)
		}
	case op < 70:
		k.j.Done(ev.ID, instance)
		k.m.say(at, seq, "", unsure())
		k.m.say(owner{ev.ID, instance, true}, seq, "", unsure())
	case op < 75:
		reason := fmt.Sprintf("reason %d", seq)
		err := k.j.Quarantine(ev, instance, reason)
		told(err)
		k.m.say(at, seq, "kept "+reason, err != nil)
	default:
		k.j.Release(ev.ID, instance)
		if k.m.now(at) != "" {
			k.m.say(at, seq, "kept ", unsure())
		}
	}
}

// settled says what Settle does: a copy that is there stays as it is, and if none is asked for, notes without one go. It waits
// only if there is a copy that was not there.
func (k *machine) settled(seq int, event cdr.UUID, keep []string, unsure bool) (added bool) {
	for _, instance := range instances() {
		at := owner{event, instance, false}
		if k.m.now(at) == "" && slices.Contains(keep, instance) {
			k.m.say(at, seq, "kept ", unsure)
			added = true
		}
		if len(keep) == 0 && k.m.now(at) == "" {
			k.m.say(owner{event, instance, true}, seq, "", unsure)
		}
	}
	return added
}

func (k *machine) note() {
	n := rapid.IntRange(0, 9).Draw(k.t, "event")
	instance := rapid.SampledFrom(instances()).Draw(k.t, "instance")
	event := testEvent(n).ID
	seq, told, _ := k.m.next()
	text := fmt.Sprintf("note %d", seq)
	err := k.j.Notes(instance).Note(event, []byte(text))
	k.m.say(owner{event, instance, true}, seq, text, err != nil)
	told(err)
}

// TestAgainstModel: whatever happens, nothing that was acknowledged is missing and nothing that is done comes back.
func TestAgainstModel(t *testing.T) {
	compactions := uint64(0)
	rapid.Check(t, func(rt *rapid.T) {
		k := &machine{t: rt, m: newModel()}
		k.open(faultfs.New())
		defer func() { _ = k.j.Close() }()
		for range rapid.IntRange(1, 150).Draw(rt, "steps") {
			k.step()
			k.j.wake()
		}
		k.checkNow()
		compactions += k.j.Stats().Compactions
		k.crash(k.fs.Killed)
	})
	if compactions == 0 {
		t.Error("nothing was ever compacted")
	}
}

// coin says whether a sector that was not synced is on the disk all the same.
func (k *machine) coin() bool {
	k.rng = k.rng*6364136223846793005 + 1442695040888963407
	return k.rng>>63 == 0
}
