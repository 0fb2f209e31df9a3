package radius

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	layeh "layeh.com/radius"
	"layeh.com/radius/rfc2866"
	"layeh.com/radius/rfc3576"
)

func TestExchangeSendsAnAuthenticRequest(t *testing.T) {
	f := newFake(t, accept)
	c := startClient(t, testConfig(f.server()))
	req := request()
	req.Time = time.Now().Add(-90 * time.Second)
	if err := c.Exchange(context.Background(), req); err != nil {
		t.Fatal(err)
	}
	packet := f.packets()[0]
	if !layeh.IsAuthenticRequest(packet, []byte(testSecret)) {
		t.Error("the Request Authenticator is wrong")
	}
	p, err := layeh.Parse(packet, []byte(testSecret))
	if err != nil {
		t.Fatal(err)
	}
	if p.Code != layeh.CodeAccountingRequest || rfc2866.AcctSessionID_GetString(p) != "6b023a0500000001" {
		t.Errorf("sent %v", p)
	}
	if d := delay(t, packet); d < 90 || d > 92 {
		t.Errorf("Acct-Delay-Time is %d, want 90", d)
	}
	stats := c.Stats().Servers[0]
	if stats.Requests != 1 || stats.Responses != 1 || stats.Retransmissions+stats.Timeouts+stats.Rejections != 0 || stats.Pending != 0 {
		t.Errorf("%+v", stats)
	}
}

func TestRetransmissionsAreTheSameOctets(t *testing.T) {
	f := newFake(t, func(n int, packet []byte, send func([]byte)) {
		if n == 2 {
			accept(n, packet, send)
		}
	})
	c := startClient(t, testConfig(f.server()))
	req := request()
	req.Time = time.Now().Add(-900 * time.Millisecond) // one second is over before the second transmission
	if err := c.Exchange(context.Background(), req); err != nil {
		t.Fatal(err)
	}
	got := f.packets()
	if from := f.sources(); len(got) != 2 || !bytes.Equal(got[0], got[1]) || from[0] != from[1] {
		t.Errorf("%d packets, from %v:\n%x", len(got), from, got)
	}
}

// The order of transmissions is GnuGk's table; every server gets its own identifier and delay, but the same one each
// time.
func TestOrderOfServers(t *testing.T) {
	for _, test := range []struct {
		name       string
		roundRobin bool
		want       string
	}{
		{"round robin", true, "1 2 1 2"},
		{"one after the other", false, "1 1 2 2"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var mu sync.Mutex
			var order []string
			note := func(name string) func(int, []byte, func([]byte)) {
				return func(int, []byte, func([]byte)) {
					mu.Lock()
					defer mu.Unlock()
					order = append(order, name)
				}
			}
			one, two := newFake(t, note("1")), newFake(t, note("2"))
			config := testConfig(one.server(), two.server())
			config.RoundRobin = test.roundRobin
			err := exchange1(t, startClient(t, config))
			if err == nil {
				t.Fatal("two silent servers accepted")
			}
			mu.Lock()
			defer mu.Unlock()
			if got := strings.Join(order, " "); got != test.want {
				t.Errorf("order %s, want %s", got, test.want)
			}
			for _, f := range []*fake{one, two} {
				if got := f.packets(); !bytes.Equal(got[0], got[1]) {
					t.Errorf("a server got two different packets")
				}
				if !strings.Contains(err.Error(), f.server().Address()+": no answer to 2 requests in ") {
					t.Errorf("error %q", err)
				}
			}
		})
	}
}

func TestNextServerGetsItsOwnDelay(t *testing.T) {
	one, two := newFake(t, silence), newFake(t, accept)
	config := testConfig(one.server(), two.server())
	config.Timeout = 300 * time.Millisecond
	c := startClient(t, config)
	req := request()
	req.Time = time.Now().Add(-4800 * time.Millisecond)
	if err := c.Exchange(context.Background(), req); err != nil {
		t.Fatal(err)
	}
	if a, b := delay(t, one.packets()[0]), delay(t, two.packets()[0]); a != 4 || b != 5 {
		t.Errorf("Acct-Delay-Time is %d and %d, want 4 and 5", a, b)
	}
}

func TestAnswerToAnEarlierTurnCounts(t *testing.T) {
	late := newFake(t, func(_ int, packet []byte, send func([]byte)) {
		time.Sleep(200 * time.Millisecond) // into the second server's turn
		send(reply(packet, layeh.CodeAccountingResponse, nil))
	})
	silent := newFake(t, silence)
	if err := exchange1(t, startClient(t, testConfig(late.server(), silent.server()))); err != nil {
		t.Fatal(err)
	}
	if n := len(late.packets()); n != 1 {
		t.Errorf("the late server was asked %d times", n)
	}
}

