package statusacct

import (
	"tollgate/acctstack"
	"tollgate/cdr"
	"tollgate/config"
)

// event is one kind that the module can show.
type event struct {
	kind  acctstack.Kind
	key   string
	text  string // the default
	scope cdr.Scope
}

const (
	parties  = "|%{caller-ip}:%{caller-port}|%{callee-ip}:%{callee-port}|%{CallId}"
	endpoint = "|%{endpoint-ip}:%{endpoint-port}|%{aliases}"
)

// events are GnuGk's, with its texts.
var events = [...]event{
	{acctstack.Start, "StartEvent", "CALL|Start" + parties, cdr.CallScope},
	{acctstack.Stop, "StopEvent", "CALL|Stop" + parties, cdr.CallScope},
	{acctstack.Update, "UpdateEvent", "CALL|Update" + parties, cdr.CallScope},
	{acctstack.Connect, "ConnectEvent", "CALL|Connect" + parties, cdr.CallScope},
	{acctstack.Alert, "AlertEvent", "CALL|Alert" + parties, cdr.CallScope},
	{acctstack.Reject, "RejectEvent", "CALL|Reject" + parties, cdr.CallScope},
	{acctstack.MediaFail, "MediaFailEvent", "CALL|MediaFail" + parties, cdr.CallScope},
	{acctstack.Register, "RegisterEvent", "EP|Register" + endpoint, cdr.EndpointScope},
	{acctstack.Unregister, "UnregisterEvent", "EP|Unregister" + endpoint, cdr.EndpointScope},
}

func supports() acctstack.Kinds {
	var kinds acctstack.Kinds
	for _, e := range events {
		kinds |= acctstack.KindsOf(e.kind)
	}
	return kinds
}

func keys() []config.Key {
	keys := make([]config.Key, 0, len(events)+2)
	for _, e := range events {
		keys = append(keys, config.Key{Name: e.key, Kind: config.Template, Default: e.text,
			Doc: "The line of " + e.kind.String() + " events; empty sends none."})
	}
	return append(keys,
		acctstack.TimestampKey("The form of times; empty means the global format."),
		config.Key{Name: "Escape", Kind: config.Bool, Default: "1",
			Doc: "1 writes a separator or control character inside a value as %XX; 0 is GnuGk's raw form, which a caller can forge."})
}
