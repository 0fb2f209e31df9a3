package acctstack

import "strings"

// kindNames are GnuGk's and Kamailio's words, in the order of the constants.
var kindNames = [kindCount]string{
	"start", "alert", "connect", "update", "stop", "on", "off", "register", "unregister", "reject", "mediafail",
	"transaction", "missed", "ack", "request", "cdr",
}

// gnugkKinds are what a rule without an event list stands for: Kamailio's kinds must be listed.
const gnugkKinds Kinds = 1<<Transaction - 1

// allKinds is every kind there is.
const allKinds Kinds = 1<<kindCount - 1

// String is the kind's name in the INI file.
func (k Kind) String() string {
	if k < kindCount {
		return kindNames[k]
	}
	return "unknown"
}

// KindNames lists the names of all kinds.
func KindNames() []string { return kindNames[:] }

// ParseKind finds a kind by its name, without case.
func ParseKind(name string) (Kind, bool) {
	for k, n := range kindNames {
		if strings.EqualFold(n, name) {
			return Kind(k), true
		}
	}
	return 0, false
}

// String lists the kinds of the set, separated by commas.
func (s Kinds) String() string {
	var names []string
	for k := range kindCount {
		if s.Has(k) {
			names = append(names, k.String())
		}
	}
	return strings.Join(names, ",")
}

// transactional tells the kinds that Kamailio's acc module defines. They reach every eligible instance and their
// verdict has no effect on a call.
func (k Kind) transactional() bool { return k >= Transaction }