func TestRefusals(t *testing.T) {
	cause := []byte{byte(rfc3576.ErrorCause_Type), 6, 0, 0, 1, 0x96}
	for _, test := range []struct {
		name string
		code layeh.Code
		attr []byte
		want string
	}{
		{"Error-Cause", layeh.CodeAccountingResponse, cause, "answered Accounting-Response with Error-Cause 406 (Unsupported-Extension)"},
		{"Protocol-Error", codeProtocolError, nil, "answered Protocol-Error"},
		{"Protocol-Error with cause", codeProtocolError, cause, "answered Protocol-Error with Error-Cause 406 (Unsupported-Extension)"},
		{"malformed Error-Cause", layeh.CodeAccountingResponse, []byte{101, 3, 1}, "answered Accounting-Response"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newFake(t, func(_ int, packet []byte, send func([]byte)) { send(reply(packet, test.code, test.attr)) })
			c := startClient(t, testConfig(f.server()))
			err := exchange1(t, c)
			if err == nil || err.Error() != f.server().Address()+": "+test.want {
				t.Errorf("error %v, want %q", err, test.want)
			}
			if n := len(f.packets()); n != 1 {
				t.Errorf("the server was asked %d times after its refusal", n)
			}
			second := newFake(t, accept)
			if err := exchange1(t, startClient(t, testConfig(f.server(), second.server()))); err != nil {
				t.Errorf("the second server accepts, and yet: %v", err)
			}
		})
	}
}

// Whatever does not authenticate, or is no answer, is counted, and waiting goes on for the true answer.
func TestForgedAnswersDoNotEndTheExchange(t *testing.T) {
	for _, test := range []struct {
		name  string
		forge func(answer []byte) []byte
		count func(ServerStats) uint64
	}{
		{"wrong authenticator", func(b []byte) []byte { b[10] ^= 1; return b }, bad},
		{"other identifier", func(b []byte) []byte { b[1]++; return b }, bad},
		{"unsigned Error-Cause", func(b []byte) []byte { b[3] += 6; return append(b, 101, 6, 0, 0, 1, 0x96) }, bad},
		{"empty", func([]byte) []byte { return nil }, malformed},
		{"truncated", func(b []byte) []byte { return b[:19] }, malformed},
		{"length beyond the datagram", func(b []byte) []byte { b[3] = 200; return b }, malformed},
		{"length below the header", func(b []byte) []byte { b[3] = 19; return b }, malformed},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newFake(t, func(_ int, packet []byte, send func([]byte)) {
				send(test.forge(reply(packet, layeh.CodeAccountingResponse, nil)))
				send(reply(packet, layeh.CodeAccountingResponse, nil))
			})
			c := startClient(t, testConfig(f.server()))
			if err := exchange1(t, c); err != nil {
				t.Fatal(err)
			}
			if stats := c.Stats().Servers[0]; test.count(stats) != 1 || stats.Responses != 1 {
				t.Errorf("%+v", stats)
			}
		})
	}
}

func bad(s ServerStats) uint64       { return s.BadAuthenticators }
func malformed(s ServerStats) uint64 { return s.Malformed }

func TestAuthenticPacketsThatAreNoAnswer(t *testing.T) {
	f := newFake(t, func(_ int, packet []byte, send func([]byte)) {
		send(reply(packet, layeh.CodeAccessReject, nil))
		send(reply(packet, layeh.CodeAccountingResponse, []byte{26, 9, 1})) // an attribute longer than the packet
		send(append(reply(packet, layeh.CodeAccountingResponse, nil), "padding"...))
	})
	c := startClient(t, testConfig(f.server()))
	if err := exchange1(t, c); err != nil {
		t.Fatal(err)
	}
	if stats := c.Stats().Servers[0]; stats.Malformed != 2 {
		t.Errorf("%+v", stats)
	}
}

func TestDuplicateAndLateAnswersReachNobody(t *testing.T) {
	f := newFake(t, func(_ int, packet []byte, send func([]byte)) {
		for range 3 {
			send(reply(packet, layeh.CodeAccountingResponse, nil))
		}
	})
	c := startClient(t, testConfig(f.server()))
	for range 5 {
		if err := exchange1(t, c); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "ten duplicates", func() bool { return c.Stats().Servers[0].Late == 10 })
	if got := c.Stats().Servers[0].Responses; got != 5 {
		t.Errorf("%d responses, want 5", got)
	}
}

