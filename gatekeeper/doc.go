// Package gatekeeper is what a call is: the call table, its states and timers, admission, accounting events, teardown.
// It knows no protocol, no module and no status port: a front such as gatekeeper/sip brings calls in and carries out
// what the gatekeeper decides.
package gatekeeper
