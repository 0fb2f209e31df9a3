// Package test drives the built gatekeeper from outside: real callers and callees (sipp), a real RADIUS server, syslog
// daemon and database, against the records that must be left.
//
// Each numbered folder is one subject. Its README.md says what is shown, config.ini is its configuration unless it plays
// one of etc/, and every *.play file is one case that is read from top to bottom: what happens, then what must have been
// recorded. What a play cannot say stands in a Go test that is named after its folder. play_test.go lists the words.
package test
