package radacct

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	layeh "layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"
	"layeh.com/radius/rfc2869"
	"layeh.com/radius/rfc3162"

	"tollgate/acctstack"
	"tollgate/acctstack/stacktest"
	"tollgate/cdr"
	"tollgate/radius/cisco"
)

// written is what the writer makes of the event, read by an independent implementation.
func written(t testing.TB, c content, ev *acctstack.Event) *layeh.Packet {
	t.Helper()
	if c.times == nil {
		var err error
		if c.times, err = cdr.ParseTimeFormat("Cisco"); err != nil {
			t.Fatal(err)
		}
	}
	var w writer
	w.write(&c, ev)
	attributes, err := layeh.ParseAttributes(w.attributes.Wire())
	if err != nil {
		t.Fatal(err)
	}
	return &layeh.Packet{Attributes: attributes}
}

func TestIPv6(t *testing.T) {
	ev := stacktest.Event(acctstack.Stop, 1)
	ev.Address = netip.MustParseAddr("2001:db8::ff:1")
	ev.Record.Caller.Address = netip.MustParseAddrPort("[2001:db8::2]:5060")
	ev.Record.Callee.Address = netip.MustParseAddrPort("[::ffff:192.0.2.9]:5060")
	p := written(t, content{cisco: true}, ev)
	if got := rfc3162.NASIPv6Address_Get(p).String(); got != "2001:db8::ff:1" {
		t.Errorf("NAS-IPv6-Address is %s", got)
	}
	if _, err := rfc2865.NASIPAddress_Lookup(p); err == nil {
		t.Error("NAS-IP-Address beside NAS-IPv6-Address")
	}
	if _, err := rfc2865.FramedIPAddress_Lookup(p); err == nil {
		t.Error("Framed-IP-Address of an IPv6 caller")
	}
	if got := cisco.Texts(p.Attributes, cisco.H323RemoteAddress); !slices.Equal(got, []string{"h323-remote-address=192.0.2.9"}) {
		t.Errorf("%q", got)
	}
}

func TestSettings(t *testing.T) {
	ev := stacktest.Event(acctstack.Stop, 1)
	nas := netip.MustParseAddr("192.0.2.200")
	p := written(t, content{fixedUser: "trunk", dialedNumber: true, nas: nas}, ev)
	if got := rfc2865.UserName_GetString(p); got != "trunk" {
		t.Errorf("User-Name is %q", got)
	}
	if got := rfc2865.CalledStationID_GetString(p); got != "030555" {
		t.Errorf("Called-Station-Id is %q", got)
	}
	if got := rfc2865.NASIPAddress_Get(p).String(); got != "192.0.2.200" {
		t.Errorf("NAS-IP-Address is %s", got)
	}
	if _, ok := p.Lookup(rfc2865.VendorSpecific_Type); ok {
		t.Error("a Cisco attribute with AppendCiscoAttributes=0 and EventId=0")
	}
	p = written(t, content{eventID: true}, ev)
	if id, _ := cisco.Pair(p.Attributes, "event-id"); id != ev.ID.String() {
		t.Errorf("event-id is %q", id)
	}
	if got := cisco.Texts(p.Attributes, cisco.H323ConfID); got != nil {
		t.Errorf("%q with AppendCiscoAttributes=0", got)
	}
}

