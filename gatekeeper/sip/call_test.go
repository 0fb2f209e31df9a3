package sip

import (
	"testing"

	"tollgate/acctstack"
	"tollgate/cdr"
)

func TestCall(t *testing.T) {
	r := newRig(t)
	caller, _ := r.connect("call")
	r.books.expect(t, acctstack.Start, acctstack.Alert, acctstack.Connect)
	r.hangUp(caller)
	record := r.books.expect(t, acctstack.Start, acctstack.Alert, acctstack.Connect, acctstack.Stop)
	if record.Released != cdr.ReleasedByCaller || record.Cause != 16 {
		t.Errorf("released by %d with cause %d", record.Released, record.Cause)
	}
	if _, _, sessions := r.sizes(); sessions != 0 {
		t.Errorf("%d sessions behind the BYE", sessions)
	}
}
