package peer

import (
	"net"
	"net/netip"
	"sync"
	"testing"
)

// Loopback is the address on which every peer listens.
const Loopback = "127.0.0.1"

// handedOut remembers the ports that this process gave away: two programs that start at the same time must not get
// the same one, although neither has bound it yet.
var handedOut struct {
	sync.Mutex
	ports map[uint16]bool
}

// FreePort is a port of 127.0.0.1 that nothing is bound to, for network "udp" or "tcp". The port is not held: it is
// free for the program that the test starts next, and this process gives it out only once.
func FreePort(t testing.TB, network string) int {
	t.Helper()
	for range 100 {
		port, err := unboundPort(network)
		if err != nil {
			t.Fatalf("finding a free %s port: %v", network, err)
		}
		if take(port) {
			return int(port)
		}
	}
	t.Fatalf("finding a free %s port: 100 ports tried, all given out before", network)
	return 0
}

func take(port uint16) bool {
	handedOut.Lock()
	defer handedOut.Unlock()
	if handedOut.ports[port] {
		return false
	}
	if handedOut.ports == nil {
		handedOut.ports = make(map[uint16]bool)
	}
	handedOut.ports[port] = true
	return true
}

// unboundPort lets the kernel choose a port and gives it back at once.
func unboundPort(network string) (uint16, error) {
	if network == "tcp" {
		l, err := net.Listen("tcp", Loopback+":0")
		if err != nil {
			return 0, err
		}
		defer l.Close()
		return addrPort(l.Addr())
	}
	c, err := net.ListenPacket(network, Loopback+":0")
	if err != nil {
		return 0, err
	}
	defer c.Close()
	return addrPort(c.LocalAddr())
}

func addrPort(a net.Addr) (uint16, error) {
	ap, err := netip.ParseAddrPort(a.String())
	return ap.Port(), err
}
