package radius

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	layeh "layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"
	"layeh.com/radius/rfc2869"
	"layeh.com/radius/rfc3162"

	"tollgate/radius/cisco"
)

// parse reads what was written with an independent implementation.
func parse(t testing.TB, a *Attributes) *layeh.Packet {
	t.Helper()
	attributes, err := layeh.ParseAttributes(a.Wire())
	if err != nil {
		t.Fatal(err)
	}
	return &layeh.Packet{Attributes: attributes}
}

func TestAttributes(t *testing.T) {
	var a Attributes
	at := time.Unix(1_800_000_000, 0)
	a.Text(rfc2865.UserName_Type, "alice")
	a.Text(rfc2865.CalledStationID_Type, "")
	a.Integer(rfc2866.AcctSessionTime_Type, 4_000_000_000)
	a.Time(rfc2869.EventTimestamp_Type, at)
	a.Address(rfc2865.NASIPAddress_Type, rfc3162.NASIPv6Address_Type, netip.MustParseAddr("::ffff:192.0.2.7"))
	a.Address(rfc2865.NASIPAddress_Type, rfc3162.NASIPv6Address_Type, netip.MustParseAddr("2001:db8::1:2"))
	a.Address(rfc2865.NASIPAddress_Type, rfc3162.NASIPv6Address_Type, netip.Addr{})
	a.Vendor(cisco.VendorID, cisco.AVPair, []byte("event-id=1=2"))
	a.Vendor(cisco.VendorID, cisco.H323CallType, []byte("h323-call-type=VoIP"))
	a.Vendor(cisco.VendorID, cisco.H323GwID, nil)
	p := parse(t, &a)
	if len(p.Attributes) != 7 || a.LeftOut() != 0 {
		t.Errorf("%d attributes, %d left out", len(p.Attributes), a.LeftOut())
	}
	if got := rfc2865.UserName_GetString(p); got != "alice" {
		t.Errorf("User-Name %q", got)
	}
	if got := rfc2866.AcctSessionTime_Get(p); got != 4_000_000_000 {
		t.Errorf("Acct-Session-Time %d", got)
	}
	if got := rfc2869.EventTimestamp_Get(p); !got.Equal(at) {
		t.Errorf("Event-Timestamp %v", got)
	}
	if got := rfc2865.NASIPAddress_Get(p).String(); got != "192.0.2.7" {
		t.Errorf("NAS-IP-Address %s", got)
	}
	if got := rfc3162.NASIPv6Address_Get(p).String(); got != "2001:db8::1:2" {
		t.Errorf("NAS-IPv6-Address %s", got)
	}
	if got, _ := cisco.Pair(p.Attributes, "event-id"); got != "1=2" {
		t.Errorf("event-id %q", got)
	}
	if got := cisco.Texts(p.Attributes, cisco.H323CallType); len(got) != 1 || got[0] != "h323-call-type=VoIP" {
		t.Errorf("h323-call-type %q", got)
	}
}

func TestTimeOutOfRange(t *testing.T) {
	for _, test := range []struct {
		at   time.Time
		want uint32
	}{{time.Unix(-5, 0), 0}, {time.Time{}, 0}, {time.Unix(1<<33, 0), 1<<32 - 1}} {
		var a Attributes
		a.Time(rfc2869.EventTimestamp_Type, test.at)
		if got, _ := layeh.Integer(a.Wire()[2:]); got != test.want {
			t.Errorf("%v is %d, want %d", test.at, got, test.want)
		}
	}
}

func TestLongTextsAreCutBetweenCharacters(t *testing.T) {
	for _, test := range []struct {
		name, text  string
		plain, vend int
	}{
		{"fits", strings.Repeat("x", 247), 247, 247},
		{"one too many", strings.Repeat("x", 254), 253, 247},
		{"two octets each", strings.Repeat("é", 200), 252, 246},
		{"three octets each", strings.Repeat("€", 200), 252, 246},
		{"four octets each", strings.Repeat("😀", 100), 252, 244},
		{"no UTF-8", strings.Repeat("\x80", 300), 253, 247},
	} {
		t.Run(test.name, func(t *testing.T) {
			var a Attributes
			a.Text(rfc2865.UserName_Type, test.text)
			a.Vendor(cisco.VendorID, cisco.AVPair, []byte(test.text))
			p := parse(t, &a)
			plain, vend := rfc2865.UserName_GetString(p), cisco.Texts(p.Attributes, cisco.AVPair)[0]
			if len(plain) != test.plain || len(vend) != test.vend {
				t.Errorf("lengths %d and %d, want %d and %d", len(plain), len(vend), test.plain, test.vend)
			}
			if !strings.HasPrefix(test.text, plain) || utf8.ValidString(test.text) && !(utf8.ValidString(plain) && utf8.ValidString(vend)) {
				t.Errorf("cut to %q and %q", plain, vend)
			}
		})
	}
}

// What does not fit is left out from the first such attribute on, so that the packet holds the first ones.
func TestFullPacket(t *testing.T) {
	var a Attributes
	for range 20 {
		a.Text(rfc2865.UserName_Type, strings.Repeat("x", 253))
	}
	a.Integer(rfc2866.AcctSessionTime_Type, 1) // would fit, but is later
	packet := appendRequest(nil, 1, a.Wire(), 7, []byte(testSecret))
	if len(packet) > maxPacket || a.LeftOut() != 6 {
		t.Errorf("%d octets, %d left out", len(packet), a.LeftOut())
	}
	p := parse(t, &a)
	if len(p.Attributes) != 15 || rfc2866.AcctSessionTime_Get(p) != 0 {
		t.Errorf("%d attributes", len(p.Attributes))
	}
	f := newFake(t, accept)
	c := startClient(t, testConfig(f.server()))
	if err := c.Exchange(t.Context(), Request{Attributes: &a}); err != nil {
		t.Fatal(err)
	}
	if left := c.Stats().LeftOut; left != 6 {
		t.Errorf("%d attributes counted as left out", left)
	}
	a.Reset()
	if len(a.Wire()) != 0 || a.LeftOut() != 0 {
		t.Error("Reset left something behind")
	}
}

func TestDelaySince(t *testing.T) {
	now := time.Now()
	for _, test := range []struct {
		event time.Time
		want  uint32
	}{
		{now, 0}, {now.Add(-1999 * time.Millisecond), 1}, {now.Add(time.Hour), 0}, {now.Add(-72 * time.Hour).Round(0), 259200}, {time.Time{}, 0},
	} {
		if got := delaySince(test.event, now); got != test.want {
			t.Errorf("event %v ago: %d, want %d", now.Sub(test.event), got, test.want)
		}
	}
}

func TestSeveralVendorAttributesInOne(t *testing.T) {
	inner := []byte{0, 0, 0, 9, 1, 5, 'a', '=', '1', 24, 4, 'i', 'd', 1, 5, 'b', '=', '2', 1, 200, 'x'}
	other := bytes.Clone(inner)
	other[3] = 10
	attributes := layeh.Attributes{
		{Type: 1, Attribute: inner}, {Type: rfc2865.VendorSpecific_Type, Attribute: other},
		{Type: rfc2865.VendorSpecific_Type, Attribute: []byte{0, 0}}, {Type: rfc2865.VendorSpecific_Type, Attribute: inner},
	}
	if got := cisco.Texts(attributes, cisco.AVPair); len(got) != 2 || got[0] != "a=1" || got[1] != "b=2" {
		t.Errorf("pairs %q", got)
	}
	if _, found := cisco.Pair(attributes, "c"); found {
		t.Error("found a pair that is not there")
	}
}
