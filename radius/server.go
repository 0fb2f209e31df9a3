package radius

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"go.uber.org/zap"
)

const (
	maxSockets   = 32 // for each server
	suspectAfter = 3  // unanswered transmissions in a row
)

// server is one server with its sockets and its health.
type server struct {
	Server
	counters
	name   string // for messages
	secret []byte
	config *Config
	owned  *sync.WaitGroup // of the client, for the readers
	window chan struct{}

	mu       sync.Mutex
	closed   bool
	addr     netip.AddrPort // zero until the name is resolved
	lookup   error          // of the last look-up
	sockets  []*socket
	missed   int       // unanswered transmissions since the last answer
	answered time.Time // the last authentic answer
	suspect  bool
	trial    time.Time // when a suspect server has its next first turn
}

func newServer(s Server, config *Config, owned *sync.WaitGroup) *server {
	out := &server{Server: s, config: config, owned: owned, name: s.Address(), secret: []byte(s.Secret.Reveal())}
	out.window = make(chan struct{}, max(config.Window, 1))
	if addr, err := netip.ParseAddr(s.Host); err == nil {
		out.addr = netip.AddrPortFrom(addr, s.AcctPort)
	}
	return out
}

// takesItsTurn says that the server stands where the list has it: it is healthy, or its trial is due.
func (s *server) takesItsTurn(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.suspect {
		return true
	}
	if now.Before(s.trial) {
		return false
	}
	s.trial = now.Add(s.config.Trial)
	return true
}

// reserve finds a socket and an identifier for the attempt; without one the attempt has failed.
func (s *server) reserve(at *attempt, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	sock, id, err := s.identifier(now)
	if err != nil {
		at.state, at.reason = failed, err
		return false
	}
	at.sock, at.id = sock, id
	return true
}

func (s *server) identifier(now time.Time) (*socket, uint8, error) {
	switch {
	case s.closed:
		return nil, 0, ErrClosed
	case !s.addr.IsValid() && s.lookup != nil:
		return nil, 0, s.lookup
	case !s.addr.IsValid():
		return nil, 0, errors.New("its address is not known yet")
	}
	for _, sock := range s.sockets {
		if sock.remote != s.addr {
			continue
		}
		if id, ok := sock.take(now); ok {
			return sock, id, nil
		}
	}
	if len(s.sockets) >= maxSockets {
		return nil, 0, errors.New("all identifiers are in use or at rest")
	}
	sock, err := dial(s.config.Local, s.config.Ports, s.addr)
	if err != nil {
		return nil, 0, err
	}
	s.sockets = append(s.sockets, sock)
	s.owned.Go(func() { s.read(sock) })
	id, _ := sock.take(now)
	return sock, id, nil
}

// send transmits the attempt's packet. A write may report what the host said to an earlier one (ICMP); then nothing was
// sent, and it is tried once more.
func (s *server) send(at *attempt) {
	var err error
	for range 2 {
		if !s.arm(at) {
			return
		}
		if _, err = at.sock.conn.Write(at.packet); err == nil {
			return
		}
		s.unreachable(at.sock, err)
	}
	at.fail(describe(err))
}

// arm lets the reader find the attempt. There is nothing to send any more if an earlier transmission was answered
// meanwhile.
func (s *server) arm(at *attempt) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at.answered() {
		return false
	}
	at.state = waiting
	at.sock.slots[at.id] = slot{at, [16]byte(at.packet[4:headerLength])}
	return true
}

// release takes the attempt from its slot and from the window. The identifier rests unless its request was answered.
func (s *server) release(at *attempt) {
	if at.sock != nil {
		s.mu.Lock()
		rest := s.config.Quarantine
		if at.answered() {
			rest = 0
		}
		at.sock.put(at.id, time.Now(), rest)
		s.mu.Unlock()
	}
	if at.inside {
		<-s.window
		at.inside = false
	}
}

// read is the goroutine of one socket: it ends when the socket is closed.
func (s *server) read(sock *socket) {
	buf := make([]byte, maxPacket+len(s.secret)) // the secret is appended to compute an authenticator
	for {
		n, err := sock.conn.Read(buf[:maxPacket])
		switch {
		case err == nil:
			s.receive(sock, buf[:n])
		case errors.Is(err, net.ErrClosed):
			return
		default:
			s.unreachable(sock, err)
		}
	}
}

// receive handles one datagram: an answer ends the attempt that waits for it, anything else is counted.
func (s *server) receive(sock *socket, datagram []byte) {
	answer, err := frame(datagram)
	if err != nil {
		s.malformed.Add(1)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	slot := &sock.slots[answer[1]]
	if !authentic(answer, &slot.authenticator, s.secret) {
		s.badAuthenticators.Add(1)
		return
	}
	refused := verdict(answer)
	if errors.Is(refused, errMalformed) || errors.Is(refused, errCode) {
		s.malformed.Add(1)
		return
	}
	s.alive()
	at := slot.at
	if at == nil || at.answered() {
		s.late.Add(1)
		return
	}
	s.responses.Add(1)
	at.state, at.reason = accepted, refused
	if refused != nil {
		s.rejections.Add(1)
		at.state = rejected
	}
	at.notify()
}

// alive notes an authentic answer; the caller holds the mutex.
func (s *server) alive() {
	s.answered, s.missed = time.Now(), 0
	if s.suspect {
		s.suspect = false
		s.config.Log.Info("RADIUS server answers again", zap.String("server", s.name))
	}
}

// unreachable fails all attempts that wait on the socket: the host has said (ICMP) that nobody listens, or that there
// is no way to it.
func (s *server) unreachable(sock *socket, err error) {
	s.refused.Add(1)
	reason := describe(err)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.doubt(reason)
	for i := range sock.slots {
		if at := sock.slots[i].at; at != nil && at.state == waiting {
			at.state, at.reason = failed, reason
			at.notify()
		}
	}
}

// unanswered counts a transmission whose time is over. An answer to anything since says that the server lives.
func (s *server) unanswered(sent time.Time) {
	s.timeouts.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.answered.After(sent) {
		return
	}
	if s.missed++; s.missed >= suspectAfter {
		s.doubt(errors.New("no answer"))
	}
}

// doubt makes the server suspect; the caller holds the mutex.
func (s *server) doubt(reason error) {
	if !s.suspect && !s.closed {
		s.suspect, s.trial = true, time.Now().Add(s.config.Trial)
		s.config.Log.Warn("RADIUS server does not answer and comes after the healthy ones", zap.String("server", s.name), zap.Error(reason))
	}
}

// close closes all sockets, by which their readers end.
func (s *server) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, sock := range s.sockets {
		_ = sock.conn.Close() // the second close of a socket is no harm
	}
}

// notify wakes the exchange; one token is enough for any number of changes.
func (at *attempt) notify() {
	select {
	case at.wake <- struct{}{}:
	default:
	}
}

// describe takes the error of a socket down to what the host said.
func describe(err error) error {
	var number syscall.Errno
	if errors.As(err, &number) {
		return number
	}
	return err
}
