package main

import (
	"os"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// timerSlack is how late the kernel may end a thread's sleep. Nothing in a gatekeeper needs less. The runtime's monitor
// sleeps in steps of 20 µs while threads come and go from system calls, and with the kernel's default of 50 µs these
// sleeps alone took a fifth of the CPU time of a call.
const timerSlack = time.Millisecond

// coarsenTimers sets the timer slack of all threads (PR_SET_TIMERSLACK in prctl(2)). A thread takes it over from the
// one that made it, and the runtime has made its monitor before main: so the program is executed again, with
// the slack that outlives that. Where it cannot be set, or a service manager has set as much (TimerSlackNSec=), all goes on as it
// is.
func coarsenTimers() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if slackOfThread() >= timerSlack || unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(timerSlack), 0, 0, 0) != nil {
		return
	}
	path, err := os.Executable()
	if err != nil || slackOfThread() < timerSlack { // a thread of real time has none
		return
	}
	_ = syscall.Exec(path, os.Args, os.Environ()) // it does without: that costs time, nothing else
}

func slackOfThread() time.Duration {
	slack, err := unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0)
	if err != nil {
		return 0
	}
	return time.Duration(slack)
}
