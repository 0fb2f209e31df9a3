//go:build crashpoints

package fileacct

import (
	"fmt"
	"testing"

	"tollgate/crashpoint"
)

// TestCrashPoints lets the program die at each of its points, early and late.
func TestCrashPoints(t *testing.T) {
	for _, point := range []string{"fileacct.write.before", "fileacct.write.after", "fileacct.sync.after"} {
		dir := t.TempDir()
		kills := 0
		for _, n := range []int{1, 2, 60} {
			if !child(t, dir, "always", 0, fmt.Sprintf("%s=%s:%d", crashpoint.Variable, point, n)) {
				t.Fatalf("%s:%d: it does not die", point, n)
			}
			kills++
		}
		child(t, dir, "none", 0)
		expectEachLineOnce(t, dir, kills)
	}
}
