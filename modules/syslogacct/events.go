package syslogacct

import "tollgate/acctstack"

// event is one kind that the module can send.
type event struct {
	kind acctstack.Kind
	key  string
	text string // the default
}

const parties = "|%{caller-ip}:%{caller-port}|%{callee-ip}:%{callee-port}|%{CallId}"

// events are GnuGk's, with its texts.
var events = [...]event{
	{acctstack.Start, "StartEvent", "CALL|Start" + parties},
	{acctstack.Stop, "StopEvent", "CALL|Stop" + parties},
	{acctstack.Update, "UpdateEvent", "CALL|Update" + parties},
	{acctstack.Connect, "ConnectEvent", "CALL|Connect" + parties},
}

func supports() acctstack.Kinds {
	var kinds acctstack.Kinds
	for _, e := range events {
		kinds |= acctstack.KindsOf(e.kind)
	}
	return kinds
}
