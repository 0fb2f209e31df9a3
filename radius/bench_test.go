package radius

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	layeh "layeh.com/radius"
	"layeh.com/radius/rfc2865"

	"tollgate/radius/cisco"
)

// echo is a server that answers as fast as one goroutine can.
func echo(b *testing.B) Server {
	b.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		b.Fatal(err)
	}
	_ = conn.SetReadBuffer(4 << 20)
	var done sync.WaitGroup
	done.Go(func() {
		buf := make([]byte, maxPacket)
		for {
			n, from, err := conn.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			_, _ = conn.WriteToUDPAddrPort(reply(buf[:n], layeh.CodeAccountingResponse, nil), from)
		}
	})
	b.Cleanup(func() { conn.Close(); done.Wait() })
	return Server{Host: "127.0.0.1", AcctPort: uint16(conn.LocalAddr().(*net.UDPAddr).Port), Secret: testSecret}
}

// benchRequest has 16 attributes, of which 7 are Cisco's, in 411 octets.
func benchRequest() Request {
	req := request()
	for range 6 {
		req.Attributes.Text(rfc2865.CallingStationID_Type, "4930123456789")
	}
	for range 7 {
		req.Attributes.Vendor(cisco.VendorID, cisco.AVPair, []byte("h323-ivr-out=h323-call-id:BBD64353 26884"))
	}
	return req
}

// One request after the other: the time is the round trip, the server's half included.
func BenchmarkExchange(b *testing.B) {
	config := testConfig(echo(b))
	config.Timeout = 2 * time.Second
	c := startClient(b, config)
	req := benchRequest()
	b.ReportAllocs()
	for b.Loop() {
		if err := c.Exchange(context.Background(), req); err != nil {
			b.Fatal(err)
		}
	}
}

// 64 at once: the time is the cost of a request, the server's half included.
func BenchmarkExchangeParallel(b *testing.B) {
	config := testConfig(echo(b))
	config.Timeout = 2 * time.Second
	c := startClient(b, config)
	b.ReportAllocs()
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		req := benchRequest()
		for pb.Next() {
			if err := c.Exchange(context.Background(), req); err != nil {
				b.Error(err)
			}
		}
	})
	b.StopTimer()
	if stats := c.Stats().Servers[0]; stats.Retransmissions > 0 {
		b.Logf("%d retransmissions", stats.Retransmissions)
	}
}

func BenchmarkAppendRequest(b *testing.B) {
	req := benchRequest()
	buf := make([]byte, 0, 2*maxPacket)
	b.ReportAllocs()
	for b.Loop() {
		buf = appendRequest(buf, 1, req.Attributes.Wire(), 3, []byte(testSecret))
	}
}
