package peer

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"syscall"
	"testing"
)

// Loopback is the address on which every peer listens.
const Loopback = "127.0.0.1"

// The ports that peers get lie below the range from which Linux takes the source ports of outgoing connections
// (32768 and up), so that no client can sit on a port between its choice and its use.
const (
	firstPort = 12000
	lastPort  = 32000
)

// FreePort is a port of 127.0.0.1 that nothing is bound to, for network "udp" or "tcp". It is not held: the program
// that the test starts next takes it. It is chosen at random, so that test binaries running side by side do not
// meet.
func FreePort(t testing.TB, network string) int {
	t.Helper()
	port, err := FindPort(network)
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// FindPort is FreePort for a program that is no test.
func FindPort(network string) (int, error) {
	var err error
	for range 100 {
		port := firstPort + rand.IntN(lastPort-firstPort)
		if err = tryPort(network, port); err == nil {
			return port, nil
		}
	}
	return 0, fmt.Errorf("finding a free %s port: %w", network, err)
}

// tryPort binds the port and lets it go. The lock keeps it from a process that is just being started, which would have the
// socket for a moment after it was closed here.
func tryPort(network string, port int) error {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	addr := net.JoinHostPort(Loopback, strconv.Itoa(port))
	if network == "tcp" {
		l, err := net.Listen("tcp", addr)
		if err != nil {
			return err
		}
		return l.Close()
	}
	c, err := net.ListenPacket(network, addr)
	if err != nil {
		return err
	}
	return c.Close()
}
