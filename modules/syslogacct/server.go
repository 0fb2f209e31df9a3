package syslogacct

import (
	"fmt"
	"net"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// The longest messages. A local daemon takes 8 KiB (rsyslogd's default); on the network RFC 5424 6.1 promises 2048.
const (
	unixLimit = 8192
	udpLimit  = 2048
)

// server is where messages go.
type server struct {
	network string // "unix" or "udp"
	path    string // of the socket
	host    string // a name or address
	port    uint16
}

// parseServer reads unix:PATH or udp:HOST:PORT.
func parseServer(text string) (server, error) {
	network, rest, _ := strings.Cut(strings.TrimSpace(text), ":")
	switch network {
	case "unix":
		if rest == "" || len(rest) >= len(unix.RawSockaddrUnix{}.Path) {
			return server{}, fmt.Errorf("%q names no socket: it is unix:PATH with a path of 1 to %d bytes", text, len(unix.RawSockaddrUnix{}.Path)-1)
		}
		return server{network: network, path: rest}, nil
	case "udp":
		host, service, err := net.SplitHostPort(rest)
		port, portErr := strconv.ParseUint(service, 10, 16)
		if err != nil || portErr != nil || host == "" || port == 0 {
			return server{}, fmt.Errorf("%q is not udp:HOST:PORT", text)
		}
		return server{network: network, host: host, port: uint16(port)}, nil
	case "tcp", "tls":
		return server{}, fmt.Errorf("%s: is not supported yet; it is unix:PATH or udp:HOST:PORT", network)
	}
	return server{}, fmt.Errorf("%q is neither unix:PATH nor udp:HOST:PORT", text)
}

// String is the server as errors name it.
func (s server) String() string {
	if s.network == "unix" {
		return s.path
	}
	return net.JoinHostPort(s.host, strconv.Itoa(int(s.port)))
}

func (s server) limit() int {
	if s.network == "unix" {
		return unixLimit
	}
	return udpLimit
}

// dialNetwork is the network's name for package net.
func (s server) dialNetwork() string {
	if s.network == "unix" {
		return "unixgram"
	}
	return s.network
}
