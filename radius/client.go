// Package radius is the RADIUS transport that modules and fronts share: a client for Accounting-Requests over UDP
// (RFC 2866, with the transmit rules of RFC 5080 2.2), the writing of attributes, the reading of server lists.
//
// # One exchange
//
// Exchange sends a request to the client's servers in turn and blocks until one of them has answered or the last turn is
// over. Each server gets Transmissions of it, and Timeout passes after each. All that one server gets are the same
// octets, from the same port with the same identifier, so that it can tell a repetition; another server gets an
// identifier and an Acct-Delay-Time of its own. Whichever answer comes first counts, also one to an earlier turn. A server
// that refuses, by an Error-Cause or a Protocol-Error, is not asked again in this exchange. Where the host says that
// nobody listens (ICMP), the next server has its turn at once, and the same one only when the time has passed: if it is
// started in between, it still gets the request.
//
// # Order and health
//
// Every exchange begins with the first server of the list, as in GnuGk, while that server is healthy. A server is suspect
// when three transmissions in a row were unanswered and it answered nothing else meanwhile, or when nobody listens on its
// port. A suspect server has its turns after the healthy ones, so that failover does not cost every call a timeout.
// Every 30 seconds one exchange still begins with it. Any authentic answer makes it healthy again, even a late one. A
// server that never answers some class of requests is not suspect for it while it answers others.
//
// # Identifiers
//
// There are 256 identifiers for each source port. The one that was used longest ago is taken first, since servers
// confuse a request with an older one of the same identifier. The identifier of a request that got no answer rests for
// Quarantine. When a port has none left, another one is opened, at most 32 for a server, and closed after IdleSocket
// without use. At most Window requests wait for one server's answers at once; the others queue, in their order, no
// longer than Timeout for each turn: a burst of more overflows the socket buffer of a server that works well.
package radius

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
)

// Config says whom a Client talks to, and how.
type Config struct {
	Servers       []Server
	Local         netip.Addr    // source address; zero: the system chooses
	Ports         PortRange     // source ports; zero: the system chooses
	Timeout       time.Duration // after each transmission
	Transmissions int           // to each server
	RoundRobin    bool          // true: S1 S2 S1 S2; false: S1 S1 S2 S2
	Quarantine    time.Duration // rest of an identifier whose request got no answer
	IdleSocket    time.Duration // after which an extra source port is closed
	Window        int           // requests that wait for one server at once
	Trial         time.Duration // in which one exchange begins with a suspect server all the same; 0: 30 seconds
	Log           *zap.Logger   // changes of health; nil: none
	// Lookup resolves host names; nil: the system's resolver.
	Lookup func(ctx context.Context, host string) ([]netip.Addr, error)
}

// Request is one Accounting-Request without what the transport adds: header, authenticator and Acct-Delay-Time.
type Request struct {
	Attributes *Attributes // not to be changed before Exchange returns
	Time       time.Time   // of the event, from which Acct-Delay-Time is computed
}

// ErrClosed is the error of an Exchange that the end of its client cut short.
var ErrClosed = errors.New("the RADIUS client is closed")

// Client sends Accounting-Requests. Its methods are safe for concurrent use.
type Client struct {
	config    Config
	servers   []*server
	exchanges sync.Pool // of *exchange
	closed    chan struct{}
	closing   sync.Once
	ctx       context.Context // of look-ups; ends with the client
	cancel    context.CancelFunc
	owned     sync.WaitGroup // every goroutine of the client
	leftOut   atomic.Uint64
	told      sync.Once // that attributes were left out
}

// New makes a client. It touches no network; Start does.
func New(config Config) *Client {
	if config.Trial == 0 {
		config.Trial = 30 * time.Second
	}
	if config.Log == nil {
		config.Log = zap.NewNop()
	}
	if config.Lookup == nil {
		config.Lookup = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	c := &Client{config: config, closed: make(chan struct{})}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	for _, s := range config.Servers {
		c.servers = append(c.servers, newServer(s, &c.config, &c.owned))
	}
	c.exchanges.New = func() any { return newExchange(c) }
	return c
}

// Start resolves the servers' names, for no longer than Timeout, and keeps them up to date from then on. A server that is
// away or unknown is no error; a source address that is not this host's is.
func (c *Client) Start() error {
	if c.config.Local.IsValid() {
		probe, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(c.config.Local, 0)))
		if err != nil {
			return fmt.Errorf("using %s as source address: %w", c.config.Local, err)
		}
		if err := probe.Close(); err != nil {
			return fmt.Errorf("using %s as source address: %w", c.config.Local, err)
		}
	}
	if slices.ContainsFunc(c.servers, (*server).named) {
		known := c.resolveAll(c.config.Timeout)
		c.owned.Go(func() { c.refresh(known) })
	}
	c.owned.Go(c.sweep)
	return nil
}

// Close ends the client and waits for all of its goroutines. Exchanges that are still waiting return ErrClosed.
func (c *Client) Close() error {
	c.closing.Do(func() {
		close(c.closed)
		c.cancel()
		for _, s := range c.servers {
			s.close()
		}
	})
	c.owned.Wait()
	return nil
}

// Exchange delivers one request: nil says that a server answered with an Accounting-Response, which is its promise that
// it has the record. Otherwise the error tells what each server did. When ctx ends, Exchange returns at once with an
// error that wraps the context's.
func (c *Client) Exchange(ctx context.Context, req Request) error {
	if left := req.Attributes.LeftOut(); left > 0 {
		c.leftOut.Add(uint64(left))
		c.told.Do(func() {
			c.config.Log.Warn("a RADIUS packet was full and attributes were left out; this is said once", zap.Int("attributes", left))
		})
	}
	if len(c.servers) == 0 {
		return errors.New("no RADIUS server is configured")
	}
	ex := c.exchanges.Get().(*exchange)
	ex.begin(req)
	err := ex.run(ctx)
	ex.end()
	c.exchanges.Put(ex)
	return err
}
