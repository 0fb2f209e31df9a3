package test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// parallel is how many plays run at once: they wait for timers and peers more than they compute.
const parallel = "6"

// TestMain builds the gatekeeper once.
func TestMain(m *testing.M) {
	flag.Parse()
	set := false
	flag.Visit(func(f *flag.Flag) { set = set || f.Name == "test.parallel" })
	if !set {
		_ = flag.Set("test.parallel", parallel)
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "tollgate")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	args := []string{"build", "-o", filepath.Join(dir, "tollgate")}
	if raceFlags != "" {
		args = append(args, raceFlags)
	}
	if out, err := exec.Command("go", append(args, "../cmd/tollgate")...).CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building the gatekeeper: %v\n%s", err, out)
		return 1
	}
	// A program with the race detector would sleep for a second at its end.
	if err := errors.Join(os.Setenv(binaryVariable, filepath.Join(dir, "tollgate")), os.Setenv("GORACE", "atexit_sleep_ms=0")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// binaryVariable is the environment variable that tells the tests where the gatekeeper was built.
const binaryVariable = "TOLLGATE_TEST_BINARY"

func binary() string { return os.Getenv(binaryVariable) }
