package main

import (
	"context"
	"net"
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
	sync     string // of its journal
	callee   string // host:port
	socket   string // of the syslog daemon
}

// running is a started subject.
type running struct {
	addr    string // host:port
	monitor string // host:port of its metrics; empty: it has none
	proc    *peer.Process
	stop    func()
}

// The names of the subjects.
const (
	nameTollgate = "tollgate"
	nameMemory   = "tollgate, Calls=0"
	nameKamailio = "kamailio"
)

// tollgate is Tollgate as it comes, with each call in its journal.
func tollgate() subject { return tollgateSubject(nameTollgate, "") }

// tollgateInMemory is Tollgate whose calls live in memory only.
func tollgateInMemory() subject { return tollgateSubject(nameMemory, callsInMemory) }

func tollgateSubject(name, journal string) subject {
	return subject{name: name, record: recordStop, start: func(ctx context.Context, env environment) (*running, error) {
		g, err := newGatekeeper(env, journal)
		if err != nil {
			return nil, err
		}
		if err := g.start(); err != nil {
			return nil, err
		}
		if err := g.ready(ctx); err != nil {
			return nil, err
		}
		return &running{
			addr: g.sip(), monitor: g.monitorAddr(), proc: g.proc,
			stop: func() { g.proc.Stop(syscall.SIGTERM) },
		}, nil
	}}
}

func kamailio() subject {
	return subject{name: nameKamailio, record: "; duration=", start: startKamailio}
}

func startKamailio(ctx context.Context, env environment) (*running, error) {
	k, err := peer.Kamailio{Callee: env.callee, Socket: env.socket}.Start(ctx, env.dir)
	if err != nil {
		return nil, err
	}
	return &running{addr: k.Addr, proc: k.Process, stop: k.Kill}, nil
}

func loopback(port int) string { return net.JoinHostPort(peer.Loopback, strconv.Itoa(port)) }
