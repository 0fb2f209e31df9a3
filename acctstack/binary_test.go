package acctstack_test

import (
	"bytes"
	"reflect"
	"testing"
	"time"

	"tollgate/acctstack"
	"tollgate/acctstack/stacktest"
	"tollgate/cdr"
)

func BenchmarkAppendEvent(b *testing.B) {
	ev := stacktest.Event(acctstack.Stop, 1)
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = acctstack.AppendEvent(buf[:0], ev)
	}
	b.ReportMetric(float64(len(buf)), "B/event")
}

func BenchmarkDecodeEvent(b *testing.B) {
	buf := acctstack.AppendEvent(nil, stacktest.Event(acctstack.Stop, 1))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := acctstack.DecodeEvent(buf); err != nil {
			b.Fatal(err)
		}
	}
}

// TestEventRoundTrip: every kind of event comes back with every field, but for its trail, and encodes to the same bytes.
func TestEventRoundTrip(t *testing.T) {
	for _, name := range acctstack.KindNames() {
		t.Run(name, func(t *testing.T) {
			kind, _ := acctstack.ParseKind(name)
			ev := stacktest.Event(kind, 7)
			ev.Call, ev.Seq, ev.Trail = cdr.NewUUID(ev.Time), 1<<32-1, &acctstack.Trail{Refused: true}
			b := acctstack.AppendEvent([]byte("before"), ev)[len("before"):]
			got, err := acctstack.DecodeEvent(b)
			if err != nil {
				t.Fatal(err)
			}
			if again := acctstack.AppendEvent(nil, got); !bytes.Equal(again, b) {
				t.Errorf("encoded again:\n%x\nwant\n%x", again, b)
			}
			want := *ev
			want.Trail = nil
			want.Time = want.Time.Local()
			localize(want.Record)
			if !reflect.DeepEqual(got, &want) {
				t.Errorf("decoded\n%+v\nwant\n%+v", got, &want)
			}
		})
	}
}

// localize shows the record's times as decoded ones are shown.
func localize(r *cdr.Record) {
	if r == nil {
		return
	}
	for _, t := range []*time.Time{&r.Setup, &r.Alerting, &r.Connected, &r.Disconnected, &r.Now} {
		if !t.IsZero() {
			*t = t.Local()
		}
	}
}
