package acctstack_test

import (
	"bytes"
	"encoding/hex"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"tollgate/acctstack"
	"tollgate/acctstack/stacktest"
	"tollgate/cdr"
)

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

// TestKindNumbers: the numbers stand in journals on disks, so a kind keeps its own for ever.
func TestKindNumbers(t *testing.T) {
	numbers := map[string]byte{
		"start": 0, "alert": 1, "connect": 2, "update": 3, "stop": 4, "on": 5, "off": 6, "register": 7, "unregister": 8, "reject": 9,
		"mediafail": 10, "transaction": 11, "missed": 12, "ack": 13, "request": 14, "cdr": 15,
	}
	for _, name := range acctstack.KindNames() {
		kind, _ := acctstack.ParseKind(name)
		b := acctstack.AppendEvent(nil, &acctstack.Event{Kind: kind})
		if want, known := numbers[name]; !known || b[1] != want {
			t.Errorf("%s is written as %d, want %d", name, b[1], want)
		}
	}
}

// TestEventVersion1 reads what earlier programs may have left on a disk. A failure means that a version must be added, not that
// the text here must be changed.
func TestEventVersion1(t *testing.T) {
	b, err := hex.DecodeString(strings.Join(strings.Fields(eventVersion1), ""))
	if err != nil {
		t.Fatal(err)
	}
	ev, err := acctstack.DecodeEvent(b)
	if err != nil {
		t.Fatal(err)
	}
	want := stacktest.Record(acctstack.Stop, 7)
	localize(want)
	if ev.Kind != acctstack.Stop || ev.Seq != 300 || ev.Call[0] != 0xca || ev.ID[0] != 0x1d || !reflect.DeepEqual(ev.Record, want) {
		t.Errorf("event %+v\nwith record %+v\nwant %+v", ev, ev.Record, want)
	}
}

func TestEveryCutEventIsAnError(t *testing.T) {
	for _, kind := range []acctstack.Kind{acctstack.Stop, acctstack.On, acctstack.Register} {
		whole := acctstack.AppendEvent(nil, stacktest.Event(kind, 1))
		for n := range whole {
			if ev, err := acctstack.DecodeEvent(whole[:n]); err == nil || ev != nil {
				t.Errorf("%d of %d bytes of %v: %+v, %v", n, len(whole), kind, ev, err)
			}
		}
	}
}

func TestDecodeEventErrors(t *testing.T) {
	on := acctstack.AppendEvent(nil, &acctstack.Event{Kind: acctstack.On})
	with := func(at int, b ...byte) []byte { return append(append(bytes.Clone(on[:at]), b...), on[at+1:]...) }
	for _, test := range []struct {
		name string
		b    []byte
		want string
	}{
		{"version", with(0, 2), "decoding event: unknown version 2, the newest known is 1"},
		{"version of zeros", make([]byte, 100), "decoding event: unknown version 0, the newest known is 1"},
		{"kind", with(1, 16), "decoding event: unknown kind 16"},
		{"sequence number", with(18, 0x80, 0x80, 0x80, 0x80, 0x10), "decoding event: a sequence number of more than 32 bits"},
		{"stamp", with(19, 7), "decoding event: decoding stamp: unknown version 7, the newest known is 1"},
		{"parts", with(len(on)-1, 4), "decoding event: unknown parts 100"},
		{"record", with(len(on)-1, 1, 3), "decoding event: decoding record: unknown version 3, the newest known is 2"},
		{"endpoint", with(len(on)-1, 2, 4), "decoding event: decoding endpoint: unknown version 4, the newest known is 1"},
		{"more", append(bytes.Clone(on), 0), "decoding event: 1 bytes too many"},
		{"nothing", nil, "decoding event: cut short"},
	} {
		if ev, err := acctstack.DecodeEvent(test.b); ev != nil || err == nil || err.Error() != test.want {
			t.Errorf("%s: %+v, %v, want %s", test.name, ev, err, test.want)
		}
	}
}

func FuzzDecodeEvent(f *testing.F) {
	for _, kind := range []acctstack.Kind{acctstack.Start, acctstack.Stop, acctstack.On, acctstack.Register} {
		ev := stacktest.Event(kind, 1)
		ev.ID = cdr.UUID{1}
		f.Add(acctstack.AppendEvent(nil, ev))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		before := allocated()
		ev, err := acctstack.DecodeEvent(b)
		// An alias of two bytes has 32 in memory; 64 KiB are for what other goroutines of the test do meanwhile.
		if used := allocated() - before; used > uint64(32*len(b)+64<<10) {
			t.Errorf("%d bytes of input took %d of memory", len(b), used)
		}
		if err != nil {
			return
		}
		encoded := acctstack.AppendEvent(nil, ev)
		again, err := acctstack.DecodeEvent(encoded)
		if err != nil {
			t.Fatalf("%+v encoded: %v", ev, err)
		}
		if !bytes.Equal(acctstack.AppendEvent(nil, again), encoded) {
			t.Errorf("%+v became %+v", ev, again)
		}
	})
}

func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

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

const eventVersion1 = `
0104ca000000000000000000000000000000ac02012e0000001d0000000000000000000000000000000180aa8889e29bfc99310d746f6c6c67617465
2d7465737404c0000201000101ff0000000710356635653130303130303030303030371eb6162c0fe621a41f8f5fc33f0dd1f91eb6162c0fe621a41f
8f5fc33f0dd1f91163616c6c2d37403139322e302e322e31301f0080e2c4fddf97fc993180a8d6b90780a0d9e61d80c8c38b820480c8c38b82042020
0206c000020ac613000970686f6e6520312e300450434d4100800106c000020a409c00000002000006c0000214c413000b6761746577617920322e30
0450434d4100800106c000021428a000000002000005616c69636507343933303131310734393330353535063033303535350105616c696365076833
32335f49440107343933303535350c6469616c65644469676974730000020100
`
