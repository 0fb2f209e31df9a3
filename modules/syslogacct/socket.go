package syslogacct

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A name that could not be resolved is looked up again after lookUpPause, and each look-up may take lookUpTime.
const (
	lookUpPause = 5 * time.Second
	lookUpTime  = 2 * time.Second
)

var errQueueFull = errors.New("the receiver's queue is full")

// socket is a datagram socket that waits for its receiver as long as its patience lasts, and not at all once that was in
// vain: a daemon that hangs costs one event its patience, not every event.
type socket struct {
	to       server
	patience time.Duration

	mu       sync.Mutex
	conn     net.Conn // nil while it is not open
	raw      syscall.RawConn
	stuck    bool  // a message waited in vain, and none was taken since
	failed   error // of the last look-up of the name
	failedAt time.Time
}

// start opens the socket before the first message needs it.
func (s *socket) start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.name(s.connect(context.Background()))
}

// send hands one message to the system. A socket whose receiver has gone, because the daemon was restarted, is opened
// anew and tried once more.
func (s *socket) send(ctx context.Context, message []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	fresh := s.conn == nil
	if fresh {
		if err := s.connect(ctx); err != nil {
			return s.name(err)
		}
	}
	err := s.deliver(message)
	if gone(err) && !fresh {
		if err = s.connect(ctx); err == nil {
			err = s.deliver(message)
		}
	}
	if gone(err) {
		s.drop()
	}
	return s.name(err)
}

// deliver writes the message, and waits while the receiver's queue is full. That is common and short: the queue of a
// Unix socket holds few messages, and many events come in the same instant.
func (s *socket) deliver(message []byte) error {
	err := s.write(message, false)
	if err == errQueueFull && !s.stuck && s.patience > 0 {
		if err := s.conn.SetWriteDeadline(time.Now().Add(s.patience)); err != nil {
			return err
		}
		err = s.write(message, true)
		if err := s.conn.SetWriteDeadline(time.Time{}); err != nil {
			return err
		}
	}
	s.stuck = err == errQueueFull
	return err
}

// write makes the system call: once, or until the queue has a place or the deadline has come.
func (s *socket) write(message []byte, wait bool) error {
	var result error
	err := s.raw.Write(func(fd uintptr) bool {
		result = unix.Send(int(fd), message, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
		for result == unix.EINTR {
			result = unix.Send(int(fd), message, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
		}
		return result != unix.EAGAIN || !wait
	})
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded), result == unix.EAGAIN, result == unix.ENOBUFS:
		return errQueueFull
	case err != nil:
		return err
	}
	return result
}

// gone tells the errors of a socket whose other end is not there any more.
func gone(err error) bool {
	switch err {
	case unix.ECONNREFUSED, unix.ECONNRESET, unix.ENOTCONN, unix.EPIPE, unix.ENOENT, unix.EDESTADDRREQ:
		return true
	}
	return false
}

// connect opens the socket, after closing it if it is open.
func (s *socket) connect(ctx context.Context) error {
	s.drop()
	if s.failed != nil && time.Since(s.failedAt) < lookUpPause {
		return s.failed
	}
	ctx, cancel := context.WithTimeout(ctx, lookUpTime)
	defer cancel()
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, s.to.dialNetwork(), s.to.String())
	s.failed = nil
	if lookUp := new(net.DNSError); errors.As(err, &lookUp) {
		s.failed, s.failedAt = err, time.Now()
	}
	if err != nil {
		return err
	}
	raw, err := conn.(syscall.Conn).SyscallConn()
	if err != nil {
		return errors.Join(err, conn.Close())
	}
	s.conn, s.raw, s.stuck = conn, raw, false
	return nil
}

func (s *socket) drop() {
	if s.conn != nil {
		_ = s.conn.Close() // nothing waits in a datagram socket
		s.conn, s.raw = nil, nil
	}
}

func (s *socket) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop()
}

// name puts the server before an error.
func (s *socket) name(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", s.to, err)
}
