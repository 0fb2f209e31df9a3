package statusport

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"

	"tollgate/cdr"
)

func TestLevels(t *testing.T) {
	s := start(t, &gatekeeperDouble{}, func(_ *Server, set *Settings) { set.TraceLevel = 1 })
	users := map[string]*user{"min": connect(t, s), "1": connect(t, s), "max": connect(t, s)}
	for level, u := range users {
		if level == "1" {
			continue // StatusTraceLevel
		}
		u.send("trace " + level + "\n")
		u.line()
	}
	text := []byte("changes later \xff")
	s.Broadcast(2, []byte("event;"))
	s.CDR([]byte("CDR|1;"))
	s.Broadcast(0, text)
	copy(text, "is overwritten")
	users["min"].expect("changes later \xff\xff")
	users["1"].expect("CDR|1;", "changes later \xff\xff")
	users["max"].expect("event;", "CDR|1;", "changes later \xff\xff")
}

// A client sees all that is broadcast after it has got its greeting.
func TestNothingIsMissedAfterTheGreeting(t *testing.T) {
	s := start(t, &gatekeeperDouble{}, nil)
	for i := range 50 {
		u := connect(t, s)
		s.Broadcast(0, fmt.Append(nil, i))
		u.expect(fmt.Sprint(i))
		u.send("q\n")
		u.expectEnd()
		eventually(t, "the client is gone", func() bool { return s.clientCount() == 0 })
	}
}

func TestSlowClientIsDroppedAndDelaysNobody(t *testing.T) {
	s := start(t, &gatekeeperDouble{}, func(_ *Server, set *Settings) { set.MaxQueue = 256 << 10 })
	slow := connect(t, s)
	if err := slow.conn.(*net.TCPConn).SetReadBuffer(4096); err != nil {
		t.Fatal(err)
	}
	good := connect(t, s)
	text := bytes.Repeat([]byte("x"), 1000)
	var longest time.Duration
	for n := 0; s.Dropped() == 0; n++ {
		if n == 1000 {
			t.Fatal("the client that does not read is still there after 100 MB")
		}
		for range 100 {
			begin := time.Now()
			s.Broadcast(1, text)
			longest = max(longest, time.Since(begin))
		}
		for range 100 {
			good.expect(string(text))
		}
	}
	// A broadcast that waited for the client would take seconds.
	if longest > 500*time.Millisecond {
		t.Errorf("a broadcast took %v", longest)
	}
	eventually(t, "only the good client is left", func() bool { return s.clientCount() == 1 })
	s.Broadcast(1, []byte("last"))
	good.expect("last")
	if n := s.Dropped(); n != 1 {
		t.Errorf("%d clients counted as dropped, want 1", n)
	}
}

// A client that asks for more than it reads is given up when no write has made progress for a while, although nothing
// is broadcast.
func TestClientThatDoesNotReadItsReplies(t *testing.T) {
	g := &gatekeeperDouble{}
	for i := range 20000 {
		g.calls = append(g.calls, &cdr.Record{Number: uint64(i), Dest: []cdr.Alias{{Value: strings.Repeat("9", 300)}}})
	}
	s := start(t, g, func(s *Server, _ *Settings) { s.writeTime = 100 * time.Millisecond })
	u := connect(t, s)
	u.send("c\r\nc\r\n")
	eventually(t, "the client is gone", func() bool { return s.clientCount() == 0 })
	if n := s.Dropped(); n != 0 {
		t.Errorf("%d clients counted as slow; the queue was never full", n)
	}
}

// A reply larger than MaxSocketQueue reaches a client that reads, as one piece.
func TestLargeReplyIsNotInterruptedByEvents(t *testing.T) {
	g := &gatekeeperDouble{}
	for i := range 2000 {
		g.calls = append(g.calls, &cdr.Record{Number: uint64(i)})
	}
	s := start(t, g, func(_ *Server, set *Settings) { set.MaxQueue = 64 << 10 })
	u := connect(t, s)
	u.send("c\r\n")
	u.expect("CurrentCalls")
	for range 100 {
		s.Broadcast(1, []byte("CDR|event;"))
	}
	for {
		switch got := u.line(); got {
		case "CDR|event;":
			t.Fatal("an event inside the list")
		case ";":
			for range 100 {
				u.expect("CDR|event;")
			}
			return
		}
	}
}

func TestClientLimit(t *testing.T) {
	s := start(t, &gatekeeperDouble{}, nil)
	var users []*user
	for range 20 {
		users = append(users, connect(t, s))
	}
	got, err := io.ReadAll(dial(t, s).r)
	if err != nil || string(got) != negotiation+refusal {
		t.Fatalf("the 21st client got %q, %v", got, err)
	}
	users[3].send("exit\r\n")
	users[3].expectEnd()
	eventually(t, "a place is free", func() bool { return s.clientCount() == 19 })
	again := connect(t, s)
	again.send("trace\r\n")
	again.expect("Output trace level is 2")
}

