package journal

import (
	"bytes"
	"fmt"
	"path/filepath"
	"reflect"
	"testing"

	"tollgate/cdr"
	"tollgate/config"
	"tollgate/journal/seglog"
	"tollgate/journal/seglog/faultfs"
)

// sample fills a journal with one of everything, and closes it.
func sample(t *testing.T, fs *faultfs.FS) {
	t.Helper()
	j := onFS(t, fs)
	for n := range 4 {
		begun(t, j, id(n), fmt.Sprintf("%d begins", n))
		appended(t, j, id(n), fmt.Sprintf("%d is answered", n))
		appended(t, j, id(n), fmt.Sprintf("%d ends", n))
	}
	for n := range 4 {
		if err := j.Settle(testEvent(n), []string{"RadAcct", "SQLAcct"}); err != nil {
			t.Fatal(err)
		}
	}
	j.Done(testEvent(0).ID, "SQLAcct")
	if err := j.Quarantine(testEvent(1), "RadAcct", "bad"); err != nil {
		t.Fatal(err)
	}
	if err := j.Notes("FileAcct").Note(id(77), []byte("at 10")); err != nil {
		t.Fatal(err)
	}
	j.End(id(3))
	closed(t, j)
}

func onFS(t *testing.T, fs *faultfs.FS) *Journal {
	t.Helper()
	j, err := Open(Options{Dir: "journal", FS: fs, gather: -1, Settings: Settings{Sync: config.Sync{Always: true}, SegmentSize: minSegmentSize}})
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// flat is what is seen, as a set of facts.
func flat(s seen) map[string]bool {
	facts := map[string]bool{}
	for call, records := range s.calls {
		for _, r := range records {
			facts[fmt.Sprint("call ", call, " ", r)] = true
		}
	}
	for o, what := range s.states {
		facts[fmt.Sprint(o, " ", what)] = true
	}
	return facts
}

// TestDamage: a flipped bit in any one record costs what that record said, nothing else, and is reported.
func TestDamage(t *testing.T) {
	fs := faultfs.New()
	sample(t, fs)
	dir := filepath.Join("journal", "log")
	type place struct {
		at  seglog.Position
		rec record
	}
	var places []place
	if _, err := seglog.Scan(fs, dir, func(at seglog.Position, b []byte) error {
		rec, err := parse(bytes.Clone(b))
		places = append(places, place{at, rec})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	j := onFS(t, fs.Killed())
	whole := flat(look(j))
	closed(t, j)
	for _, p := range places {
		t.Run(fmt.Sprintf("kind %d at %d", p.rec.kind, p.at.Offset), func(t *testing.T) {
			broken := fs.Killed()
			path := filepath.Join(dir, fmt.Sprintf("%016x.seg", p.at.Segment))
			data, err := broken.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			data[p.at.Offset+p.at.Length/2] ^= 4
			broken.WriteFile(path, data)
			j := onFS(t, broken)
			defer closed(t, j)
			if st := j.Stats(); st.Corrupt+st.Torn == 0 {
				t.Error("the damage is not reported")
			}
			lost, gained := 0, 0
			got := flat(look(j))
			for fact := range whole {
				if !got[fact] {
					lost++
				}
			}
			for fact := range got {
				if !whole[fact] {
					gained++
				}
			}
			if most := worth(p.rec.kind); lost > most[0] || gained > most[1] {
				t.Errorf("%d facts are lost and %d are back", lost, gained)
			}
		})
	}
}

// worth is how many facts hang on a record at most: those that are lost without it, and those that come back.
func worth(k kind) [2]int {
	switch k {
	case kindAlive:
		return [2]int{0, 0}
	case kindKeep:
		return [2]int{2, 0} // two copies
	case kindEnd:
		return [2]int{0, 3}
	case kindDone:
		return [2]int{0, 1}
	case kindQuarantine:
		return [2]int{1, 1} // the copy is an ordinary one
	}
	return [2]int{1, 0}
}

// TestTwice: records that are replayed twice, one by one or all of them or the last few again, tell the same.
func TestTwice(t *testing.T) {
	fs := faultfs.New()
	sample(t, fs)
	var all [][]byte
	if _, err := seglog.Scan(fs, filepath.Join("journal", "log"), func(_ seglog.Position, b []byte) error {
		all = append(all, bytes.Clone(b))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	replayed := func(batches ...[][]byte) (map[cdr.UUID]int, any, int) {
		p, offset := newReplay(), uint32(0)
		for _, batch := range batches {
			for _, b := range batch {
				offset += 8
				if err := p.visit(seglog.Position{Segment: 1, Offset: offset, Length: uint32(len(b))}, b); err != nil {
					t.Fatal(err)
				}
			}
		}
		calls := map[cdr.UUID]int{}
		for call, c := range p.calls {
			calls[call] = len(c.records)
		}
		return calls, p.kept(), p.notes
	}
	calls, kept, notes := replayed(all)
	same := func(how string, batches ...[][]byte) {
		t.Helper()
		c, k, n := replayed(batches...)
		if !reflect.DeepEqual(c, calls) || !reflect.DeepEqual(k, kept) || n != notes {
			t.Errorf("%s: %v\n%v\n%d notes, want %v\n%v\n%d", how, c, k, n, calls, kept, notes)
		}
	}
	var doubled [][]byte
	for _, b := range all {
		doubled = append(doubled, b, b)
	}
	same("each twice", doubled)
	same("all twice", all, all)
	for n := range all {
		same(fmt.Sprintf("the last %d twice", n), all, all[len(all)-n:])
	}
}

// TestLateDouble: what has ended does not come back when some of its records are replayed again, and without their end.
func TestLateDouble(t *testing.T) {
	h := head{order: 2}
	begin, extend, end := appendBegin(nil, id(1), 1, []byte("b")), appendExtend(nil, id(1), 1, []byte("e")), appendHead(nil, kindEnd, id(1))
	keep := appendKeep(nil, kindKeep, id(2), &h, []eventCopy{{instance: "RadAcct"}})
	done := appendOf(nil, kindDone, id(2), "RadAcct", "")
	again := appendBegin(nil, id(1), 3, []byte("b"))
	for _, c := range []struct {
		name          string
		records       [][]byte
		calls, events int
	}{
		{"call", [][]byte{begin, extend, end, begin}, 0, 0},
		{"end of a call", [][]byte{begin, extend, end, extend}, 0, 0},
		{"event", [][]byte{keep, done, keep}, 0, 0},
		{"another with the same id", [][]byte{begin, extend, end, again}, 1, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newReplay()
			for n, b := range c.records {
				if err := p.visit(position(n), b); err != nil {
					t.Fatal(err)
				}
			}
			if len(p.calls) != c.calls || len(p.events) != c.events || p.bad != 0 {
				t.Errorf("%d calls and %d events are back, %d records are bad", len(p.calls), len(p.events), p.bad)
			}
		})
	}
}
