package syslogacct

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"tollgate/acctstack"
	"tollgate/acctstack/stacktest"
	"tollgate/test/peer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestConformance(t *testing.T) {
	r := peer.StartRsyslog(t)
	var lines strings.Builder
	fmt.Fprintf(&lines, "Server=unix:%s\n", r.Socket)
	for _, e := range events {
		lines.WriteString(e.key + "=" + e.kind.String() + " %{event-uuid}\n")
	}
	stacktest.Conformance(t, stacktest.Subject{
		Factory: Factory(),
		Config:  lines.String(),
		Stored: func(t *testing.T, ev *acctstack.Event) int {
			return strings.Count(strings.Join(r.Lines(t), "\n"), ev.ID.String())
		},
		Break: func(*testing.T) { r.Stop() },
		Mend:  func(t *testing.T) { r.Restart(t) },
	})
}

func TestMessages(t *testing.T) {
	r := peer.StartRsyslog(t)
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	host, _, _ = strings.Cut(host, ".") // rsyslogd cuts the local domain
	forged := stacktest.Event(acctstack.Stop, 5)
	forged.Record.CalledStation = "1\r\n<8>root\x00\"|2"
	id := forged.Record.CallID.String()
	local := "Server=unix:" + r.Socket + "\n"
	tests := []struct {
		name, config string
		event        *acctstack.Event
		want         string
	}{
		{"the default text", local, stacktest.Event(acctstack.Start, 5),
			`user.info HOST tollgate[PID]: CALL|Start|"192.0.2.10":"5062"|"192.0.2.20":"5060"|"` + id + `"`},
		{"facility, level and ident", local + "SyslogFacility=local3\nSyslogLevel=LOG_WARNING\nIdent=GnuGk\nConnectEvent=two",
			stacktest.Event(acctstack.Connect, 5), `local3.warning HOST GnuGk[PID]: two`},
		{"over UDP", "Server=udp:" + r.Addr() + "\nUpdateEvent=three %s", stacktest.Event(acctstack.Update, 5),
			`user.info HOST tollgate[PID]: three "5f5e100100000005"`},
		{"forged values", local + "StopEvent=four|%{Called-Station-Id}|end", forged,
			`user.info HOST tollgate[PID]: four|"1%0D%0A<8>root%00%22%7C2"|end`},
		{"own times", local + "StopEvent=five|%{connect-time}\nTimestampFormat=UTC MySQL", forged,
			`user.info HOST tollgate[PID]: five|"2026-03-05 14:30:19"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			before := len(r.Lines(t))
			m := stacktest.Open(t, Factory(), test.config)
			if err := m.Store(t.Context(), test.event); err != nil {
				t.Fatal(err)
			}
			lines := r.WaitLines(t, before+1, "")
			want := strings.NewReplacer("HOST", host, "PID", fmt.Sprint(os.Getpid())).Replace(test.want)
			if got := lines[len(lines)-1]; got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

func TestEmptyText(t *testing.T) {
	m := stacktest.Open(t, Factory(), "Server=unix:/nonexistent/log\nStopEvent=")
	if err := m.Store(t.Context(), stacktest.Event(acctstack.Stop, 1)); err != nil {
		t.Error(err)
	}
}

func TestDaemonRestarts(t *testing.T) {
	r := peer.StartRsyslog(t)
	m := stacktest.Open(t, Factory(), "Server=unix:"+r.Socket+"\nStopEvent=%s")
	store := func(n int) error { return m.Store(t.Context(), stacktest.Event(acctstack.Stop, n)) }
	if err := store(1); err != nil {
		t.Fatal(err)
	}
	r.WaitLines(t, 1, "") // what the daemon has not read when it stops is lost
	r.Restart(t)
	if err := store(2); err != nil {
		t.Errorf("the first message after a restart: %v", err)
	}
	r.WaitLines(t, 2, "")
	r.Stop()
	for range 2 {
		err := store(3)
		if err == nil || !strings.Contains(err.Error(), "syslogacct: storing stop of call 5f5e100100000003: "+r.Socket) {
			t.Errorf("without a daemon: %v", err)
		}
	}
	r.Restart(t)
	if err := store(4); err != nil {
		t.Errorf("the daemon is back: %v", err)
	}
	r.WaitLines(t, 3, "")
	for _, line := range r.Lines(t) {
		if strings.Contains(line, "00000003") {
			t.Errorf("a failed event was stored: %s", line)
		}
	}
}

func TestFullQueueCostsOnePatience(t *testing.T) {
	for name, patience := range map[string]time.Duration{"none": 0, "some": 300 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			r := peer.StartRsyslog(t)
			m := stacktest.Open(t, Factory(), fmt.Sprintf("Server=unix:%s\nStopEvent=%%s\nQueueWait=%dms", r.Socket, patience.Milliseconds()))
			r.Pause(t)
			sent := 0
			var err error
			begun := time.Now()
			for err == nil && sent < 100000 {
				if err = m.Store(t.Context(), stacktest.Event(acctstack.Stop, sent)); err == nil {
					sent++
				}
			}
			if took := time.Since(begun); took < patience-5*time.Millisecond || took > patience+5*time.Second {
				t.Errorf("the first event that was not taken came after %s", took)
			}
			if !errors.Is(err, errQueueFull) || acctstack.IsPermanent(err) {
				t.Fatalf("after %d messages: %v", sent, err)
			}
			begun = time.Now()
			for range 100 {
				if err = m.Store(t.Context(), stacktest.Event(acctstack.Stop, sent)); !errors.Is(err, errQueueFull) {
					t.Fatalf("with a full queue: %v", err)
				}
			}
			if took := time.Since(begun); took > 5*time.Second {
				t.Errorf("a hundred events at a daemon that hangs took %s", took)
			}
			r.Resume(t)
			expectRecovery(t, r, m, sent)
		})
	}
}

// expectRecovery waits until the daemon has what was sent, and takes one more.
func expectRecovery(t *testing.T, r *peer.Rsyslog, m acctstack.Module, sent int) {
	t.Helper()
	r.WaitLines(t, sent, "tollgate")
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		err := m.Store(t.Context(), stacktest.Event(acctstack.Stop, sent))
		if err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the queue is empty, but: %v", err)
		}
	}
	if lines := r.WaitLines(t, sent+1, "tollgate"); len(lines) != sent+1 {
		t.Errorf("%d messages for %d successes", len(lines), sent+1)
	}
}

// listen is a datagram socket that the test reads itself.
func listen(t *testing.T, network, address string) net.PacketConn {
	t.Helper()
	c, err := net.ListenPacket(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetReadDeadline(time.Now().Add(5 * time.Second))
	return c
}

func receive(t *testing.T, c net.PacketConn) string {
	t.Helper()
	buf := make([]byte, 65536)
	n, _, err := c.ReadFrom(buf)
	if err != nil {
		t.Fatal(err)
	}
	return string(buf[:n])
}

func TestBytesOnTheWire(t *testing.T) {
	ev := stacktest.Event(acctstack.Stop, 1)
	stamp := regexp.QuoteMeta(ev.Time.Local().Format("Jan _2 15:04:05"))
	path := filepath.Join(t.TempDir(), "log")
	unixConn := listen(t, "unixgram", path)
	udpConn := listen(t, "udp", "127.0.0.1:0")
	udp6Conn := listen(t, "udp", "[::1]:0")
	tests := []struct {
		server string
		conn   net.PacketConn
		want   string
	}{
		{"unix:" + path, unixConn, `^<14>` + stamp + ` tollgate\[\d+\]: hello$`},
		{"udp:" + udpConn.LocalAddr().String(), udpConn, `^<14>` + stamp + ` \S+ tollgate\[\d+\]: hello$`},
		{"udp:" + udp6Conn.LocalAddr().String(), udp6Conn, `^<14>` + stamp + ` \S+ tollgate\[\d+\]: hello$`},
		{"udp:" + strings.Replace(udpConn.LocalAddr().String(), "127.0.0.1", "localhost", 1), udpConn, `hello$`},
	}
	for _, test := range tests {
		m := stacktest.Open(t, Factory(), "StopEvent=hello\nServer="+test.server)
		if err := m.Store(t.Context(), ev); err != nil {
			t.Errorf("%s: %v", test.server, err)
			continue
		}
		if got := receive(t, test.conn); !regexp.MustCompile(test.want).MatchString(got) {
			t.Errorf("%s: got %q, want %s", test.server, got, test.want)
		}
	}
}

func TestLongMessagesAreCut(t *testing.T) {
	ev := stacktest.Event(acctstack.Stop, 1)
	ev.Record.CalledStation = strings.Repeat("é", 40000)
	path := filepath.Join(t.TempDir(), "log")
	udp := listen(t, "udp", "127.0.0.1:0")
	for _, test := range []struct {
		server string
		conn   net.PacketConn
		limit  int
	}{
		{"unix:" + path, listen(t, "unixgram", path), unixLimit},
		{"udp:" + udp.LocalAddr().String(), udp, udpLimit},
	} {
		m := stacktest.Open(t, Factory(), "StopEvent=%{Called-Station-Id}\nServer="+test.server)
		if err := m.Store(t.Context(), ev); err != nil {
			t.Fatal(err)
		}
		got := receive(t, test.conn)
		if len(got) > test.limit || len(got) < test.limit-2 || !strings.HasSuffix(got, "é[cut]") {
			t.Errorf("%s: %d bytes, end %q", test.server, len(got), got[len(got)-10:])
		}
	}
}

func TestSection(t *testing.T) {
	tests := []struct{ line, problem string }{
		{"Server=unix:/run/log", ""},
		{"Server=udp:192.0.2.1:514", ""},
		{"Server=udp:[2001:db8::1]:514", ""},
		{"Server=tcp:192.0.2.1:514", "not supported yet"},
		{"Server=tls:192.0.2.1:6514", "not supported yet"},
		{"Server=udp:192.0.2.1", "not udp:HOST:PORT"},
		{"Server=udp:192.0.2.1:70000", "not udp:HOST:PORT"},
		{"Server=unix:", "names no socket"},
		{"Server=unix:/" + strings.Repeat("x", 108), "names no socket"},
		{"Server=/dev/log", "neither"},
		{"Server=", "neither"},
		{"SyslogFacility=LOG_LOCAL7", ""},
		{"SyslogFacility=daemon", ""},
		{"SyslogFacility=LOG_LOCAL8", "LOG_LOCAL7"},
		{"SyslogLevel=Debug", ""},
		{"SyslogLevel=LOG_WARN", "LOG_WARNING"},
		{"Ident=a b", "blank"},
		{"Ident=", "characters"},
		{"TimestampFormat=%", "timestamp format"},
	}
	f := Factory()
	for _, test := range tests {
		key, value, _ := strings.Cut(test.line, "=")
		for _, k := range f.Keys {
			if k.Name != key {
				continue
			}
			err := k.Check(value)
			if (err == nil) != (test.problem == "") || err != nil && !strings.Contains(err.Error(), test.problem) {
				t.Errorf("%s: got %v, want %q", test.line, err, test.problem)
			}
		}
	}
	m, err := f.New(stacktest.Env(t, f), stacktest.Section(t, f, "StopEvent=%{aliases}"))
	if err != nil {
		t.Fatal(err)
	}
	if w := m.(*Module).Warnings(); len(w) != 1 || !strings.Contains(w[0].Text, "%{aliases}") {
		t.Errorf("got the warnings %q", w)
	}
}

func TestNameIsNotLookedUpForEachEvent(t *testing.T) {
	s := &socket{to: server{network: "udp", host: "no-such-host.invalid", port: 514}}
	if err := s.start(); err == nil {
		t.Fatal("resolved")
	}
	at := s.failedAt
	if err := s.send(t.Context(), []byte("x")); err == nil || !strings.Contains(err.Error(), "no-such-host.invalid") {
		t.Errorf("got %v", err)
	}
	if s.failedAt != at {
		t.Error("the name was looked up again at once")
	}
}

// BenchmarkStore sends to a socket that nobody reads: UDP takes and drops what it cannot hold.
func BenchmarkStore(b *testing.B) {
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	m := stacktest.Open(b, Factory(), "Server=udp:"+c.LocalAddr().String())
	ev := stacktest.Event(acctstack.Stop, 1)
	b.ReportAllocs()
	for b.Loop() {
		if err := m.Store(b.Context(), ev); err != nil {
			b.Fatal(err)
		}
	}
}

func TestErrorsOfAGoneReceiver(t *testing.T) {
	for _, err := range []error{unix.ECONNREFUSED, unix.ENOTCONN, unix.EPIPE, unix.ECONNRESET} {
		if !gone(err) {
			t.Errorf("%v does not open the socket again", err)
		}
	}
	if gone(nil) || gone(errQueueFull) {
		t.Error("a full queue opens the socket again")
	}
}
