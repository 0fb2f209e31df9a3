package cdr

import (
	"bytes"
	"encoding/hex"
	"math"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// local is the record with its times as decoded ones are shown. It keeps no readings.
func local(r Record) *Record {
	for _, t := range r.times() {
		if !t.IsZero() {
			*t = time.Unix(0, t.UnixNano())
		}
	}
	r.measured = nil
	return &r
}

func mustDecode(t testing.TB, b []byte) *Record {
	t.Helper()
	r, rest, err := DecodeRecord(b)
	if err != nil {
		t.Fatal(err)
	}
	if len(rest) > 0 {
		t.Fatalf("%d bytes are left over", len(rest))
	}
	return r
}

// TestExamplesHaveEveryField keeps the examples complete, from which other tests conclude that no field gets lost.
func TestExamplesHaveEveryField(t *testing.T) {
	var check func(path string, v reflect.Value)
	check = func(path string, v reflect.Value) {
		if v.IsZero() {
			t.Errorf("%s is zero", path)
		}
		if v.Kind() != reflect.Struct {
			return
		}
		for i := range v.NumField() {
			if field := v.Type().Field(i); field.IsExported() {
				check(path+"."+field.Name, v.Field(i))
			}
		}
	}
	check("Record", reflect.ValueOf(*exampleCall()))
	check("Stamp", reflect.ValueOf(*exampleStamp()))
	check("Endpoint", reflect.ValueOf(*exampleEndpoint()))
}

func TestRoundTripOfExamples(t *testing.T) {
	for _, r := range []*Record{exampleCall(), {}} {
		b := r.AppendBinary([]byte("before"))[len("before"):]
		got, rest, err := DecodeRecord(append(b, "behind"...))
		if err != nil || string(rest) != "behind" || !reflect.DeepEqual(got, local(*r)) {
			t.Errorf("got %+v, %q, %v\nwant %+v", got, rest, err, local(*r))
		}
	}
	for _, s := range []*Stamp{exampleStamp(), {}} {
		want := *s
		if !want.Time.IsZero() {
			want.Time = want.Time.Local()
		}
		got, rest, err := DecodeStamp(append(s.AppendBinary(nil), "behind"...))
		if err != nil || string(rest) != "behind" || !reflect.DeepEqual(got, &want) {
			t.Errorf("got %+v, %q, %v\nwant %+v", got, rest, err, want)
		}
	}
	for _, e := range []*Endpoint{exampleEndpoint(), {}} {
		got, rest, err := DecodeEndpoint(append(e.AppendBinary(nil), "behind"...))
		if err != nil || string(rest) != "behind" || !reflect.DeepEqual(got, e) {
			t.Errorf("got %+v, %q, %v\nwant %+v", got, rest, err, e)
		}
	}
}

// TestVersion1 reads what earlier programs may have left on a disk. A failure means that a version must be added, not that
// the text here must be changed.
func TestVersion1(t *testing.T) {
	b, err := hex.DecodeString(strings.Join(strings.Fields(version1), ""))
	if err != nil {
		t.Fatal(err)
	}
	stamp, rest, err := DecodeStamp(b)
	if err != nil {
		t.Fatal(err)
	}
	if want := exampleStamp(); stamp.ID != want.ID || !stamp.Time.Equal(want.Time) || stamp.SessionID != want.SessionID {
		t.Errorf("stamp %+v, want %+v", stamp, want)
	}
	endpoint, rest, err := DecodeEndpoint(rest)
	if err != nil || !reflect.DeepEqual(endpoint, exampleEndpoint()) {
		t.Errorf("endpoint %+v, %v", endpoint, err)
	}
	want := stepped(time.Hour)
	want.SIPStatus, want.Legs = 0, nil // of version 2
	got := mustDecode(t, rest)
	if !reflect.DeepEqual(local(*got), local(*want)) || durations(got) != durations(want) {
		t.Errorf("record %+v with %v\nwant %+v with %v", got, durations(got), want, durations(want))
	}
}

const version1 = `
0137000000019cbe69175a7abc8def0123456789ab0180aa8889e29bfc993106676b2d6c616204c00002011036396139613465373030303030303031
014500000006c000020ac61309323030315f656e64700970686f6e6520312e3005616c6963650205616c69636507683332335f494407343933303131
310c6469616c65644469676974730170010000071036396139613465373030303030303038746bfc20329948edeecf76fd1ae5f678746bfc20329948
edeecf76fd1ae5f678196138346234633736653636373130403139322e302e322e31301f1f80e2c4fddf97fc993180a8d6b907ffdfeba4a8d101ffb7
8180c4cd01ffb78180c4cd0100008080c58bc6d1018080c58bc6d1018080c58bc6d101203e0206c000020ac61309323030315f656e64700970686f6e
6520312e300450434d4101800106c000020b409c044832363401800806c000020c429c1220010db8000000000000000000000020c41309323030325f
656e64700b6761746577617920322e300450434d55017006c000021528a00356503801800406c00002162aa005616c69636507343933303131310734
393330353535063033303535350205616c69636507683332335f494407343933303131310c6469616c656444696769747301177369703a3439333035
3535406578616d706c652e6f72670675726c5f4944010204018a14
`

func TestEveryCutIsAnError(t *testing.T) {
	record, stamp, endpoint := stepped(time.Hour).AppendBinary(nil), exampleStamp().AppendBinary(nil), exampleEndpoint().AppendBinary(nil)
	for n := range record {
		if r, _, err := DecodeRecord(record[:n]); err == nil || r != nil {
			t.Errorf("%d of %d bytes of a record: %+v, %v", n, len(record), r, err)
		}
	}
	for n := range stamp {
		if s, _, err := DecodeStamp(stamp[:n]); err == nil || s != nil {
			t.Errorf("%d of %d bytes of a stamp: %+v, %v", n, len(stamp), s, err)
		}
	}
	for n := range endpoint {
		if e, _, err := DecodeEndpoint(endpoint[:n]); err == nil || e != nil {
			t.Errorf("%d of %d bytes of an endpoint: %+v, %v", n, len(endpoint), e, err)
		}
	}
}

// TestEveryCutBodyIsAnError is the same for bodies whose frame fits them.
func TestEveryCutBodyIsAnError(t *testing.T) {
	record := stepped(time.Hour).AppendBinary(nil)
	for n := frameHead; n < len(record); n++ {
		cut := closeFrame(bytes.Clone(record[:n]), 0)
		if r, _, err := DecodeRecord(cut); err == nil {
			t.Errorf("%d of %d bytes: %+v", n, len(record), r)
		}
	}
}

func TestDecodeRecordErrors(t *testing.T) {
	whole := exampleCall().AppendBinary(nil)
	endpoint := func(body ...byte) []byte { return closeFrame(append(openFrame(nil, endpointVersion), body...), 0) }
	for _, test := range []struct {
		name   string
		decode func() error
		want   string
	}{
		{"unknown version", func() error { _, _, err := DecodeRecord(append([]byte{9}, whole[1:]...)); return err },
			"decoding record: unknown version 9, the newest known is 2"},
		{"version 0", func() error { _, _, err := DecodeRecord(make([]byte, 300)); return err },
			"decoding record: unknown version 0, the newest known is 2"},
		{"nothing", func() error { _, _, err := DecodeRecord(nil); return err }, "decoding record: cut short"},
		{"too much", func() error { _, _, err := DecodeRecord(closeFrame(append(bytes.Clone(whole), 1, 2), 0)); return err },
			"2 bytes too many"},
		{"a million aliases", func() error { _, _, err := DecodeEndpoint(endpoint(2, 0, 0, 0, 0, 0, 0xc0, 0x84, 0x3d)); return err },
			"decoding endpoint: byte 9: cut short"},
		{"a text of 2^64-1 bytes", func() error {
			_, _, err := DecodeEndpoint(endpoint(2, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1))
			return err
		}, "cut short"},
		{"a number of 70 bits", func() error {
			_, _, err := DecodeEndpoint(endpoint(2, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1))
			return err
		}, "a number of more than 64 bits"},
		{"an address of 5 bytes", func() error { _, _, err := DecodeEndpoint(endpoint(7, 1, 2, 3, 4, 5, 6, 7, 0, 0, 0, 0)); return err },
			"unexpected slice size"},
		{"readings of times that are not there", func() error { _, _, err := DecodeRecord(withTimes(whole, 1, 2)); return err },
			"times 1 with readings 10"},
		{"a sixth time", func() error { _, _, err := DecodeRecord(withTimes(whole, 1<<5, 0)); return err },
			"times 100000 with readings 0"},
	} {
		if err := test.decode(); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
}

// withTimes sets the two sets of bits of a whole record's times.
func withTimes(whole []byte, there, known byte) []byte {
	b := bytes.Clone(whole)
	at := bytes.Index(b, []byte{31, 0}) // all five times, no reading
	b[at], b[at+1] = there, known
	return b
}

// TestOutOfRange: numbers that no field can hold are errors, not others.
func TestOutOfRange(t *testing.T) {
	for _, r := range []*Record{{Clock: WallClock + 1}, {Clock: 255}} {
		if got, _, err := DecodeRecord(r.AppendBinary(nil)); err == nil || !strings.Contains(err.Error(), "is not in 0 to 2") {
			t.Errorf("clock %d: %+v, %v", r.Clock, got, err)
		}
	}
	for _, released := range []ReleaseSource{math.MinInt8, math.MaxInt8, ReleasedByUnknown} {
		r := Record{Released: released}
		if got := mustDecode(t, r.AppendBinary(nil)); got.Released != released {
			t.Errorf("released by %d became %d", released, got.Released)
		}
	}
}

// TestDecodedKeepsNothing of the memory that it was decoded from, which the journal uses again.
func TestDecodedKeepsNothing(t *testing.T) {
	b := exampleCall().AppendBinary(nil)
	r := mustDecode(t, b)
	clear(b)
	if !reflect.DeepEqual(r, local(*exampleCall())) {
		t.Errorf("became %+v", r)
	}
}

// TestRoundTrip is that of records of every shape, with times of every origin: without a reading, with one of this process, and
// with those of another process that saw the wall clock step.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawRecord(t)
		b := r.AppendBinary(nil)
		got, rest, err := DecodeRecord(b)
		if err != nil || len(rest) != 0 {
			t.Fatalf("%d bytes left, %v", len(rest), err)
		}
		if !reflect.DeepEqual(local(*got), local(*r)) {
			t.Fatalf("got %+v\nwant %+v", local(*got), local(*r))
		}
		if durations(got) != durations(r) {
			t.Fatalf("durations %v, want %v", durations(got), durations(r))
		}
		for from := range milestones {
			for to := range milestones {
				if r.happened(from) && r.happened(to) && got.between(from, to) != r.between(from, to) {
					t.Fatalf("%v from %d to %d, want %v", got.between(from, to), from, to, r.between(from, to))
				}
			}
		}
		if again := got.AppendBinary(nil); !bytes.Equal(again, b) {
			t.Fatalf("encoded again:\n%x\nwant\n%x", again, b)
		}
	})
}

