package sqlacct

import (
	"tollgate/acctstack"
	"tollgate/cdr"
)

// event is one kind with the keys of its queries.
type event struct {
	kind   acctstack.Kind
	key    string
	alt    string // of the query that runs if the first fails or affects no row; "" for none
	scope  cdr.Scope
	needed bool // GnuGk refuses to run without the query
}

// events are GnuGk's. A connect is an update.
var events = [...]event{
	{acctstack.Start, "StartQuery", "StartQueryAlt", cdr.CallScope, true},
	{acctstack.Alert, "AlertQuery", "", cdr.CallScope, false},
	{acctstack.Connect, "UpdateQuery", "", cdr.CallScope, true},
	{acctstack.Update, "UpdateQuery", "", cdr.CallScope, true},
	{acctstack.Stop, "StopQuery", "StopQueryAlt", cdr.CallScope, true},
	{acctstack.Register, "RegisterQuery", "", cdr.EndpointScope, false},
	{acctstack.Unregister, "UnregisterQuery", "", cdr.EndpointScope, false},
	{acctstack.On, "OnQuery", "", cdr.SystemScope, false},
	{acctstack.Off, "OffQuery", "", cdr.SystemScope, false},
}

func supports() acctstack.Kinds {
	var kinds acctstack.Kinds
	for _, e := range events {
		kinds |= acctstack.KindsOf(e.kind)
	}
	return kinds
}
