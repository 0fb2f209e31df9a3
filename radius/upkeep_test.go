package radius

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
)

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
	if n := lookups.Load(); n != 1 {
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
