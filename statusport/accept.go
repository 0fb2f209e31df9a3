package statusport

import (
	"net"
	"time"

	"go.uber.org/zap"
)

const (
	acceptPause = time.Second // after an error such as too many open files
	refusalTime = time.Second // for writing the refusal; a new socket has room for it at once
	refusal     = "\r\nAccess forbidden!\r\n"
)

// accept lets clients in until the listener is closed.
func (s *Server) accept(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err == nil {
			s.admit(conn)
			continue
		}
		select {
		case <-s.done:
			return
		default:
		}
		s.log.Error("status port: accepting a client", zap.Error(err))
		select {
		case <-s.done:
			return
		case <-time.After(acceptPause):
		}
	}
}

// admit starts a session, or refuses the client.
func (s *Server) admit(conn net.Conn) {
	settings := s.settings.Load()
	if peer := addrPort(conn.RemoteAddr()); !settings.Auth.Allows(peer.Addr()) {
		s.log.Warn("status port client refused by [GkStatus::Auth]", zap.Stringer("peer", peer))
		s.refuse(conn)
		return
	}
	c := &client{server: s, conn: conn, peer: peerName(conn), out: newOutlet(conn, settings.MaxQueue, s.writeTime)}
	c.level.Store(int32(settings.TraceLevel))
	// The greeting is queued before the client is known to Broadcast, so it comes first.
	c.out.offer(append([]byte(negotiation), s.version()...))
	if !s.add(c, settings.MaxClients) {
		s.logFull(c.peer)
		s.refuse(conn)
		return
	}
	s.log.Debug("status port client", zap.Uint64("session", c.id), zap.String("peer", c.peer))
	s.wg.Go(c.serve)
}

func (s *Server) refuse(conn net.Conn) {
	_ = conn.SetWriteDeadline(time.Now().Add(refusalTime))
	_, _ = conn.Write([]byte(negotiation + refusal))
	_ = conn.Close()
}

// logFull reports that the limit was reached, once until a client leaves: a flood of connections is no flood of lines.
func (s *Server) logFull(peer string) {
	s.mu.Lock()
	first := !s.full && !s.closing
	s.full = true
	s.mu.Unlock()
	if first {
		s.log.Warn("status port client refused: MaxStatusClients reached", zap.String("peer", peer))
	}
}