func TestUnconnectedCall(t *testing.T) {
	ev := stacktest.Event(acctstack.Stop, 1)
	ev.Record = stacktest.Record(acctstack.Start, 1)
	ev.Record.Disconnected, ev.Record.Cause = ev.Record.Setup.Add(9*time.Second), 31
	ev.Record.Callee, ev.Record.Caller = cdr.Party{}, cdr.Party{}
	ev.Record.User, ev.Record.CallingStation, ev.Record.CalledStation, ev.Record.Dialed = "", "", "", ""
	p := written(t, content{cisco: true}, ev)
	if got, err := rfc2866.AcctSessionTime_Lookup(p); got != 0 || err != nil {
		t.Errorf("Acct-Session-Time is %d, %v", got, err)
	}
	for _, absent := range []layeh.Type{rfc2865.UserName_Type, rfc2865.CallingStationID_Type, rfc2865.CalledStationID_Type, rfc2865.FramedIPAddress_Type} {
		if _, ok := p.Lookup(absent); ok {
			t.Errorf("attribute %d was sent without a value", absent)
		}
	}
	for _, absent := range []byte{cisco.H323ConnectTime, cisco.H323RemoteAddress} {
		if got := cisco.Texts(p.Attributes, absent); got != nil {
			t.Errorf("%q of an unconnected call to nowhere", got)
		}
	}
	for name, want := range map[string]string{"RTP_source_IP": "0.0.0.0", "RTP_destination_IP": "0.0.0.0", "h323pddtime": "9", "h323ringtime": "0"} {
		if got, _ := cisco.Pair(p.Attributes, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if got := cisco.Texts(p.Attributes, cisco.H323DisconnectCause); !slices.Equal(got, []string{"h323-disconnect-cause=1F"}) {
		t.Errorf("%q", got)
	}
}

func TestTerminateCause(t *testing.T) {
	const gatekeeper, caller, callee, unknown = cdr.ReleasedByGatekeeper, cdr.ReleasedByCaller, cdr.ReleasedByCallee, cdr.ReleasedByUnknown
	for _, test := range []struct {
		by        cdr.ReleaseSource
		cause     int
		connected bool
		want      string
	}{
		{caller, 16, true, "User-Request"}, {callee, 16, true, "User-Request"}, {unknown, 31, true, "User-Request"},
		{caller, 16, false, "User-Request"},
		{gatekeeper, 16, true, "Admin-Reset"}, {gatekeeper, 31, false, "Admin-Reset"},
		{gatekeeper, 47, true, "Session-Timeout"}, {gatekeeper, 47, false, "Service-Unavailable"},
		{gatekeeper, 41, false, "NAS-Error"}, {gatekeeper, 41, true, "NAS-Error"}, {gatekeeper, 0, true, "NAS-Error"},
		{callee, 1, false, "User-Error"}, {gatekeeper, 28, false, "User-Error"},
		{callee, 19, false, "Idle-Timeout"}, {gatekeeper, 18, false, "Idle-Timeout"}, {gatekeeper, 18, true, "Lost-Carrier"},
		{gatekeeper, 102, true, "Lost-Carrier"}, {callee, 27, true, "Lost-Carrier"}, {callee, 27, false, "Service-Unavailable"},
		{callee, 17, false, "Service-Unavailable"}, {callee, 34, false, "Service-Unavailable"}, {callee, 41, false, "Service-Unavailable"},
		{callee, 41, true, "Lost-Service"}, {unknown, 0, true, "Lost-Service"}, {unknown, 0, false, "Service-Unavailable"},
	} {
		r := &cdr.Record{Released: test.by, Cause: test.cause}
		if test.connected {
			r.Connected = time.Now()
		}
		if got := terminateCause(r).String(); got != test.want {
			t.Errorf("released by %d, cause %d, connected %t: %s, want %s", test.by, test.cause, test.connected, got, test.want)
		}
	}
}

// Whatever a caller puts into its texts, the packet stays well-formed and keeps what accounting needs.
func FuzzWrite(f *testing.F) {
	f.Add("alice", "4930111", "4930555", "PCMA")
	f.Add(strings.Repeat("€", 4000), "\x00\xff", strings.Repeat("\x80", 300), "x\r\nRadius-Attr=1")
	times, err := cdr.ParseTimeFormat("Cisco")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, user, calling, called, codec string) {
		ev := stacktest.Event(acctstack.Stop, 1)
		r := ev.Record
		r.User, r.CallingStation, r.CalledStation, r.Caller.Audio.Codec = user, calling, called, codec
		r.SessionID, ev.Name = called+"5f5e1001", user
		p := written(t, content{cisco: true, eventID: true, times: times}, ev)
		if size, err := layeh.AttributesEncodedLen(p.Attributes); err != nil || size > 4096-20-6 {
			t.Errorf("%d octets of attributes, %v", size, err)
		}
		if !rfc2869.EventTimestamp_Get(p).Equal(ev.Time.Truncate(time.Second)) || rfc2866.AcctSessionTime_Get(p) != 65 {
			t.Error("time and duration are not those of the event")
		}
		if id, _ := cisco.Pair(p.Attributes, "event-id"); id != ev.ID.String() {
			t.Errorf("event-id is %q", id)
		}
	})
}

func BenchmarkWrite(b *testing.B) {
	times, err := cdr.ParseTimeFormat("Cisco")
	if err != nil {
		b.Fatal(err)
	}
	c := content{cisco: true, eventID: true, times: times}
	ev := stacktest.Event(acctstack.Stop, 1)
	var w writer
	b.ReportAllocs()
	for b.Loop() {
		w.write(&c, ev)
	}
}

func TestWritingAllocatesNothing(t *testing.T) {
	times, err := cdr.ParseTimeFormat("Cisco")
	if err != nil {
		t.Fatal(err)
	}
	c := content{cisco: true, eventID: true, times: times}
	ev := stacktest.Event(acctstack.Stop, 1)
	var w writer
	w.write(&c, ev)
	if n := testing.AllocsPerRun(100, func() { w.write(&c, ev) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