// The identifier of a request without an answer rests: a late answer to it must not meet a new request.
func TestIdentifiersRestAfterTimeout(t *testing.T) {
	var held [][]byte
	release := make(chan struct{})
	f := newFake(t, func(n int, packet []byte, send func([]byte)) {
		if n == 1 {
			held = append(held, reply(packet, layeh.CodeAccountingResponse, nil))
			return
		}
		if n == 300 {
			send(held[0]) // long after its exchange has ended
			close(release)
		}
		accept(n, packet, send)
	})
	config := testConfig(f.server())
	config.Transmissions = 1
	config.Quarantine = time.Minute
	c := startClient(t, config)
	if err := exchange1(t, c); err == nil {
		t.Fatal("no answer, and yet accepted")
	}
	for range 299 {
		if err := exchange1(t, c); err != nil {
			t.Fatal(err)
		}
	}
	<-release
	first, from := f.packets()[0][1], f.sources()
	for i, packet := range f.packets()[1:] {
		if packet[1] == first && from[i+1] == from[0] {
			t.Fatalf("request %d has the identifier that rests", i+2)
		}
	}
	eventually(t, "the late answer", func() bool { return c.Stats().Servers[0].Late == 1 })
}

func TestIdentifiersAreReusedLeastRecentlyUsedFirst(t *testing.T) {
	f := newFake(t, accept)
	c := startClient(t, testConfig(f.server()))
	for range 2 * identifiers {
		if err := exchange1(t, c); err != nil {
			t.Fatal(err)
		}
	}
	got := f.packets()
	for i := range identifiers {
		if got[i][1] != got[i+identifiers][1] {
			t.Fatalf("request %d has identifier %d, request %d has %d", i, got[i][1], i+identifiers, got[i+identifiers][1])
		}
	}
}

func TestExtraSocketsOpenAndClose(t *testing.T) {
	f := newFake(t, silence)
	config := testConfig(f.server())
	config.Transmissions, config.Timeout = 1, 5*time.Millisecond
	config.Window = 256
	config.Quarantine, config.IdleSocket = 400*time.Millisecond, 40*time.Millisecond
	c := startClient(t, config)
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() {
			for range 8 {
				_ = c.Exchange(context.Background(), request())
			}
		})
	}
	all.Wait()
	if n := c.Stats().Servers[0].Sockets; n < 2 {
		t.Fatalf("%d sockets for 512 unanswered requests", n)
	}
	eventually(t, "extra sockets closed", func() bool { return c.Stats().Servers[0].Sockets == 1 })
}

func TestTooManyUnansweredRequestsAreAnError(t *testing.T) {
	f := newFake(t, silence)
	config := testConfig(f.server())
	config.Transmissions, config.Timeout = 1, time.Millisecond
	config.Window, config.Quarantine = 256, time.Minute
	c := startClient(t, config)
	var exhausted atomic.Bool
	var all sync.WaitGroup
	for range 128 {
		all.Go(func() {
			for range maxSockets*identifiers/128 + 2 {
				err := c.Exchange(context.Background(), request())
				if strings.Contains(err.Error(), "all identifiers are in use or at rest") {
					exhausted.Store(true)
				}
			}
		})
	}
	all.Wait()
	if stats := c.Stats().Servers[0]; !exhausted.Load() || stats.Sockets != maxSockets {
		t.Errorf("%+v", stats)
	}
}

