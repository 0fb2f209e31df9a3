package syslogacct

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// closed is the descriptor of a socket that is not open.
const closed = -1

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
	stuck    bool // a message waited in vain, and none was taken since
	fd       int
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
	fresh := s.fd == closed
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
	err := s.write(message)
	for begun := time.Now(); err == errQueueFull && !s.stuck; err = s.write(message) {
		left := s.patience - time.Since(begun)
		if left < time.Millisecond {
			s.stuck = true
			return err
		}
		writable := []unix.PollFd{{Fd: int32(s.fd), Events: unix.POLLOUT}}
		if _, err := unix.Poll(writable, int(left/time.Millisecond)); err != nil && err != unix.EINTR {
			return fmt.Errorf("waiting for the receiver: %w", err)
		}
	}
	if err == nil {
		s.stuck = false
	}
	return err
}

// write makes the one system call.
func (s *socket) write(message []byte) error {
	for {
		err := unix.Send(s.fd, message, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
		switch err {
		case unix.EINTR:
		case unix.EAGAIN, unix.ENOBUFS:
			return errQueueFull
		default:
			return err
		}
	}
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
	family, addr, err := s.to.resolve(ctx)
	s.failed, s.failedAt = err, time.Now()
	if err != nil {
		return err
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("opening a socket: %w", err)
	}
	if err := unix.Connect(fd, addr); err != nil {
		unix.Close(fd)
		return fmt.Errorf("connecting: %w", err)
	}
	s.fd = fd
	return nil
}

func (s *socket) drop() {
	if s.fd != closed {
		unix.Close(s.fd)
		s.fd = closed
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
