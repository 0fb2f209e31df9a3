package peer

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// linesTime is how long WaitLines waits.
const linesTime = 10 * time.Second

// Rsyslog is an rsyslogd with a socket like /dev/log and a UDP port of its own. It writes each message to a file as
// "FACILITY.SEVERITY HOST TAG MESSAGE", control characters as rsyslogd's #OOO.
type Rsyslog struct {
	Socket string // the path of the datagram socket
	Port   int    // of 127.0.0.1, UDP
	File   string // where the messages go

	dir     string
	process *Process
}

const rsyslogConfig = `global(workDirectory="%[1]s" maxMessageSize="16k" net.enableDNS="off")
module(load="imuxsock" SysSock.Use="off")
module(load="imudp")
input(type="imuxsock" Socket="%[2]s" UseSpecialParser="on" RateLimit.Interval="0")
input(type="imudp" Address="127.0.0.1" Port="%[3]d")
template(name="line" type="string" string="%%syslogfacility-text%%.%%syslogseverity-text%% %%hostname%% %%syslogtag%%%%msg%%\n")
action(type="omfile" file="%[4]s" template="line" fileCreateMode="0600")
`

// StartRsyslog starts an rsyslogd that ends with the test.
func StartRsyslog(t testing.TB) *Rsyslog {
	t.Helper()
	dir, err := os.MkdirTemp("", "rsyslog") // t.TempDir may be too long for the path of a socket
	if err != nil {
		t.Fatal(err)
	}
	r := &Rsyslog{
		Socket: filepath.Join(dir, "log"),
		Port:   FreePort(t, "udp"),
		File:   filepath.Join(dir, "messages"),
		dir:    dir,
	}
	text := fmt.Sprintf(rsyslogConfig, dir, r.Socket, r.Port, r.File)
	if err := os.WriteFile(filepath.Join(dir, "rsyslog.conf"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if r.process != nil {
			r.process.Kill()
		}
		os.RemoveAll(dir)
	})
	r.Restart(t)
	return r
}

// Addr is the address of the UDP input.
func (r *Rsyslog) Addr() string { return net.JoinHostPort(Loopback, fmt.Sprint(r.Port)) }

// Restart starts the daemon, after stopping it if it runs, and waits until both inputs are open.
func (r *Rsyslog) Restart(t testing.TB) {
	t.Helper()
	r.Stop()
	p, err := Start(r.dir, "rsyslogd", "-n", "-C", "-f", filepath.Join(r.dir, "rsyslog.conf"), "-i", filepath.Join(r.dir, "pid"))
	if err != nil {
		t.Fatal(err)
	}
	r.process = p
	if err := p.WaitReady(context.Background(), r.ready); err != nil {
		t.Fatal(err)
	}
}

func (r *Rsyslog) ready() bool {
	c, err := net.Dial("unixgram", r.Socket)
	if err != nil {
		return false
	}
	c.Close()
	return Listening("udp", r.Port)
}

// Stop ends the daemon; its socket goes with it.
func (r *Rsyslog) Stop() {
	if r.process != nil {
		r.process.Stop(syscall.SIGTERM)
		r.process = nil
	}
}

// Pause stops the daemon from reading, so that its queues fill.
func (r *Rsyslog) Pause(t testing.TB) { r.signal(t, syscall.SIGSTOP) }

// Resume ends a Pause.
func (r *Rsyslog) Resume(t testing.TB) { r.signal(t, syscall.SIGCONT) }

func (r *Rsyslog) signal(t testing.TB, s syscall.Signal) {
	t.Helper()
	if err := r.process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// Lines are the messages written so far.
func (r *Rsyslog) Lines(t testing.TB) []string {
	t.Helper()
	content, err := os.ReadFile(r.File)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	content = bytes.TrimSuffix(content, []byte("\n"))
	if len(content) == 0 {
		return nil
	}
	return strings.Split(string(content), "\n")
}

// WaitLines waits until messages that contain text have come, n of them, and returns those.
func (r *Rsyslog) WaitLines(t testing.TB, n int, text string) []string {
	t.Helper()
	deadline := time.Now().Add(linesTime)
	for {
		var found []string
		lines := r.Lines(t)
		for _, line := range lines {
			if strings.Contains(line, text) {
				found = append(found, line)
			}
		}
		if len(found) >= n {
			return found
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d messages with %q came; all of them:\n%s", len(found), n, text, strings.Join(lines, "\n"))
		}
		time.Sleep(10 * time.Millisecond)
	}
}
