package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// quietCores is how much of a core other programs may use for a run to count.
const quietCores = 0.25

// load is what the machine is busy with while no run is going on.
type load struct {
	Average string  `json:"loadavg"`    // of one, five and fifteen minutes
	Busy    float64 `json:"busy_cores"` // over the time that was watched
}

// loadAverage is what the kernel says, at once.
func loadAverage() (string, error) {
	content, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "", err
	}
	fields := strings.Fields(string(content))
	return strings.Join(fields[:min(len(fields), 3)], " "), nil
}

// watchLoad looks at the machine for a while.
func watchLoad(ctx context.Context, span time.Duration) (load, error) {
	average, err := loadAverage()
	if err != nil {
		return load{}, err
	}
	before, err := readCPU()
	if err != nil {
		return load{}, err
	}
	select {
	case <-time.After(span):
	case <-ctx.Done():
		return load{}, ctx.Err()
	}
	after, err := readCPU()
	if err != nil {
		return load{}, err
	}
	return load{Average: average, Busy: busyCores(before, after, runtime.NumCPU())}, nil
}

// cpuTicks are the first line of /proc/stat.
type cpuTicks struct{ idle, total uint64 }

func readCPU() (cpuTicks, error) {
	content, err := os.ReadFile("/proc/stat")
	if err != nil {
		return cpuTicks{}, err
	}
	return parseCPU(content)
}

func parseCPU(content []byte) (cpuTicks, error) {
	line, _, _ := bytes.Cut(content, []byte("\n"))
	fields := strings.Fields(string(line))
	if len(fields) < 8 || fields[0] != "cpu" {
		return cpuTicks{}, fmt.Errorf("/proc/stat: first line %q", line)
	}
	var t cpuTicks
	for i, f := range fields[1:9:9] {
		n, err := strconv.ParseUint(f, 10, 64)
		if err != nil {
			return cpuTicks{}, fmt.Errorf("/proc/stat: %w", err)
		}
		t.total += n
		if i == 3 || i == 4 { // idle and iowait
			t.idle += n
		}
	}
	return t, nil
}

func busyCores(before, after cpuTicks, cores int) float64 {
	total := after.total - before.total
	if total == 0 {
		return 0
	}
	return (1 - float64(after.idle-before.idle)/float64(total)) * float64(cores)
}

// machine tells where the numbers come from.
type machine struct {
	Time     string `json:"time"`
	CPU      string `json:"cpu"`
	Cores    int    `json:"cores"`
	Kernel   string `json:"kernel"`
	Go       string `json:"go"`
	Sipp     string `json:"sipp"`
	Kamailio string `json:"kamailio"`
}

func describeMachine(ctx context.Context) machine {
	m := machine{Time: time.Now().UTC().Format(time.RFC3339), Cores: runtime.NumCPU(), Go: runtime.Version(), CPU: cpuModel()}
	if b, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		m.Kernel = strings.TrimSpace(string(b))
	}
	m.Sipp = debianVersion(ctx, "sip-tester")
	m.Kamailio = debianVersion(ctx, "kamailio")
	return m
}

// fileSystem tells on what a folder lies: a sync costs nothing on a tmpfs.
func fileSystem(dir string) string {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return err.Error()
	}
	names := map[int64]string{
		unix.EXT4_SUPER_MAGIC: "ext4", unix.XFS_SUPER_MAGIC: "xfs", unix.BTRFS_SUPER_MAGIC: "btrfs",
		unix.OVERLAYFS_SUPER_MAGIC: "overlayfs", unix.TMPFS_MAGIC: "tmpfs",
	}
	name := names[int64(fs.Type)]
	if name == "" {
		name = fmt.Sprintf("file system 0x%x", fs.Type)
	}
	return name + " (" + dir + ")"
}

func cpuModel() string {
	b, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown"
	}
	for line := range strings.Lines(string(b)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

func debianVersion(ctx context.Context, name string) string {
	out, err := exec.CommandContext(ctx, "dpkg-query", "-W", "-f", "${Version}", name).Output()
	if err != nil {
		return "unknown"
	}
	return string(out)
}
