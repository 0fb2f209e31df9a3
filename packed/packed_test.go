package packed

import (
	"errors"
	"math"
	"net/netip"
	"reflect"
	"testing"
)

type values struct {
	n     uint64
	i     int64
	b     bool
	text  string
	texts []string
	addr  netip.AddrPort
}

var examples = []values{
	{},
	{n: math.MaxUint64, i: math.MinInt64, b: true, text: "a", texts: []string{"", "b"}, addr: netip.MustParseAddrPort("192.0.2.1:5060")},
	{n: 300, i: -1, text: string(make([]byte, 300)), texts: []string{"x"}, addr: netip.MustParseAddrPort("[2001:db8::1]:1")},
}

func (v values) pack() []byte {
	dst := AppendBool(AppendInt(AppendUint(nil, v.n), v.i), v.b)
	return AppendAddrPort(AppendTexts(AppendText(dst, v.text), v.texts), v.addr)
}

func unpack(r *Reader) values {
	return values{n: r.Uint(), i: r.Int(), b: r.Bool(), text: r.Text(), texts: r.Texts(), addr: r.AddrPort()}
}

func TestRoundTrip(t *testing.T) {
	for _, v := range examples {
		r := NewReader(append(v.pack(), "behind"...))
		if got := unpack(r); !reflect.DeepEqual(got, v) || r.Err() != nil || string(r.Rest()) != "behind" {
			t.Errorf("got %+v %v %q\nwant %+v", got, r.Err(), r.Rest(), v)
		}
	}
}

func TestEveryCutIsAnError(t *testing.T) {
	for _, v := range examples {
		whole := v.pack()
		for n := range whole {
			r := NewReader(whole[:n])
			unpack(r)
			if !errors.Is(r.Err(), ErrShort) {
				t.Errorf("%d of %d bytes: %v", n, len(whole), r.Err())
			}
		}
	}
}

func FuzzReader(f *testing.F) {
	for _, v := range examples {
		f.Add(v.pack())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r := NewReader(b)
		v := unpack(r)
		if len(v.text) > len(b) || len(v.texts) > len(b) {
			t.Errorf("%d bytes became %d and %d", len(b), len(v.text), len(v.texts))
		}
		if r.Err() == nil && !reflect.DeepEqual(unpack(NewReader(v.pack())), v) {
			t.Errorf("%+v is not what it was packed from", v)
		}
	})
}
