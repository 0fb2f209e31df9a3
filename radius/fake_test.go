package radius

import (
	"context"
	"crypto/md5"
	"errors"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	layeh "layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"
)

const testSecret = "a secret for tests"

// fake is a server in the process for what a real one does not do: silence, forged and repeated answers. It keeps
// every packet that it got.
type fake struct {
	t      testing.TB
	conn   *net.UDPConn
	answer func(n int, packet []byte, send func([]byte)) // n counts from 1

	mu   sync.Mutex
	got  [][]byte
	from []netip.AddrPort
	done sync.WaitGroup
}

func newFake(t testing.TB, answer func(n int, packet []byte, send func([]byte))) *fake {
	t.Helper()
	return listen(t, Server{Host: "127.0.0.1"}, answer)
}

// listen is newFake on a given port.
func listen(t testing.TB, server Server, answer func(n int, packet []byte, send func([]byte))) *fake {
	t.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(server.Host), Port: int(server.AcctPort)})
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadBuffer(socketBuffer)
	f := &fake{t: t, conn: conn, answer: answer}
	f.done.Go(f.serve)
	t.Cleanup(f.stop)
	return f
}

func (f *fake) stop() {
	f.conn.Close()
	f.done.Wait()
}

func (f *fake) serve() {
	buf := make([]byte, maxPacket)
	for {
		n, from, err := f.conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		packet := append([]byte(nil), buf[:n]...)
		f.mu.Lock()
		f.got = append(f.got, packet)
		f.from = append(f.from, from)
		count := len(f.got)
		f.mu.Unlock()
		f.answer(count, packet, func(b []byte) { f.conn.WriteToUDPAddrPort(b, from) })
	}
}

func (f *fake) packets() [][]byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([][]byte(nil), f.got...)
}

func (f *fake) sources() []netip.AddrPort {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]netip.AddrPort(nil), f.from...)
}

func (f *fake) server() Server {
	return Server{Host: "127.0.0.1", AcctPort: uint16(f.conn.LocalAddr().(*net.UDPAddr).Port), Secret: testSecret}
}

// accept answers everything as it should be.
func accept(_ int, packet []byte, send func([]byte)) {
	send(reply(packet, layeh.CodeAccountingResponse, nil))
}

// silence answers nothing.
func silence(int, []byte, func([]byte)) {}

// reply is an authentic answer. It is computed here by hand, so that the client is not tested against itself.
func reply(request []byte, code layeh.Code, attributes []byte) []byte {
	length := 20 + len(attributes)
	b := append([]byte{byte(code), request[1], byte(length >> 8), byte(length)}, request[4:20]...)
	b = append(b, attributes...)
	sum := md5.Sum(append(append([]byte(nil), b...), testSecret...))
	copy(b[4:20], sum[:])
	return b
}

// testConfig is quick: 150 ms for each of two transmissions.
func testConfig(servers ...Server) Config {
	return Config{
		Servers: servers, Timeout: 150 * time.Millisecond, Transmissions: 2, RoundRobin: true,
		Quarantine: time.Second, IdleSocket: time.Minute, Window: 64,
	}
}

func startClient(t testing.TB, config Config) *Client {
	t.Helper()
	c := New(config)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// request is a small start record.
func request() Request {
	a := new(Attributes)
	a.Integer(rfc2866.AcctStatusType_Type, uint32(rfc2866.AcctStatusType_Value_Start))
	a.Text(rfc2866.AcctSessionID_Type, "6b023a0500000001")
	a.Text(rfc2865.UserName_Type, "alice")
	return Request{Attributes: a, Time: time.Now()}
}

func exchange1(t testing.TB, c *Client) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err := c.Exchange(ctx, request())
	if errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("the exchange hung: %v", err)
	}
	return err
}

// eventually polls until the condition holds.
func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); !condition(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 5 s", what)
		}
	}
}

// delay is Acct-Delay-Time of a packet; -1 without one.
func delay(t testing.TB, packet []byte) int {
	t.Helper()
	p, err := layeh.Parse(packet, []byte(testSecret))
	if err != nil {
		t.Fatal(err)
	}
	value, err := rfc2866.AcctDelayTime_Lookup(p)
	if err != nil {
		return -1
	}
	return int(value)
}
