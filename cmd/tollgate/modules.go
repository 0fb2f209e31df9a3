package main

import (
	"tollgate/acctstack"
	"tollgate/modules/fileacct"
	"tollgate/modules/radacct"
	"tollgate/modules/sqlacct"
	"tollgate/modules/statusacct"
	"tollgate/modules/syslogacct"
)

// modules is the list of all modules. Whoever adds one adds a line here.
func modules(status statusacct.Broadcaster) []acctstack.Factory {
	return []acctstack.Factory{
		fileacct.Factory(),
		radacct.Factory(),
		sqlacct.Factory(),
		syslogacct.Factory(),
		statusacct.Factory(status),
	}
}