func TestMegabyteWithoutNewline(t *testing.T) {
	u := connect(t, start(t, &gatekeeperDouble{}, nil))
	u.send(strings.Repeat("x", 1<<20))
	u.expect("Error: Command line too long")
	u.send("\r\ntrace\r\n")
	u.expect("Output trace level is 2")
}

func TestWaysToLeave(t *testing.T) {
	for name, input := range map[string]string{
		"exit": "exit\r\n", "quit": "QUIT\n", "Ctrl-C": "hel\x03", "Ctrl-D": "\x04", "timing mark": "\xff\xfd\x06",
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, &gatekeeperDouble{}, nil)
			u := connect(t, s)
			u.send(input)
			u.expectEnd()
			eventually(t, "the client is gone", func() bool { return s.clientCount() == 0 })
		})
	}
}

func TestEchoAndAnswersOverTheWire(t *testing.T) {
	u := connect(t, start(t, &gatekeeperDouble{}, nil))
	u.send("\xff\xfc\x01\xff\xfd\x18tracx\be\r\n")
	want := "\xff\xfc\x18tracx\b \be\r\nOutput trace level is 2\r\n"
	got := make([]byte, len(want))
	if _, err := io.ReadFull(u.r, got); err != nil || string(got) != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}

func TestCloseDeliversWhatIsQueued(t *testing.T) {
	g := &gatekeeperDouble{}
	s := start(t, g, nil)
	reading, idle := connect(t, s), connect(t, s)
	for i := range 1000 {
		s.CDR(fmt.Appendf(nil, "CDR|%d;", i))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for i := range 1000 {
		reading.expect(fmt.Sprintf("CDR|%d;", i))
	}
	reading.expectEnd()
	if _, err := net.Dial("tcp", idle.conn.RemoteAddr().String()); err == nil {
		t.Error("the port is still open")
	}
	s.CDR([]byte("nobody is there")) // must not fail
}

func TestCloseDoesNotWaitForAClientThatDoesNotRead(t *testing.T) {
	s := start(t, &gatekeeperDouble{}, func(s *Server, set *Settings) {
		s.drainTime = 50 * time.Millisecond
		set.MaxQueue = 64 << 20
	})
	connect(t, s)
	text := bytes.Repeat([]byte("x"), 100_000)
	for range 200 {
		s.Broadcast(0, text)
	}
	begin := time.Now()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("Close took %v", took)
	}
}

func TestPortInUse(t *testing.T) {
	s := start(t, &gatekeeperDouble{}, nil)
	used := s.Addrs()[0]
	second, err := New(Options{
		Addresses: []netip.AddrPort{netip.MustParseAddrPort("[::1]:0"), used}, Log: zap.NewNop(),
	}, Settings{})
	if err != nil {
		t.Fatal(err)
	}
	err = second.Listen()
	want := fmt.Sprintf("statusport: listening on %s (StatusPort): ", used)
	if err == nil || !strings.HasPrefix(err.Error(), want) || !strings.Contains(err.Error(), "in use") {
		t.Errorf("got %v, want %s... in use", err, want)
	}
	if len(second.Addrs()) != 0 {
		t.Error("the first address stays open")
	}
}

// Clients come and go while many goroutines broadcast; it is the race detector's business.
func TestManyAtOnce(t *testing.T) {
	s := start(t, &gatekeeperDouble{}, func(_ *Server, set *Settings) { set.MaxQueue = 64 << 10 })
	stop := make(chan struct{})
	var senders, users sync.WaitGroup
	for range 4 {
		senders.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					s.Broadcast(1, []byte("CDR|event;"))
				}
			}
		})
	}
	for range 8 {
		users.Go(func() {
			for range 5 {
				conn, err := net.Dial("tcp", s.Addrs()[0].String())
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.WriteString(conn, "who\r\ntrace 1\r\nyell hi\r\n")
				_, _ = io.CopyN(io.Discard, conn, 4096)
				_ = conn.Close()
			}
		})
	}
	users.Wait()
	close(stop)
	senders.Wait()
	eventually(t, "all are gone", func() bool { return s.clientCount() == 0 })
}

func BenchmarkBroadcast(b *testing.B) {
	text := []byte("CDR|7|1f 0a 33 5c 90 be 4e 11 a2 07 00 1c 42 6d 10 9e|95|Thu, 01 Jan 2026 01:00:05 +01:00|" +
		"Thu, 01 Jan 2026 01:01:40 +01:00|198.51.100.10:41022|2001_endp|198.51.100.20:1720|2002_endp|4930555:dialedDigits|anna:h323_ID|gk;")
	for _, clients := range []int{0, 5} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			s := start(b, &gatekeeperDouble{}, func(_ *Server, set *Settings) { set.MaxQueue = 1 << 30 })
			var readers sync.WaitGroup
			for range clients {
				u := connect(b, s)
				_ = u.conn.SetDeadline(time.Time{})
				readers.Go(func() { _, _ = io.Copy(io.Discard, u.conn) })
			}
			b.ReportAllocs()
			for b.Loop() {
				s.Broadcast(1, text)
			}
			b.StopTimer()
			_ = s.Close()
			readers.Wait()
		})
	}
}
