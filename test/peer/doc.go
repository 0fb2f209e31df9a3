// Package peer starts the real programs that Tollgate's tests and benchmarks talk to (sipp, Kamailio, rsyslogd,
// FreeRADIUS) on private ports of the loopback interface, waits until they are ready, and kills them, with their
// children, when the test ends. A program that is not installed fails the test: test/install.sh installs them all.
package peer
