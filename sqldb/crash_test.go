//go:build crashpoints

package sqldb

import (
	"fmt"
	"testing"

	"tollgate/crashpoint"
)

// TestCrashPoints lets the program die at each of its points, early and late.
func TestCrashPoints(t *testing.T) {
	for _, point := range []string{"sqldb.query.before", "sqldb.commit.before", "sqldb.commit.after"} {
		c := settings(t)
		for _, n := range []int{1, 2, 60} {
			if !child(t, c, 0, fmt.Sprintf("%s=%s:%d", crashpoint.Variable, point, n)) {
				t.Fatalf("%s:%d: it does not die", point, n)
			}
		}
		child(t, c, 0)
		expectEachOnce(t, c)
	}
}
