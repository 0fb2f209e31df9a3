package radius

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"tollgate/test/peer"
)

func refusing(t testing.TB) Server {
	t.Helper()
	return Server{Host: peer.Loopback, AcctPort: uint16(peer.FreePort(t, "udp")), Secret: testSecret}
}

func TestSuspectServerComesLast(t *testing.T) {
	silent, second := newFake(t, silence), newFake(t, accept)
	c := startClient(t, testConfig(silent.server(), second.server()))
	for range 10 {
		if err := exchange1(t, c); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(silent.packets()); n != suspectAfter {
		t.Errorf("the silent server got %d requests, want %d", n, suspectAfter)
	}
	if stats := c.Stats().Servers; !stats[0].Suspect || stats[1].Suspect {
		t.Errorf("%+v", stats)
	}
}

func TestSuspectServerGetsATrialAndComesBack(t *testing.T) {
	var up sync.Mutex
	answers := false
	first := newFake(t, func(n int, packet []byte, send func([]byte)) {
		up.Lock()
		defer up.Unlock()
		if answers {
			accept(n, packet, send)
		}
	})
	second := newFake(t, accept)
	config := testConfig(first.server(), second.server())
	config.Timeout, config.Trial = 20*time.Millisecond, 50*time.Millisecond
	c := startClient(t, config)
	for range suspectAfter {
		if err := exchange1(t, c); err != nil {
			t.Fatal(err)
		}
	}
	up.Lock()
	answers = true
	up.Unlock()
	eventually(t, "the first server is healthy", func() bool {
		return exchange1(t, c) == nil && !c.Stats().Servers[0].Suspect
	})
	before := len(second.packets())
	if err := exchange1(t, c); err != nil || len(second.packets()) != before {
		t.Errorf("the healthy first server was passed over: %v", err)
	}
}

// A server that never answers some requests is not suspect while it answers others.
func TestUnansweredClassOfRequests(t *testing.T) {
	f := newFake(t, func(n int, packet []byte, send func([]byte)) {
		if n%4 == 0 {
			accept(n, packet, send)
		}
	})
	config := testConfig(f.server())
	config.Transmissions, config.Timeout = 1, 10*time.Millisecond
	c := startClient(t, config)
	for range 2 {
		for range suspectAfter - 1 {
			_ = exchange1(t, c)
		}
		if c.Stats().Servers[0].Suspect {
			t.Fatal("suspect too early")
		}
		for exchange1(t, c) != nil {
		}
	}
	if c.Stats().Servers[0].Suspect {
		t.Error("suspect although it answers")
	}
}

func TestRefusingServerCostsNoTime(t *testing.T) {
	dead, second := refusing(t), newFake(t, accept)
	config := testConfig(dead, second.server())
	config.Timeout = 5 * time.Second
	c := startClient(t, config)
	began := time.Now()
	for range 5 {
		if err := exchange1(t, c); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("failover from a refusing server took %v", took)
	}
	if stats := c.Stats().Servers[0]; !stats.Suspect || stats.Refused == 0 || stats.Requests != 1 {
		t.Errorf("%+v", stats)
	}
}

func TestOnlyServerRefuses(t *testing.T) {
	dead := refusing(t)
	config := testConfig(dead)
	config.Timeout = time.Second
	c := startClient(t, config)
	began := time.Now()
	err := exchange1(t, c)
	if err == nil || err.Error() != dead.Address()+": connection refused" {
		t.Errorf("error %v", err)
	}
	if took := time.Since(began); took < time.Second || took > 1900*time.Millisecond {
		t.Errorf("it took %v: the second transmission goes out after a second and its refusal ends the exchange", took)
	}
	if stats := c.Stats().Servers[0]; stats.Requests != 1 || stats.Retransmissions != 1 {
		t.Errorf("%+v", stats)
	}
}

func TestAllServersRefuse(t *testing.T) {
	one, two := refusing(t), refusing(t)
	c := startClient(t, testConfig(one, two))
	err := exchange1(t, c)
	if err == nil || strings.Count(err.Error(), "connection refused") != 2 {
		t.Errorf("error %v", err)
	}
	for _, stats := range c.Stats().Servers {
		if stats.Requests+stats.Retransmissions != 2 {
			t.Errorf("%+v", stats)
		}
	}
}

// A server that is started between two transmissions gets the second one.
func TestRefusingServerIsStartedInBetween(t *testing.T) {
	f := newFake(t, accept)
	server := f.server()
	f.stop()
	config := testConfig(server)
	config.Timeout = time.Second
	c := startClient(t, config)
	result := make(chan error, 1)
	var all sync.WaitGroup
	all.Go(func() { result <- c.Exchange(context.Background(), request()) })
	eventually(t, "a refusal", func() bool { return c.Stats().Servers[0].Refused > 0 })
	again := listen(t, server, accept)
	all.Wait()
	if err := <-result; err != nil || len(again.packets()) != 1 {
		t.Errorf("%d packets, error %v", len(again.packets()), err)
	}
}

func TestManyExchangesOverARefusingServer(t *testing.T) {
	dead, second := refusing(t), newFake(t, accept)
	c := startClient(t, testConfig(dead, second.server()))
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			for range 20 {
				if err := c.Exchange(context.Background(), request()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}
