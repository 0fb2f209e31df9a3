// Package bootclock is the system's clock that runs on while the program is being restarted. Go's monotonic readings mean
// nothing to the next process, and the wall clock may be set in between; CLOCK_BOOTTIME counts from the start of the system,
// so two processes of the same boot can measure with it how long a call has lasted.
package bootclock

import (
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Now is the time since the system was started, with the time that it slept (clock_gettime(2), CLOCK_BOOTTIME). It may be
// compared with another only if ID was the same, and not empty, at both. It is 0 if the kernel has no such clock.
func Now() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		return 0
	}
	return time.Duration(ts.Nano())
}

// ID names this boot of the system (random(4), boot_id): it is another one after each start of the system. It is "" if it
// cannot be read; then nothing is known about the boot. It reads a file each time.
func ID() string {
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}