func drawRecord(t *rapid.T) *Record {
	text := rapid.String()
	number := rapid.Int()
	r := &Record{
		Number: rapid.Uint64().Draw(t, "number"), SessionID: text.Draw(t, "session"), SIPCallID: text.Draw(t, "sip call id"),
		Cause: number.Draw(t, "cause"), CauseTranslated: number.Draw(t, "translated"),
		Released: ReleaseSource(rapid.Int8().Draw(t, "released")),
		Caller:   drawParty(t), Callee: drawParty(t),
		User: text.Draw(t, "user"), CallingStation: text.Draw(t, "calling"), CalledStation: text.Draw(t, "called"), Dialed: text.Draw(t, "dialed"),
		Src: drawAliases(t), Dest: drawAliases(t),
		EndEstimated: rapid.Bool().Draw(t, "estimated"), Clock: Clock(rapid.IntRange(0, 2).Draw(t, "clock")),
		Attempts: number.Draw(t, "attempts"), LastCDR: rapid.Bool().Draw(t, "last"), Bandwidth: number.Draw(t, "bandwidth"),
		SIPStatus: rapid.IntRange(0, 699).Draw(t, "status"),
	}
	for range rapid.IntRange(0, 3).Draw(t, "legs") {
		r.EndLeg(r.AddLeg(Leg{URI: text.Draw(t, "uri"), Asked: time.Duration(rapid.Int64().Draw(t, "asked"))}), rapid.IntRange(100, 699).Draw(t, "answer"), time.Second)
	}
	copy(r.CallID[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "call id"))
	copy(r.ConfID[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "conference id"))
	drawTimes(t, r)
	return r
}

