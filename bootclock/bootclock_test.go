package bootclock

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestNowIsUptime compares with what the kernel says of itself; its text has two decimals.
func TestNowIsUptime(t *testing.T) {
	before := Now()
	text, err := os.ReadFile("/proc/uptime")
	if err != nil {
		t.Fatal(err)
	}
	after := Now()
	word, _, _ := strings.Cut(string(text), " ")
	seconds, err := strconv.ParseFloat(word, 64)
	if err != nil {
		t.Fatal(err)
	}
	uptime := time.Duration(seconds * float64(time.Second))
	if uptime < before-20*time.Millisecond || uptime > after+20*time.Millisecond {
		t.Errorf("/proc/uptime is %v, Now was %v before and %v after", uptime, before, after)
	}
}

// TestOtherProcess: a process that is started later reads the same boot and a later time.
func TestOtherProcess(t *testing.T) {
	if os.Getenv("BOOTCLOCK_PRINT") != "" {
		_, _ = os.Stdout.WriteString(ID() + " " + strconv.FormatInt(int64(Now()), 10) + "\n")
		return
	}
	before := Now()
	child := exec.Command(os.Args[0], "-test.run=^TestOtherProcess$")
	child.Env = append(os.Environ(), "BOOTCLOCK_PRINT=1")
	out, err := child.Output()
	if err != nil {
		t.Fatal(err)
	}
	after := Now()
	line, _, _ := strings.Cut(string(out), "\n")
	id, text, _ := strings.Cut(line, " ")
	if id != ID() || len(id) != 36 {
		t.Errorf("the other process reads boot %q, this one %q", id, ID())
	}
	ns, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	if there := time.Duration(ns); there <= before || there >= after {
		t.Errorf("the other process reads %v, this one %v before and %v after", there, before, after)
	}
}
