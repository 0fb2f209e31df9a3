// Package sip is the SIP front: a stateful, record-routing proxy (RFC 3261 16) that brings calls to the gatekeeper and
// carries out its decisions.
//
// Calls are sharded by Call-ID. Whoever holds a shard runs transaction and call steps one after the other: a socket's
// reader for a datagram, the clock for timers, the accounting stack for a verdict. A step never blocks, so a call's
// state needs no lock of its own and its messages keep their order. Messages are indexed in place and forwarded by
// editing bytes; after a final answer a transaction keeps its key, its peer and the last bytes that it sent.
package sip
