package radius

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	layeh "layeh.com/radius"
)

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
