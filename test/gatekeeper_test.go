package test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"tollgate/test/peer"
)

// patience is how long a test waits for something that must come.
const patience = 10 * time.Second

// gatekeeper is a tollgate with a folder and ports of its own. Paths in its configuration are relative to the folder.
type gatekeeper struct {
	t      testing.TB
	dir    string
	config *ini
	port   int // SIP
	status int // status port

	held    []io.Closer // sockets that keep the ports until it starts
	process *peer.Process
	earlier string // the log of runs before this one
}

// newGatekeeper reads a configuration and gives it private ports. It is started by start.
func newGatekeeper(t testing.TB, path string) *gatekeeper {
	t.Helper()
	g := &gatekeeper{t: t, dir: t.TempDir(), config: readINI(t, path)}
	g.hold()
	g.config.set("SIP", "Listen", fmt.Sprintf("udp:%s:%d", peer.Loopback, g.port))
	g.config.set("Gatekeeper::Main", "StatusPort", strconv.Itoa(g.status))
	g.config.set("Gatekeeper::Main", "StateDir", "var")
	if g.config.find("Gatekeeper::Main", "OnShutdown") < 0 {
		g.config.set("Gatekeeper::Main", "OnShutdown", "disconnect") // so that the end of a test is the end of its calls
	}
	t.Cleanup(func() {
		g.release()
		if g.process == nil {
			return
		}
		g.process.Kill()
		if t.Failed() {
			t.Logf("the gatekeeper's log:\n%s", g.log())
		}
	})
	return g
}

// hold chooses the ports and binds them, so that no other test finds them free before the gatekeeper has started.
func (g *gatekeeper) hold() {
	g.t.Helper()
	if !eventually(func() bool {
		g.port, g.status = peer.FreePort(g.t, "udp"), peer.FreePort(g.t, "tcp")
		udp, err := net.ListenPacket("udp4", g.address())
		if err != nil {
			return false
		}
		g.held = append(g.held, udp)
		tcp, err := net.Listen("tcp4", net.JoinHostPort(peer.Loopback, strconv.Itoa(g.status)))
		if err != nil {
			g.release()
			return false
		}
		g.held = append(g.held, tcp)
		return true
	}) {
		g.t.Fatal("no port is free")
	}
}

// release lets the ports go. The lock keeps a process that is just being started from keeping them a moment longer.
func (g *gatekeeper) release() {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	for _, socket := range g.held {
		socket.Close()
	}
	g.held = nil
}

// address is where peers send SIP.
func (g *gatekeeper) address() string { return net.JoinHostPort(peer.Loopback, strconv.Itoa(g.port)) }

// routeTo sends all calls to a callee, or to the next one when that fails.
func (g *gatekeeper) routeTo(callees ...string) {
	g.config.set("SIP::Routes", "*", "sip:"+strings.Join(callees, ",sip:"))
}

// save writes the configuration into the folder.
func (g *gatekeeper) save() {
	g.t.Helper()
	if err := os.WriteFile(filepath.Join(g.dir, "tollgate.ini"), []byte(g.config.String()), 0o600); err != nil {
		g.t.Fatal(err)
	}
}

// start starts the gatekeeper and waits until its log says that it is ready. That its status port is open is no proof: for a
// moment it may be the socket that held the port.
func (g *gatekeeper) start() {
	g.t.Helper()
	g.save()
	if g.process != nil {
		g.earlier += g.process.Output() + "\n"
	}
	g.release()
	p, err := peer.Start(g.dir, binary(), "run", "-level", "debug", "-c", "tollgate.ini")
	if err != nil {
		g.t.Fatal(err)
	}
	g.process = p
	if err := p.WaitReady(context.Background(), func() bool { return strings.Contains(p.Output(), "INFO ready") }); err != nil {
		g.t.Fatal(err)
	}
}

// running tells whether the process was started and has not ended.
func (g *gatekeeper) running() bool {
	if g.process == nil {
		return false
	}
	select {
	case <-g.process.Done():
		return false
	default:
		return true
	}
}

func (g *gatekeeper) signal(s syscall.Signal) {
	g.t.Helper()
	if err := g.process.Signal(s); err != nil {
		g.t.Fatalf("sending %v: %v", s, err)
	}
}

// stop ends the gatekeeper with SIGTERM and wants exit code 0.
func (g *gatekeeper) stop() {
	g.t.Helper()
	if g.running() {
		g.signal(syscall.SIGTERM)
	}
	g.ended(0)
}

// ended waits for the end of the process and compares its exit code. -1 stands for a signal.
func (g *gatekeeper) ended(code int) {
	g.t.Helper()
	select {
	case <-g.process.Done():
	case <-time.After(40 * time.Second):
		g.t.Fatal("the gatekeeper does not end")
	}
	if got := g.process.ExitCode(); got != code {
		g.t.Errorf("the gatekeeper's exit code is %d, want %d", got, code)
	}
	g.sane()
}

// sane fails the test if the log tells of a race or a panic.
func (g *gatekeeper) sane() {
	g.t.Helper()
	for _, bad := range []string{"DATA RACE", "panic:", "fatal error:"} {
		if strings.Contains(g.log(), bad) {
			g.t.Errorf("the gatekeeper's log has %q", bad)
		}
	}
}

// log is what the gatekeeper has written to stderr, in all its runs.
func (g *gatekeeper) log() string {
	if g.process == nil {
		return g.earlier
	}
	return g.earlier + g.process.Output()
}

// path makes a path of the configuration absolute.
func (g *gatekeeper) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(g.dir, name)
}

// cdrLines are the complete lines of the CDR file.
func (g *gatekeeper) cdrLines() []string {
	g.t.Helper()
	return readLines(g.t, g.path(g.config.get("FileAcct", "DetailFile")))
}

// readLines are the complete lines of a file; none if it is missing.
func readLines(t testing.TB, path string) []string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	lines := strings.Split(string(content), "\n")
	return lines[:len(lines)-1]
}

// command runs another command of the program in the gatekeeper's folder and gives its output and exit code.
func (g *gatekeeper) command(args ...string) (stdout, stderr string, code int) {
	g.t.Helper()
	return command(g.t, g.dir, args...)
}

func command(t testing.TB, dir string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary(), args...)
	var out, errs strings.Builder
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// eventually polls until f is true.
func eventually(f func() bool) bool {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if f() {
			return true
		}
	}
	return f()
}
