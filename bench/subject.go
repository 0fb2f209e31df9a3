package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"tollgate/test/peer"
)

// subject is one of the programs that are compared: a record-routing proxy that accounts its calls to syslog.
type subject struct {
	name   string
	record string // what the log line of an ended call contains, and no other
	start  func(ctx context.Context, env environment) (*running, error)
}

// environment is what a subject works in.
type environment struct {
	dir      string // empty; for its files
	tollgate string // the program
	callee   string // host:port
	socket   string // of the syslog daemon
}

// running is a started subject.
type running struct {
	addr string // host:port
	proc *peer.Process
	stop func()
}

// subjects are Tollgate, the A of each pair of runs, and Kamailio, the B. Each writes three lines for a call.
func subjects() []subject {
	return []subject{
		{name: "tollgate", record: "CALL|Stop|", start: startTollgate},
		{name: "kamailio", record: "; duration=", start: startKamailio},
	}
}

const tollgateConfig = `[Gatekeeper::Main]
Name=bench
Home=127.0.0.1
StatusPort=%[1]d
StateDir=%[2]s/state

[Gatekeeper::Acct]
SyslogAcct=required;start,connect,stop
FileAcct=required;stop

[SIP]
Listen=udp:127.0.0.1:%[3]d

[SIP::Routes]
*=sip:%[4]s

[SyslogAcct]
Server=unix:%[5]s
SyslogFacility=LOG_LOCAL0
StartEvent=CALL|Start|%%s|%%{CallId}|%%{Calling-Station-Id}|%%{caller-ip}|%%{Dialed-Number}
ConnectEvent=CALL|Connect|%%s|%%{CallId}|%%{Calling-Station-Id}|%%{caller-ip}|%%{Called-Station-Id}
StopEvent=CALL|Stop|%%s|%%{CallId}|%%{Calling-Station-Id}|%%{caller-ip}|%%{Called-Station-Id}|%%d|%%{connect-time}|%%{disconnect-time}|%%c

[FileAcct]
DetailFile=%[2]s/cdr.log
Sync=none
`

func startTollgate(ctx context.Context, env environment) (*running, error) {
	status, err := peer.FindPort("tcp")
	if err != nil {
		return nil, err
	}
	port, err := peer.FindPort("udp")
	if err != nil {
		return nil, err
	}
	file := filepath.Join(env.dir, "tollgate.ini")
	text := fmt.Sprintf(tollgateConfig, status, env.dir, port, env.callee, env.socket)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		return nil, err
	}
	p, err := peer.Start(env.dir, env.tollgate, "run", "-c", file)
	if err != nil {
		return nil, err
	}
	// The status port opens last.
	if err := p.WaitReady(ctx, func() bool { return peer.Listening("tcp", status) }); err != nil {
		p.Kill()
		return nil, err
	}
	return &running{
		addr: net.JoinHostPort(peer.Loopback, strconv.Itoa(port)), proc: p,
		stop: func() { p.Stop(syscall.SIGTERM) },
	}, nil
}

func startKamailio(ctx context.Context, env environment) (*running, error) {
	k, err := peer.Kamailio{Callee: env.callee, Socket: env.socket}.Start(ctx, env.dir)
	if err != nil {
		return nil, err
	}
	return &running{addr: k.Addr, proc: k.Process, stop: k.Kill}, nil
}
