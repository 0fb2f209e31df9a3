package journal

import (
	"bytes"
	"errors"
	"reflect"
	"testing"

	"tollgate/acctstack"
	"tollgate/cdr"
	"tollgate/journal/seglog"
)

// samples has a record of each kind, and what it is when read back.
func samples() map[string]struct {
	b    []byte
	want record
} {
	h := head{order: 77, call: id(3), seq: 4, kind: acctstack.Stop, time: -5}
	copies := []eventCopy{{instance: "RadAcct"}, {instance: "SQLAcct:b", aside: true, reason: "bad"}}
	type sample = struct {
		b    []byte
		want record
	}
	return map[string]sample{
		"begin":      {appendBegin(nil, id(1), 300, []byte("x")), record{kind: kindBegin, head: head{order: 300}, payload: []byte("x")}},
		"extend":     {appendExtend(nil, id(1), 300, []byte("x")), record{kind: kindExtend, number: 300, payload: []byte("x")}},
		"empty":      {appendExtend(nil, id(1), 1, nil), record{kind: kindExtend, number: 1, payload: []byte{}}},
		"end":        {appendHead(nil, kindEnd, id(1)), record{kind: kindEnd}},
		"keep":       {append(appendKeep(nil, kindKeep, id(1), &h, copies), "ev"...), record{kind: kindKeep, head: h, copies: copies, payload: []byte("ev")}},
		"settled":    {appendSettled(nil, id(1), copies), record{kind: kindSettled, copies: copies}},
		"done":       {appendOf(nil, kindDone, id(1), "RadAcct", ""), record{kind: kindDone, instance: "RadAcct"}},
		"quarantine": {appendOf(nil, kindQuarantine, id(1), "RadAcct", "why"), record{kind: kindQuarantine, instance: "RadAcct", payload: []byte("why")}},
		"release":    {appendOf(nil, kindRelease, id(1), "RadAcct", ""), record{kind: kindRelease, instance: "RadAcct"}},
		"note":       {appendOf(nil, kindNote, id(1), "RadAcct", "at 5"), record{kind: kindNote, instance: "RadAcct", payload: []byte("at 5")}},
		"alive":      {appendAlive(nil, id(1), alive{epoch: 5, wall: -6, boot: 7}), record{kind: kindAlive, alive: alive{epoch: 5, wall: -6, boot: 7}}},
	}
}

// TestRecords: what is written is read back, and nothing that was cut off or is longer than it should be.
func TestRecords(t *testing.T) {
	for name, s := range samples() {
		t.Run(name, func(t *testing.T) {
			s.want.key = id(1)
			got, err := parse(s.b)
			if err != nil || !reflect.DeepEqual(got, s.want) {
				t.Errorf("got %+v, %v\nwant %+v", got, err, s.want)
			}
			if rec, err := parse(append(bytes.Clone(s.b), 1)); s.want.kind.closed() && !errors.Is(err, errRecord) {
				t.Errorf("with a byte too many: %+v, %v", rec, err)
			}
			for n := range len(s.b) - len(s.want.payload) {
				if rec, err := parse(s.b[:n]); err == nil {
					t.Errorf("cut to %d bytes: %+v", n, rec)
				}
			}
		})
	}
	for _, b := range [][]byte{nil, make([]byte, 30), appendHead(nil, kindEnds, id(1)), appendHead(nil, kindFree, id(1)), appendHead(nil, 255, id(1))} {
		if rec, err := parse(b); !errors.Is(err, errRecord) {
			t.Errorf("%x: %+v, %v", b, rec, err)
		}
	}
}

// FuzzRecord: no bytes make the parser, the replay or the ledger's reader do anything but refuse them, or take more memory
// than they are worth.
func FuzzRecord(f *testing.F) {
	for _, s := range samples() {
		f.Add(s.b)
	}
	f.Add(appendSettled(nil, id(1), make([]eventCopy, 2000)))
	f.Fuzz(func(t *testing.T, b []byte) {
		p := newReplay()
		for n := range uint32(2) {
			if err := p.visit(seglog.Position{Segment: 1, Offset: 8 * (n + 1), Length: uint32(len(b))}, b); err != nil {
				t.Fatal(err)
			}
		}
		for _, c := range p.calls {
			if len(c.records) > 2*maxGap {
				t.Errorf("%d records", len(c.records))
			}
		}
		for _, e := range p.events {
			if len(e.copies.list()) > len(b) {
				t.Errorf("%d copies of %d bytes", len(e.copies.list()), len(b))
			}
		}
		p.kept()
		parseAnswer(b, cdr.UUID{})
	})
}
