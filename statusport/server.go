package statusport

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"tollgate/cdr"
	"tollgate/config"
	"tollgate/gatekeeper"
	"tollgate/gatekeeper/limits"
)

// Calls is the call table.
type Calls interface {
	// Calls are the running calls as they stand, in the order of their numbers.
	Calls() []*cdr.Record
	// Disconnect ends a call and tells whether there is one of that number.
	Disconnect(number uint64) bool
}

// Control is the program that the status port belongs to.
type Control interface {
	// Reload reads the configuration again. If the problems hold an error nothing has changed; warnings go with a reload
	// that was done. It may be called by several clients at once.
	Reload() config.Problems
	// Shutdown begins the end of the program. It does not wait for it: Close waits for the command that called it.
	Shutdown()
}

// Options are what the server needs for its whole life.
type Options struct {
	Addresses []netip.AddrPort // where it listens; none if the port is off
	Version   string           // of the program
	Calls     Calls
	Stats     func() gatekeeper.Stats
	Control   Control
	Modules   Modules // may be nil
	Spool     Spool   // may be nil

	Maintenance Maintenance
	Gateways    Gateways            // may be nil
	Blocks      Blocks              // may be nil
	Limits      func() limits.Stats // may be nil

	Log *zap.Logger
}

// Server is the status port.
type Server struct {
	opts     Options
	log      *zap.Logger
	times    *cdr.TimeFormat
	commands commandSet
	settings atomic.Pointer[Settings]
	clients  atomic.Pointer[[]*client] // copied when it changes, so that Broadcast needs no lock
	slow     atomic.Uint64

	writeTime time.Duration // a client that takes nothing for so long is given up
	drainTime time.Duration // for what is still queued when a session ends

	wg        sync.WaitGroup // accept loops and sessions
	done      chan struct{}  // closed by Close
	mu        sync.Mutex
	listeners []net.Listener
	closing   bool
	full      bool // MaxStatusClients was logged and nobody has left since
	sessions  uint64
}

// New makes a server that does not listen yet.
func New(opts Options, settings Settings) (*Server, error) {
	times, err := cdr.ParseTimeFormat("RFC822")
	if err != nil {
		return nil, fmt.Errorf("statusport: %w", err)
	}
	s := &Server{
		opts: opts, log: opts.Log, times: times, commands: newCommandSet(),
		writeTime: 30 * time.Second, drainTime: 2 * time.Second, done: make(chan struct{}),
	}
	s.settings.Store(&settings)
	s.clients.Store(new([]*client))
	return s, nil
}

// Reconfigure puts new settings in force. Clients that are connected stay, with the queue that they have.
func (s *Server) Reconfigure(settings Settings) { s.settings.Store(&settings) }

// Listen opens every address, or none: the error names the first that could not be opened. Clients are served from
// Start on.
func (s *Server) Listen() error {
	for _, addr := range s.opts.Addresses {
		network := "tcp6" // does not take the IPv4 port too
		if addr.Addr().Is4() {
			network = "tcp4"
		}
		l, err := net.Listen(network, addr.String())
		if err != nil {
			for _, open := range s.listeners {
				_ = open.Close()
			}
			s.listeners = nil
			return fmt.Errorf("statusport: listening on %s (StatusPort): %w", addr, err)
		}
		s.listeners = append(s.listeners, l)
	}
	return nil
}

// Addrs are the addresses that Listen opened, with the port that the system chose where 0 was asked for.
func (s *Server) Addrs() []netip.AddrPort {
	addrs := make([]netip.AddrPort, len(s.listeners))
	for i, l := range s.listeners {
		addrs[i] = addrPort(l.Addr())
	}
	return addrs
}

// Start begins to serve clients.
func (s *Server) Start() {
	for _, l := range s.listeners {
		s.wg.Go(func() { s.accept(l) })
	}
}

// Close stops listening, gives the clients a moment to take what is queued for them, and waits until every session has
// ended, commands that are still running included.
func (s *Server) Close() error {
	s.mu.Lock()
	if !s.closing {
		s.closing = true
		close(s.done)
	}
	by := time.Now().Add(s.drainTime)
	for _, l := range s.listeners {
		_ = l.Close()
	}
	for _, c := range *s.clients.Load() {
		c.dismiss(by)
	}
	s.mu.Unlock()
	s.wg.Wait()
	return nil
}

// Broadcast queues a line, given without its line end, for every client whose output level is at least level: 0 replies
// and notices, 1 call records, 2 everything. It never waits; a client whose queue is full is disconnected.
func (s *Server) Broadcast(level int, line []byte) {
	var shared []byte
	for _, c := range *s.clients.Load() {
		if int(c.level.Load()) < level {
			continue
		}
		if shared == nil {
			shared = make([]byte, 0, len(line)+2)
			shared = appendData(shared, line)
			shared = append(shared, '\r', '\n')
		}
		if !c.out.offer(shared) {
			s.slow.Add(1)
		}
	}
}

// HasClients tells whether anybody would see a line.
func (s *Server) HasClients() bool { return len(*s.clients.Load()) > 0 }

// CDR queues the standard CDR line, given without its line end, for every client of level 1 and above.
func (s *Server) CDR(line []byte) { s.Broadcast(1, line) }

// Dropped counts the clients that were disconnected because they did not read.
func (s *Server) Dropped() uint64 { return s.slow.Load() }

// add gives a client its session number and makes it known, unless there are too many already.
func (s *Server) add(c *client, most int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := *s.clients.Load()
	if s.closing || len(old) >= most {
		return false
	}
	s.sessions++
	c.id = s.sessions
	clients := append(slices.Clip(old), c)
	s.clients.Store(&clients)
	return true
}

func (s *Server) remove(c *client) {
	s.mu.Lock()
	defer s.mu.Unlock()
	clients := slices.DeleteFunc(slices.Clone(*s.clients.Load()), func(other *client) bool { return other == c })
	s.clients.Store(&clients)
	s.full = false
}
