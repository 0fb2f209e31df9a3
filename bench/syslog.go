package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"tollgate/test/peer"
)

// syslogd is an rsyslogd with a socket of its own that writes all it gets to a file.
type syslogd struct {
	socket string
	file   string
	proc   *peer.Process
}

const rsyslogConfig = `global(workDirectory="%[1]s" net.enableDNS="off")
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="%[2]s" RateLimit.Interval="0")
main_queue(queue.type="LinkedList" queue.size="1000000")
action(type="omfile" file="%[3]s" asyncWriting="on" ioBufferSize="256k" flushInterval="1")
`

func startSyslogd(ctx context.Context, dir string) (*syslogd, error) {
	s := &syslogd{socket: filepath.Join(dir, "log"), file: filepath.Join(dir, "messages")}
	conf := filepath.Join(dir, "rsyslog.conf")
	if err := os.WriteFile(conf, fmt.Appendf(nil, rsyslogConfig, dir, s.socket, s.file), 0o600); err != nil {
		return nil, err
	}
	var err error
	if s.proc, err = peer.Start(dir, "rsyslogd", "-n", "-f", conf, "-i", filepath.Join(dir, "pid")); err != nil {
		return nil, err
	}
	if err := s.proc.WaitReady(ctx, s.ready); err != nil {
		s.proc.Kill()
		return nil, err
	}
	return s, nil
}

func (s *syslogd) ready() bool {
	conn, err := net.Dial("unixgram", s.socket)
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

func (s *syslogd) stop() { s.proc.Stop(syscall.SIGTERM) }

// recordsTime is how long the log may stand still before the records that are missing count as lost.
const recordsTime = 3 * time.Second

// await counts the lines with text in the log until there are n, or until none has come for three seconds.
func (s *syslogd) await(ctx context.Context, text string, n int) (int, error) {
	f, err := os.Open(s.file)
	for deadline := time.Now().Add(recordsTime); errors.Is(err, os.ErrNotExist) && time.Now().Before(deadline); f, err = os.Open(s.file) {
		time.Sleep(50 * time.Millisecond)
	}
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer f.Close()
	found := 0
	var rest []byte // the beginning of a line whose end is not there yet
	buf := make([]byte, 1<<20)
	last := time.Now()
	for found < n && time.Since(last) < recordsTime && ctx.Err() == nil {
		got, err := f.Read(buf)
		if err != nil && err != io.EOF {
			return found, err
		}
		if got == 0 {
			time.Sleep(50 * time.Millisecond)
			continue
		}
		last = time.Now()
		rest = append(rest, buf[:got]...)
		end := bytes.LastIndexByte(rest, '\n') + 1
		found += bytes.Count(rest[:end], []byte(text))
		rest = append(rest[:0], rest[end:]...)
	}
	return found, ctx.Err()
}
