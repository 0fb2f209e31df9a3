package cdr

import (
	"bytes"
	"reflect"
	"runtime"
	"testing"
	"time"
)

// FuzzDecodeRecord feeds the three decoders. What they accept must come back from its encoding, and must have cost
// no more memory than its size allows.
func FuzzDecodeRecord(f *testing.F) {
	f.Add(stepped(time.Hour).AppendBinary(nil))
	f.Add(exampleCall().AppendBinary(nil))
	f.Add((&Record{}).AppendBinary(nil))
	f.Add(exampleStamp().AppendBinary(nil))
	f.Add(exampleEndpoint().AppendBinary(nil))
	f.Add(closeFrame(append(openFrame(nil, endpointVersion), 2, 0, 0, 0, 0, 0, 0xc0, 0x84, 0x3d), 0))
	f.Fuzz(func(t *testing.T, src []byte) {
		before := allocated()
		r, _, _ := DecodeRecord(src)
		s, _, _ := DecodeStamp(src)
		e, _, _ := DecodeEndpoint(src)
		// An alias of two bytes has 32 in memory; 64 KiB are for what other goroutines of the test do meanwhile.
		if used := allocated() - before; used > uint64(32*len(src)+64<<10) {
			t.Errorf("%d bytes of input took %d of memory", len(src), used)
		}
		if r != nil {
			checkAgain(t, r, DecodeRecord)
			_ = durations(r)
		}
		if s != nil {
			checkAgain(t, s, DecodeStamp)
		}
		if e != nil {
			checkAgain(t, e, DecodeEndpoint)
		}
	})
}

func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

// checkAgain encodes what was decoded, and decodes that.
func checkAgain[T interface{ AppendBinary([]byte) []byte }](t *testing.T, v T, decode func([]byte) (T, []byte, error)) {
	t.Helper()
	b := v.AppendBinary(nil)
	again, rest, err := decode(b)
	if err != nil || len(rest) != 0 {
		t.Fatalf("%+v encoded: %d bytes left, %v", v, len(rest), err)
	}
	if !bytes.Equal(again.AppendBinary(nil), b) {
		t.Errorf("%+v became %+v", v, again)
	}
	if r, ok := any(v).(*Record); ok {
		if got := any(again).(*Record); durations(got) != durations(r) || !reflect.DeepEqual(local(*got), local(*r)) {
			t.Errorf("%+v became %+v", r, got)
		}
	}
}
