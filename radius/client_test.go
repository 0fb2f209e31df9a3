package radius

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
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

func TestNoServer(t *testing.T) {
	if err := exchange1(t, startClient(t, testConfig())); err == nil {
		t.Error("a client without servers has delivered a record")
	}
}
