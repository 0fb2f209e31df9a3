package radius

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// How often names are looked up again, when it worked and when it didn't, and how long a look-up may take.
const (
	refreshEvery = time.Minute
	retryEvery   = 5 * time.Second
	lookupTime   = 5 * time.Second
)

// sweep closes sockets that are no longer used, until the client ends.
func (c *Client) sweep() {
	every := min(max(c.config.IdleSocket/4, 10*time.Millisecond), 15*time.Second)
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			for _, s := range c.servers {
				s.closeIdle(now)
			}
		case <-c.closed:
			return
		}
	}
}

// closeIdle closes the sockets that nobody has used for a while, but the first one, and those to an address that the
// server no longer has.
func (s *server) closeIdle(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := s.sockets[:0]
	for _, sock := range s.sockets {
		extra := len(kept) > 0 || sock.remote != s.addr
		if extra && sock.idle(now, s.config.IdleSocket, s.config.Quarantine) {
			_ = sock.conn.Close() // its reader ends
			continue
		}
		kept = append(kept, sock)
	}
	clear(s.sockets[len(kept):])
	s.sockets = kept
}

// named says that the server is given by name.
func (s *server) named() bool {
	_, err := netip.ParseAddr(s.Host)
	return err != nil
}

// refresh keeps the addresses of names up to date until the client ends. known says that all are known at first.
func (c *Client) refresh(known bool) {
	for {
		wait := refreshEvery
		if !known {
			wait = retryEvery
		}
		select {
		case <-time.After(wait):
			known = c.resolveAll(lookupTime)
		case <-c.closed:
			return
		}
	}
}

// resolveAll looks all names up at once and tells whether all are known.
func (c *Client) resolveAll(limit time.Duration) bool {
	ctx, cancel := context.WithTimeout(c.ctx, limit)
	defer cancel()
	var lookups sync.WaitGroup
	for _, s := range c.servers {
		if s.named() {
			lookups.Go(func() { s.resolve(ctx) })
		}
	}
	lookups.Wait()
	return !slices.ContainsFunc(c.servers, (*server).unresolved)
}

func (s *server) unresolved() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lookup != nil
}

// resolve looks the server's name up. The address it had is kept while the name still has it, and when the look-up
// fails.
func (s *server) resolve(ctx context.Context) {
	found, err := s.config.Lookup(ctx, s.Host)
	found = slices.DeleteFunc(found, func(a netip.Addr) bool {
		return s.config.Local.IsValid() && s.config.Local.Unmap().Is4() != a.Unmap().Is4()
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("looking up %s: no address of the family of %s", s.Host, s.config.Local)
	}
	if s.lookup = err; err != nil {
		return
	}
	known := func(a netip.Addr) bool { return a.Unmap() == s.addr.Addr() }
	if !slices.ContainsFunc(found, known) {
		s.addr = netip.AddrPortFrom(found[0].Unmap(), s.AcctPort)
	}
}
