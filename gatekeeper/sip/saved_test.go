package sip

import (
	"net/netip"
	"reflect"
	"testing"

	"tollgate/cdr"
)

func savedParty(n string) party {
	return party{addr: netip.MustParseAddrPort("192.0.2." + n + ":5060"), tag: "t" + n, contact: "sip:" + n, routes: []string{"<sip:r;lr>"},
		reach: []netip.AddrPort{netip.MustParseAddrPort("[2001:db8::1]:5060")}, sent: numbers{last: 7}}
}

// savedSession is a call with a fork's second dialog.
func savedSession() *session {
	address := netip.MustParseAddrPort("192.0.2.2:5060")
	sess := &session{listener: fronts("192.0.2.1:5060").listeners[0], callID: "a@b", from: "<sip:f>", cseq: 6, answeredOnce: true, restored: true, tags: []string{"t3"}}
	sess.dialog = &dialog{session: sess, to: "<sip:t>;tag=t2", caller: savedParty("1"), callee: savedParty("2"), expires: 1800,
		answer: answer{branch: 1 << 60, to: address, listener: sess.listener.addr}}
	sess.caller.sent.bound = 256
	other := *sess.dialog
	other.to, other.callee = "<sip:t>;tag=t4", savedParty("4")
	other.record = &cdr.Party{Address: other.callee.addr, Vendor: "Phone", Audio: cdr.Media{Codec: "PCMA", Bitrate: 64, Secured: true, Address: address}}
	sess.others = []*dialog{&other}
	return sess
}

func TestSavedDialog(t *testing.T) {
	sess := savedSession()
	gone := *sess.others[0]
	gone.over = true
	sess.others = append(sess.others, &gone)
	line := sess.saveDialog()
	var c savedCall
	if err := c.read([][]byte{line}); err != nil {
		t.Fatal(err)
	}
	want := *sess
	want.listener, want.others = nil, want.others[:1]
	got := *c.dialog
	for d := range got.dialogs() {
		if d.session != c.dialog {
			t.Error("a dialog is of another session")
		}
		d.session = sess
	}
	if !reflect.DeepEqual(got, want) || c.listener != sess.listener.addr {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	whole := len(line) - len(sess.others[0].save(sess.dialog.saveRest(nil))) - 1 // what former versions wrote
	for n := range line {
		if err := new(savedCall).read([][]byte{line[:n]}); (err == nil) != (n == whole) {
			t.Errorf("%d of %d bytes: %v", n, len(line), err)
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
