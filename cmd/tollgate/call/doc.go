// Package call is "tollgate call": a small telephone at either end, for somebody who wants to see a call go through the
// gatekeeper and has no telephone. It places calls, answers them itself, and tells what became of them. It sends no
// media.
package call
