package statusport

import (
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
)

const (
	readBuffer = 4096
	echoFlush  = 4096 // echo is sent at the latest when this much has gathered
)

// client is one connection that was let in.
type client struct {
	server *Server
	conn   net.Conn
	id     uint64 // the session number that who shows
	peer   string // "PEER:PORT=>LOCAL:PORT"
	level  atomic.Int32
	out    *outlet

	// Of the reading goroutine:
	term    terminal
	leaving bool // after the exit command
}

// serve owns the connection until its end.
func (c *client) serve() {
	var writer sync.WaitGroup
	writer.Go(c.out.write)
	c.read()
	c.out.close(time.Now().Add(c.server.drainTime))
	writer.Wait()
	_ = c.conn.Close()
	c.server.remove(c)
	log := c.server.log.With(zap.Uint64("session", c.id), zap.String("peer", c.peer))
	if c.out.wasSlow() {
		log.Warn("status port client disconnected: it did not read, MaxSocketQueue reached")
		return
	}
	log.Debug("status port client left")
}

// read runs the commands of the client until it leaves or its connection fails.
func (c *client) read() {
	buf := make([]byte, readBuffer)
	for {
		n, err := c.conn.Read(buf)
		if !c.consume(buf[:n]) || err != nil {
			return
		}
	}
}

// consume handles what came from the network. It returns false when the session is over.
func (c *client) consume(data []byte) bool {
	for _, b := range data {
		var reply []byte
		switch c.term.feed(b) {
		case hangup:
			return false
		case tooLong:
			reply = line("Error: Command line too long")
		case entered:
			c.flushEcho()
			reply = c.execute(string(c.term.last))
		default:
			if len(c.term.out) >= echoFlush && !c.flushEcho() {
				return false
			}
			continue
		}
		// An empty reply is sent as well: a client whose commands only broadcast goes on when it has read them.
		if !c.flushEcho() || !c.out.send(reply) || c.leaving {
			return false
		}
	}
	return c.flushEcho()
}

// flushEcho sends the echo and the telnet answers.
func (c *client) flushEcho() bool {
	if len(c.term.out) == 0 {
		return true
	}
	ok := c.out.send(c.term.out)
	c.term.out = c.term.out[:0]
	return ok
}

// dismiss ends the session from outside; what is queued until now is still written, at most until by.
func (c *client) dismiss(by time.Time) {
	c.out.close(by)
	_ = c.conn.SetReadDeadline(time.Unix(1, 0))
}

// peerName is how who and yell name a connection.
func peerName(conn net.Conn) string {
	return addrPort(conn.RemoteAddr()).String() + "=>" + addrPort(conn.LocalAddr()).String()
}

// addrPort is a TCP address without the form that maps IPv4 to IPv6, and without a zone.
func addrPort(addr net.Addr) netip.AddrPort {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	ap := tcp.AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap().WithZone(""), ap.Port())
}
