// Package scenario holds the sipp scenarios that the tests and the benchmark run: uac_*.xml are callers, uas_*.xml
// callees. Each says in its first lines what it does. A scenario that waits does so for sipp's -d milliseconds; the
// caller's name is sipp's -key caller NAME, the number that it dials -s NUMBER.
package scenario

import "embed"

// Files are the scenarios, by file name.
//
//go:embed *.xml
var Files embed.FS
