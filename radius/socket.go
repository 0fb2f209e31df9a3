package radius

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"time"
)

// identifiers is how many requests one source port can tell apart (RFC 2865 3: one octet).
const identifiers = 256

// socketBuffer is what the kernel holds for us in each direction, in octets.
const socketBuffer = 1 << 20

// socket is one source port, connected to one server. All fields but conn and remote belong to the server's mutex.
type socket struct {
	conn    *net.UDPConn
	remote  netip.AddrPort
	slots   [identifiers]slot
	free    ring[uint8]  // the identifier that was used longest ago is first
	resting ring[rested] // identifiers whose requests got no answer, in the order in which they come free
	pending int          // identifiers that are taken
	used    time.Time
}

// slot is what a socket knows of the last request with one identifier.
type slot struct {
	at            *attempt // nil: nobody waits
	authenticator [16]byte // stays when the attempt has ended, to know a late answer
}

type rested struct {
	id    uint8
	until time.Time
}

// dial opens a socket that is connected to the server, so that only its answers and the host's ICMP errors arrive.
func dial(local netip.Addr, ports PortRange, remote netip.AddrPort) (*socket, error) {
	conn, err := bind(local, ports, remote)
	if err != nil {
		return nil, err
	}
	_ = conn.SetReadBuffer(socketBuffer) // the kernel may grant less
	_ = conn.SetWriteBuffer(socketBuffer)
	s := &socket{conn: conn, remote: remote}
	for id := range identifiers {
		s.free.push(uint8(id))
	}
	return s, nil
}

// bind tries the ports of the range from a random one on.
func bind(local netip.Addr, ports PortRange, remote netip.AddrPort) (*net.UDPConn, error) {
	target := net.UDPAddrFromAddrPort(remote)
	if ports == (PortRange{}) {
		return net.DialUDP("udp", localAddr(local, 0), target)
	}
	size := int(ports.High-ports.Low) + 1
	start := rand.IntN(size)
	var err error
	for i := range size {
		port := int(ports.Low) + (start+i)%size
		var conn *net.UDPConn
		if conn, err = net.DialUDP("udp", localAddr(local, port), target); err == nil {
			return conn, nil
		}
	}
	return nil, fmt.Errorf("no port of %d-%d is free: %w", ports.Low, ports.High, err)
}

// localAddr is the source address; nil leaves it to the system.
func localAddr(addr netip.Addr, port int) *net.UDPAddr {
	if !addr.IsValid() && port == 0 {
		return nil
	}
	return &net.UDPAddr{IP: addr.AsSlice(), Zone: addr.Zone(), Port: port}
}

// take is the free identifier that was used longest ago.
func (s *socket) take(now time.Time) (id uint8, ok bool) {
	for s.resting.n > 0 && !s.resting.first().until.After(now) {
		s.free.push(s.resting.pop().id)
	}
	if s.free.n == 0 {
		return 0, false
	}
	s.pending++
	s.used = now
	return s.free.pop(), true
}

// put gives an identifier back, after a rest if its request got no answer.
func (s *socket) put(id uint8, now time.Time, rest time.Duration) {
	s.slots[id].at = nil
	s.pending--
	s.used = now
	if rest > 0 {
		s.resting.push(rested{id, now.Add(rest)})
	} else {
		s.free.push(id)
	}
}

// idle says that the socket can be closed without reusing an identifier too early: a new socket may get its port.
func (s *socket) idle(now time.Time, after, quarantine time.Duration) bool {
	return s.pending == 0 && now.Sub(s.used) >= max(after, quarantine)
}

// ring is a queue with room for one entry for each identifier.
type ring[T any] struct {
	items   [identifiers]T
	head, n int
}

func (r *ring[T]) first() T { return r.items[r.head] }

func (r *ring[T]) push(item T) {
	r.items[(r.head+r.n)%identifiers] = item
	r.n++
}

func (r *ring[T]) pop() T {
	item := r.items[r.head]
	r.head = (r.head + 1) % identifiers
	r.n--
	return item
}