func TestWindowBoundsWhatIsInFlight(t *testing.T) {
	var inFlight, most atomic.Int64
	var answers sync.WaitGroup
	defer answers.Wait()
	f := newFake(t, func(_ int, packet []byte, send func([]byte)) {
		most.Store(max(most.Load(), inFlight.Add(1)))
		answers.Go(func() {
			time.Sleep(2 * time.Millisecond)
			inFlight.Add(-1)
			send(reply(packet, layeh.CodeAccountingResponse, nil))
		})
	})
	config := testConfig(f.server())
	config.Window, config.Timeout = 8, 2*time.Second
	c := startClient(t, config)
	var all sync.WaitGroup
	for range 200 {
		all.Go(func() {
			if err := c.Exchange(context.Background(), request()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	f.stop() // no answer is begun any more
	if most.Load() > 8 || most.Load() < 2 {
		t.Errorf("%d requests were in flight at once, want at most 8", most.Load())
	}
}

func TestFullWindowEndsTheTurn(t *testing.T) {
	f, second := newFake(t, silence), newFake(t, accept)
	config := testConfig(f.server(), second.server())
	config.Window, config.RoundRobin = 1, false
	config.Timeout = 200 * time.Millisecond
	c := startClient(t, config)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if err := c.Exchange(context.Background(), request()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

func TestContextEndsTheExchangeAtOnce(t *testing.T) {
	f := newFake(t, silence)
	config := testConfig(f.server())
	config.Timeout, config.Quarantine = time.Minute, time.Minute
	c := startClient(t, config)
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	err := c.Exchange(ctx, request())
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "no answer to 1 request in") {
		t.Errorf("error %v", err)
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("it took %v", took)
	}
	sock := c.servers[0].sockets[0]
	if sock.resting.n != 1 || sock.free.n != identifiers-1 {
		t.Errorf("%d identifiers rest, %d are free", sock.resting.n, sock.free.n)
	}
	done, cancelled := context.WithCancel(context.Background())
	cancelled()
	if err := c.Exchange(done, request()); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that had ended before: %v", err)
	}
	if n := len(f.packets()); n != 1 {
		t.Errorf("%d packets were sent", n)
	}
}

func TestCloseEndsExchanges(t *testing.T) {
	f := newFake(t, silence)
	config := testConfig(f.server())
	config.Timeout = time.Minute
	c := startClient(t, config)
	result := make(chan error, 1)
	var all sync.WaitGroup
	all.Go(func() { result <- c.Exchange(context.Background(), request()) })
	eventually(t, "a request", func() bool { return len(f.packets()) == 1 })
	c.Close()
	all.Wait()
	if err := <-result; !errors.Is(err, ErrClosed) {
		t.Errorf("error %v", err)
	}
	if err := exchange1(t, c); err == nil {
		t.Error("a closed client has delivered a record")
	}
}

func TestSourceAddressAndPorts(t *testing.T) {
	f := newFake(t, accept)
	config := testConfig(f.server())
	config.Local = netip.MustParseAddr("127.0.0.2")
	config.Ports = PortRange{20000 + uint16(time.Now().UnixNano()%8000), 29999}
	c := startClient(t, config)
	if err := exchange1(t, c); err != nil {
		t.Fatal(err)
	}
	from := f.sources()[0]
	if from.Addr() != config.Local || from.Port() < config.Ports.Low || from.Port() > config.Ports.High {
		t.Errorf("sent from %v", from)
	}
	config.Local = netip.MustParseAddr("192.0.2.1")
	foreign := New(config)
	defer foreign.Close()
	if err := foreign.Start(); err == nil {
		t.Error("a source address that is not of this host was accepted")
	}
}

func TestNoFreePortIsAnError(t *testing.T) {
	f := newFake(t, accept)
	taken, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := uint16(taken.LocalAddr().(*net.UDPAddr).Port)
	config := testConfig(f.server())
	config.Local = netip.MustParseAddr("127.0.0.1")
	config.Ports = PortRange{port, port}
	if err := exchange1(t, startClient(t, config)); err == nil || !strings.Contains(err.Error(), "no port of") {
		t.Errorf("error %v", err)
	}
}

func TestNamesAreResolvedOffTheHotPath(t *testing.T) {
	f := newFake(t, accept)
	server := f.server()
	server.Host = "radius.example.net"
	config := testConfig(server)
	var lookups atomic.Int64
	config.Lookup = func(context.Context, string) ([]netip.Addr, error) {
		lookups.Add(1)
		return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
	}
	c := startClient(t, config)
	for range 20 {
		if err := exchange1(t, c); err != nil {
			t.Fatal(err)
		}
	}
	if n := lookups.Load(); n > 2 { // one at the start, one of the refreshing goroutine
		t.Errorf("%d look-ups for 20 requests", n)
	}
	config.Lookup = func(context.Context, string) ([]netip.Addr, error) { return nil, errors.New("no such host") }
	if err := exchange1(t, startClient(t, config)); err == nil || !strings.Contains(err.Error(), "no such host") {
		t.Errorf("error %v", err)
	}
}

func TestAddressChange(t *testing.T) {
	one, two := netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.0.0.9")
	answer := []netip.Addr{one}
	config := testConfig(Server{Host: "radius.example.net", AcctPort: 1813, Secret: testSecret})
	config.Lookup = func(context.Context, string) ([]netip.Addr, error) { return slices.Clone(answer), nil }
	c := New(config)
	defer c.Close()
	s := c.servers[0]
	for _, step := range []struct {
		found []netip.Addr
		want  netip.Addr
	}{{[]netip.Addr{one}, one}, {[]netip.Addr{two, one}, one}, {[]netip.Addr{two}, two}} {
		answer = step.found
		s.resolve(context.Background())
		if s.addr.Addr() != step.want {
			t.Errorf("found %v, uses %v, want %v", step.found, s.addr.Addr(), step.want)
		}
	}
}

func TestNoServer(t *testing.T) {
	if err := exchange1(t, startClient(t, testConfig())); err == nil {
		t.Error("a client without servers has delivered a record")
	}
}
