package sip

import (
	"net/netip"
	"reflect"
	"testing"
)

func savedParty(n string) party {
	return party{addr: netip.MustParseAddrPort("192.0.2." + n + ":5060"), tag: "t" + n, contact: "sip:" + n, routes: []string{"<sip:r;lr>"},
		reach: []netip.AddrPort{netip.MustParseAddrPort("[2001:db8::1]:5060")}, cseq: 7}
}

func TestSavedDialog(t *testing.T) {
	sess := &session{listener: fronts("192.0.2.1:5060").listeners[0], callID: "a@b", from: "<sip:f>", to: "<sip:t>;tag=t2", cseq: 6, answeredOnce: true,
		caller: savedParty("1"), callee: savedParty("2"), tags: []string{"t2", "t3"}}
	line := sess.saveDialog(&clientTx{id: 1 << 60, to: netip.MustParseAddrPort("192.0.2.2:5060"), listener: sess.listener})
	var c savedCall
	if err := c.read([][]byte{line}); err != nil {
		t.Fatal(err)
	}
	want := *sess
	want.listener = nil
	if !reflect.DeepEqual(*c.dialog, want) || c.listener != sess.listener.addr {
		t.Errorf("got %+v\nwant %+v", *c.dialog, want)
	}
	for n := range line {
		if err := new(savedCall).read([][]byte{line[:n]}); err == nil {
			t.Errorf("%d of %d bytes are enough", n, len(line))
		}
	}
}

func FuzzSavedCall(f *testing.F) {
	f.Add(saveStep(4, []target{{uri: "sip:1@192.0.2.2:5060", addr: netip.MustParseAddrPort("192.0.2.2:5060")}}))
	f.Add([]byte{savedInvite})
	f.Add([]byte{savedDialog, 4, 192, 0, 2, 1, 19, 196})
	f.Fuzz(func(t *testing.T, line []byte) {
		var c savedCall
		if err := c.read([][]byte{line}); err == nil && len(c.steps) > len(line) {
			t.Errorf("%d steps from %d bytes", len(c.steps), len(line))
		}
	})
}
