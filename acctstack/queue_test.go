package acctstack

import (
	"errors"
	"testing"
	"time"

	"go.uber.org/zap"

	"tollgate/cdr"
)

// TestAddAgain: an event that a restart has sent again, and whose attempt passes its Timeout, leaves no attempt behind; how that
// ends decides about the copy of the former run.
func TestAddAgain(t *testing.T) {
	for _, first := range []string{"told", "returned"} {
		for _, ok := range []bool{true, false} {
			spool := newShelf()
			k := NewKeeping(spool, nil, nil, Options{}, zap.NewNop())
			q, ev := k.queue("M"), &Event{Stamp: cdr.Stamp{ID: cdr.UUID{1}}, Kind: Stop}
			if err := spool.Settle(ev, []string{"M"}); err != nil {
				t.Fatal(err)
			}
			q.load(Kept{ID: ev.ID, Kind: Stop, Instance: "M"})
			q.opened(ev.ID)
			q.add(ev, true)
			tell := func() {
				if q.told(ev.ID) {
					spool.Done(ev.ID, "M")
				}
			}
			if first == "told" {
				tell()
			}
			if _, ready := q.ready.first(); ready {
				t.Errorf("%s first, ok %v: may be delivered while its attempt is open", first, ok)
			}
			q.returned(ev.ID, ok)
			if first == "returned" {
				tell()
			}
			_, ready := q.ready.first()
			if len(q.open) != 0 || ready == ok || (len(q.copies) == 0) != ok || (spool.left() == 0) != ok {
				t.Errorf("%s first, ok %v: open %d, ready %v, copies %d, in the spool %d", first, ok, len(q.open), ready, len(q.copies), spool.left())
			}
		}
	}
}

// TestCountBurst: an attempt counts against its event only if others were tried meanwhile and nearly all of them were stored.
func TestCountBurst(t *testing.T) {
	for _, test := range []struct {
		name      string
		good, bad int
		err       error
		want      int
	}{
		{"nobody else", 0, 0, errTimeoutOfOurs, 0},
		{"too few", 2, 0, errTimeoutOfOurs, 0},
		{"others are stored", 3, 0, errTimeoutOfOurs, 1},
		{"one in ten fails", 18, 2, errTimeoutOfOurs, 1},
		{"more fail", 17, 3, errTimeoutOfOurs, 0},
		{"it was not asked", 10, 0, errTooManyOpen, 0},
		{"not asked, told by the module", 10, 0, errors.Join(errTooManyOpen), 0},
	} {
		k := NewKeeping(newShelf(), nil, nil, Options{}, zap.NewNop())
		q := k.queue("M")
		c := newCourier(q, &instance{name: "M", retries: 5}, t.Context(), nil)
		id := cdr.UUID{1}
		q.load(Kept{ID: id, Kind: Stop, Instance: "M"})
		a, ok := q.pick(time.Now(), c)
		if !ok {
			t.Fatal("nothing to deliver")
		}
		q.undelivered(a, test.err, 5)
		for i := range test.good + test.bad {
			err := errTimeoutOfOurs
			if i < test.good {
				err = nil
			}
			q.exit(q.enter(), err)
		}
		e := q.copies[id]
		if q.countBurst(e); e.bursts != test.want {
			t.Errorf("%s: %d bursts, want %d", test.name, e.bursts, test.want)
		}
	}
}
