package sip

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"syscall"

	"go.uber.org/zap"
	"golang.org/x/sys/unix"
)

// socketBuffer is asked of the kernel for each direction; it grants what net.core.rmem_max allows. A burst of calls
// waits there while a collection of the Go runtime or a busy core delays the reader.
const socketBuffer = 4 << 20

// listener is one address that peers reach, with one or more sockets. The kernel spreads peers over the sockets, and
// one peer's datagrams stay in order.
type listener struct {
	addr     netip.AddrPort
	hostPort string // as it stands in Via and Record-Route
	conns    []*net.UDPConn
}

// listen binds the address with that many sockets. The first is bound without SO_REUSEPORT, so that a port that is in
// use is refused even if its owner would share it; only then may the others join.
func listen(addr netip.AddrPort, sockets int) (*listener, error) {
	l := &listener{addr: addr, hostPort: addr.String()}
	for i := range sockets {
		conn, err := bind(l.addr, i > 0)
		if err != nil {
			l.close()
			return nil, fmt.Errorf("listening on udp:%s ([SIP] Listen): %w", addr, err)
		}
		l.conns = append(l.conns, conn)
		l.addr = conn.LocalAddr().(*net.UDPAddr).AddrPort() // the port that was chosen for 0
		l.addr = netip.AddrPortFrom(l.addr.Addr().Unmap(), l.addr.Port())
		l.hostPort = l.addr.String()
	}
	return l, nil
}

func bind(addr netip.AddrPort, shared bool) (*net.UDPConn, error) {
	network := "udp4"
	if addr.Addr().Is6() {
		network = "udp6"
	}
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		if !shared {
			return nil
		}
		return setReusePort(raw)
	}}
	conn, err := config.ListenPacket(context.Background(), network, addr.String())
	if err != nil {
		return nil, err
	}
	udp := conn.(*net.UDPConn)
	raw, err := udp.SyscallConn()
	if err == nil && !shared {
		err = setReusePort(raw)
	}
	err = errors.Join(err, udp.SetReadBuffer(socketBuffer), udp.SetWriteBuffer(socketBuffer))
	if err != nil {
		return nil, errors.Join(err, udp.Close())
	}
	return udp, nil
}

func setReusePort(raw syscall.RawConn) error {
	var option error
	err := raw.Control(func(fd uintptr) {
		option = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
	})
	return errors.Join(err, option)
}

func (l *listener) close() {
	for _, conn := range l.conns {
		_ = conn.Close() // a UDP socket has nothing left to lose
	}
}

// is tells whether host and port of a URI or Via are this listener's. Port 0 is the default port.
func (l *listener) is(host []byte, port uint16) bool {
	if port == 0 {
		port = defaultPort
	}
	addr, ok := parseIP(host)
	return ok && port == l.addr.Port() && addr == l.addr.Addr()
}

// read hands each datagram of one socket to the front until the socket is closed.
func (f *Front) read(l *listener, conn *net.UDPConn) {
	buffer := make([]byte, maxMessage+1)
	var m message
	for {
		n, from, err := conn.ReadFromUDPAddrPort(buffer)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			f.log.Debug("reading a datagram", zap.String("listener", l.hostPort), zap.Error(err))
			continue
		}
		f.stats.received.Add(1)
		f.datagram(&m, buffer[:n], netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), l)
	}
}

// send writes one datagram and tells whether it fits into one. Any other error is counted: SIP's retransmissions are the
// remedy.
func (s *shard) send(l *listener, to netip.AddrPort, datagram []byte) bool {
	conn := l.conns[s.number%len(l.conns)]
	_, err := conn.WriteToUDPAddrPort(datagram, to)
	if err == nil {
		s.front.stats.sent.Add(1)
		return true
	}
	s.front.stats.sendErrors.Add(1)
	if s.front.log.Core().Enabled(zap.DebugLevel) {
		s.front.log.Debug("sending a datagram", zap.Stringer("to", to), zap.Error(err))
	}
	return !errors.Is(err, unix.EMSGSIZE)
}

// defaultPort is SIP's over UDP (RFC 3261 19.1.2).
const defaultPort = 5060

// ParseListen reads "udp:host:port,...".
func ParseListen(raw string) ([]netip.AddrPort, error) {
	var addrs []netip.AddrPort
	for _, item := range splitList(raw) {
		addr, err := parseListen(item)
		if err != nil {
			return nil, err
		}
		addrs = append(addrs, addr)
	}
	if len(addrs) == 0 {
		return nil, errors.New("no address: give at least one, as in udp:127.0.0.1:5060")
	}
	return addrs, nil
}

func parseListen(item string) (netip.AddrPort, error) {
	network, rest, ok := cutScheme(item)
	if !ok {
		return netip.AddrPort{}, fmt.Errorf("%q is not of the form udp:ADDRESS:PORT", item)
	}
	switch network {
	case "udp":
	case "tcp", "tls", "ws", "wss":
		return netip.AddrPort{}, fmt.Errorf("%q: only udp is supported yet", item)
	default:
		return netip.AddrPort{}, fmt.Errorf("%q: unknown transport %q; it is udp", item, network)
	}
	if _, err := netip.ParseAddr(rest); err == nil {
		rest = net.JoinHostPort(rest, strconv.Itoa(defaultPort))
	}
	addr, err := netip.ParseAddrPort(rest)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("%q: %q is not an IP address with a port", item, rest)
	}
	if addr.Addr().IsUnspecified() {
		return netip.AddrPort{}, fmt.Errorf("%q: name the address that peers reach, as it stands in Via and Record-Route", item)
	}
	return addr, nil
}
