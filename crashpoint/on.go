//go:build crashpoints

package crashpoint

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

// Enabled tells whether this build has crash points.
const Enabled = true

// Variable is the environment variable that chooses a point, as NAME:N: the process kills itself the N-th time that it
// comes there.
const Variable = "TOLLGATE_CRASH"

// chosen is read once: a test sets the variable before it starts the program.
var chosen, when = choose()

var passed atomic.Int64

func choose() (string, int64) {
	name, count, _ := strings.Cut(os.Getenv(Variable), ":")
	n, err := strconv.ParseInt(count, 10, 64)
	if err != nil {
		n = 1
	}
	return name, n
}

// Hit is a place at which a test build may die.
func Hit(name string) {
	if name != chosen || passed.Add(1) != when {
		return
	}
	fmt.Fprintln(os.Stderr, "crashpoint: dying at", name)
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {} // until the signal is there
}
