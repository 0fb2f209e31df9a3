package peer

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// CPUTime is the time that all processes of the process's group have spent on a CPU so far, to the nanosecond. It is
// the scheduler's own clock of each process: the ticks of /proc/PID/stat miss the short bursts of a SIP proxy.
func (p *Process) CPUTime() (time.Duration, error) {
	var sum time.Duration
	pids, err := groupMembers(p.PID())
	for _, pid := range pids {
		var ts unix.Timespec
		// The process's CPU clock, as clock_getcpuclockid(3) makes its identifier.
		if err := unix.ClockGettime(int32(^uint32(pid)<<3|2), &ts); err != nil {
			return 0, fmt.Errorf("reading the CPU clock of process %d: %w", pid, err)
		}
		sum += time.Duration(ts.Nano())
	}
	return sum, err
}

// Memory is the resident memory of all processes of the group in bytes, where a page that several processes share
// counts once (proportional set size, proc_pid_smaps(5)).
func (p *Process) Memory() (int64, error) {
	var sum int64
	pids, err := groupMembers(p.PID())
	for _, pid := range pids {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if err != nil {
			return 0, err
		}
		_, rest, _ := strings.Cut(string(b), "\nPss:")
		fields := strings.Fields(rest)
		if len(fields) < 2 || fields[1] != "kB" {
			return 0, fmt.Errorf("/proc/%d/smaps_rollup: no Pss", pid)
		}
		kib, err := strconv.ParseInt(fields[0], 10, 64)
		if err != nil {
			return 0, err
		}
		sum += kib << 10
	}
	return sum, err
}

// groupMembers are the processes of a process group.
func groupMembers(group int) ([]int, error) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, stat := range stats {
		b, err := os.ReadFile(stat)
		if err != nil {
			continue // ended meanwhile
		}
		// PID (COMM) STATE PPID PGRP ...; COMM may hold anything.
		_, rest, _ := strings.Cut(string(b[strings.LastIndexByte(string(b), ')')+1:]), " ")
		fields := strings.Fields(rest)
		if len(fields) > 2 && fields[0] != "Z" && fields[2] == strconv.Itoa(group) {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(stat)))
			if err != nil {
				return nil, err
			}
			pids = append(pids, pid)
		}
	}
	return pids, nil
}