// drawTimes sets any of the times. Those of one record may come from different clocks.
func drawTimes(t *rapid.T, r *Record) {
	now := time.Now()
	foreign := rapid.Bool().Draw(t, "of another process")
	var m measured
	for i, at := range r.times() {
		if rapid.IntRange(0, 4).Draw(t, "happened") == 0 {
			continue
		}
		*at = now.Add(time.Duration(rapid.Int64Range(-1e15, 1e15).Draw(t, "distance")))
		switch rapid.IntRange(0, 2).Draw(t, "origin") {
		case 0:
			*at = at.Round(0).UTC()
		case 1:
			*at = time.Unix(0, rapid.Int64Range(-1<<62, 1<<62).Draw(t, "wall"))
		}
		if foreign {
			*at = at.Round(0)
			clock := time.Duration(rapid.Int64Range(-1e15, 1e15).Draw(t, "reading"))
			m[i] = reading{known: rapid.Bool().Draw(t, "measured"), wall: at.UnixNano(), clock: clock}
		}
	}
	if foreign {
		r.measured = &m
	}
}

func drawParty(t *rapid.T) Party {
	media := func() Media {
		return Media{rapid.String().Draw(t, "codec"), rapid.Bool().Draw(t, "secured"), rapid.Int().Draw(t, "bitrate"), drawAddrPort(t)}
	}
	return Party{Address: drawAddrPort(t), EndpointID: rapid.String().Draw(t, "epid"), Vendor: rapid.String().Draw(t, "vendor"),
		Audio: media(), Video: media()}
}

func drawAddrPort(t *rapid.T) netip.AddrPort {
	text := rapid.SampledFrom([]string{"", "0.0.0.0", "192.0.2.1", "::", "2001:db8::1", "::ffff:192.0.2.1", "fe80::1%eth0", "fe80::1%" + strings.Repeat("z", 300)})
	addr, _ := netip.ParseAddr(text.Draw(t, "address"))
	return netip.AddrPortFrom(addr, rapid.Uint16().Draw(t, "port"))
}

func drawAliases(t *rapid.T) []Alias {
	var aliases []Alias
	for range rapid.IntRange(0, 4).Draw(t, "aliases") {
		aliases = append(aliases, Alias{rapid.String().Draw(t, "alias"), AliasType(rapid.String().Draw(t, "type"))})
	}
	return aliases
}
