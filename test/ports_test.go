package test

import (
	"context"
	"errors"
	"net"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tollgate/test/peer"
)

// TestTakenPorts starts the gatekeeper on addresses that another program has (10-ports).
func TestTakenPorts(t *testing.T) {
	tests := []struct {
		name  string
		take  func(t *testing.T, g *gatekeeper) // the ports are held by the test
		wants []string                          // in the error
	}{
		{"SIP", func(*testing.T, *gatekeeper) {}, []string{"udp:127.0.0.1:PORT", "[SIP] Listen", "in use"}},
		{"SIP shared", func(t *testing.T, g *gatekeeper) { g.release(); share(t, g.port) }, []string{"udp:127.0.0.1:PORT", "[SIP] Listen", "in use"}},
		{"status port", func(_ *testing.T, g *gatekeeper) { g.held[0].Close() }, []string{"127.0.0.1:STATUS", "StatusPort", "in use"}},
		{"SIP address", func(_ *testing.T, g *gatekeeper) { g.release(); g.config.set("SIP", "Listen", "udp:192.0.2.1:5060") },
			[]string{"udp:192.0.2.1:5060", "[SIP] Listen", "cannot assign"}},
		{"status address", func(_ *testing.T, g *gatekeeper) { g.release(); g.config.set("Gatekeeper::Main", "Home", "192.0.2.1") },
			[]string{"192.0.2.1:STATUS", "StatusPort", "cannot assign"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g := newGatekeeper(t, "05-ends/config.ini")
			g.routeTo("127.0.0.1:5070")
			tt.take(t, g)
			g.save()
			start := time.Now()
			_, stderr, code := g.command("run", "-c", "tollgate.ini")
			if code != 1 || time.Since(start) > 5*time.Second {
				t.Errorf("exit code %d after %v, want 1 at once", code, time.Since(start))
			}
			last := stderr[strings.LastIndex(strings.TrimSpace(stderr), "\n")+1:]
			replace := strings.NewReplacer("PORT", strconv.Itoa(g.port), "STATUS", strconv.Itoa(g.status))
			for _, want := range tt.wants {
				if want = replace.Replace(want); !strings.Contains(last, want) {
					t.Errorf("the error does not name %q: %s", want, stderr)
				}
			}
		})
	}
}

// share binds a UDP port as a program does that lets others join.
func share(t *testing.T, port int) {
	t.Helper()
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var option error
		err := c.Control(func(fd uintptr) { option = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1) })
		return errors.Join(err, option)
	}}
	var conn net.PacketConn
	if !eventually(func() bool {
		var err error
		conn, err = config.ListenPacket(context.Background(), "udp4", net.JoinHostPort(peer.Loopback, strconv.Itoa(port)))
		return err == nil
	}) {
		t.Fatalf("port %d stays taken", port)
	}
	t.Cleanup(func() { conn.Close() })
}

// TestTakenStateDir starts a second gatekeeper in the first one's StateDir: it is refused and the first goes on; when the first
// is killed, the lock is free.
func TestTakenStateDir(t *testing.T) {
	t.Parallel()
	callee := peer.StartUAS(t, peer.SIPP{Scenario: "uas_answer.xml"})
	first, second := newGatekeeper(t, "05-ends/config.ini"), newGatekeeper(t, "05-ends/config.ini")
	for _, g := range []*gatekeeper{first, second} {
		g.config.set("FileAcct", "CDRString", "%s") // by which a line is known again whose end was not noted
	}
	first.routeTo(callee.Addr)
	first.start()
	second.routeTo(callee.Addr)
	second.config.set("Gatekeeper::Main", "StateDir", first.path("var"))
	second.save()
	_, stderr, code := second.command("run", "-c", "tollgate.ini")
	if code != 1 || !strings.Contains(stderr, "StateDir "+first.path("var")) || !strings.Contains(stderr, "another gatekeeper") {
		t.Errorf("exit code %d, want 1; it printed: %s", code, stderr)
	}
	peer.RunUAC(t, peer.SIPP{Scenario: "uac_call.xml", Target: first.address(), Hold: 10 * time.Millisecond})
	first.signal(syscall.SIGKILL)
	first.ended(-1)
	second.config.set("FileAcct", "DetailFile", first.path("var/cdr.log"))
	second.start()
	peer.RunUAC(t, peer.SIPP{Scenario: "uac_call.xml", Target: second.address(), Hold: 10 * time.Millisecond})
	second.stop()
	if n := len(second.cdrLines()); n != 2 {
		t.Errorf("the file has %d lines, want 2", n)
	}
}
