// Package statusport is the telnet port on which operators and their programs watch the gatekeeper and tell it what to
// do. It speaks GnuGk's status port protocol: the same greeting, commands, replies and output levels. README.md has the
// commands and the differences.
//
// A client costs two goroutines. One reads: it takes the telnet commands out of the input, edits lines and runs one
// command after the other. One writes what is queued for the client. Broadcast only adds to the queues; it never waits.
package statusport
