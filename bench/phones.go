package main

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

const (
	window       = 256                    // transactions of the caller at once
	repeatFirst  = 500 * time.Millisecond // T1 of RFC 3261 17.1.1.2
	exchangeTime = 32 * time.Second       // its timer B
	socketBuffer = 4 << 20
)

// phones are both ends of very many calls through one gatekeeper: a caller and a callee that cost little and keep up as
// many calls as are wanted.
type phones struct {
	callerAddr, calleeAddr string
	gatekeeper             netip.AddrPort
	caller, callee         *net.UDPConn
	readers                sync.WaitGroup

	dialogs []dialog              // of the calls that were answered, by number
	slots   [window]chan *message // final answers for whoever handles the call of that number modulo window
}

// newPhones opens both sockets, for that many calls. They are served from serve on.
func newPhones(calls int) (*phones, error) {
	p := &phones{dialogs: make([]dialog, calls)}
	for i := range p.slots {
		p.slots[i] = make(chan *message, 1)
	}
	for _, c := range []**net.UDPConn{&p.caller, &p.callee} {
		conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			p.closeSockets()
			return nil, err
		}
		*c = conn
		_ = conn.SetReadBuffer(socketBuffer) // the system may grant less; then more is repeated
	}
	p.callerAddr, p.calleeAddr = p.caller.LocalAddr().String(), p.callee.LocalAddr().String()
	return p, nil
}

// serve names the gatekeeper and begins to answer.
func (p *phones) serve(gatekeeper netip.AddrPort) {
	p.gatekeeper = gatekeeper
	p.readers.Go(func() { p.read(p.callee, p.atCallee) })
	p.readers.Go(func() { p.read(p.caller, p.atCaller) })
}

func (p *phones) closeSockets() {
	for _, conn := range []*net.UDPConn{p.caller, p.callee} {
		if conn != nil {
			conn.Close()
		}
	}
}

// close ends the phones; their calls stay as they are.
func (p *phones) close() {
	p.closeSockets()
	p.readers.Wait()
}

func (p *phones) read(conn *net.UDPConn, take func(*message, netip.AddrPort)) {
	buf := make([]byte, 64<<10)
	for {
		n, from, err := conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			return // closed
		}
		take(parseMessage(buf[:n]), from)
	}
}

// atCallee answers everything at once with 200.
func (p *phones) atCallee(m *message, from netip.AddrPort) {
	if m.status == 0 && m.method != "ACK" {
		_, _ = p.callee.WriteToUDPAddrPort([]byte(m.ok(p.calleeAddr)), from) // what is lost is asked again
	}
}

// atCaller answers requests with 200, acknowledges answered INVITEs, and passes final answers on.
func (p *phones) atCaller(m *message, from netip.AddrPort) {
	if m.status == 0 {
		_, _ = p.caller.WriteToUDPAddrPort([]byte(m.ok(p.callerAddr)), from)
		return
	}
	if m.status < 200 || m.call < 0 || m.call >= len(p.dialogs) {
		return
	}
	if m.method == "INVITE" && m.status < 300 {
		p.send(p.inDialog("ACK", m.call, 1, m.dialog()))
	}
	select {
	case p.slots[m.call%window] <- m:
	default: // a repetition that nobody waits for
	}
}

func (p *phones) send(text string) {
	_, _ = p.caller.WriteToUDPAddrPort([]byte(text), p.gatekeeper) // what is lost is repeated
}

// exchange sends a request until its final answer is there. Only one may be under way in the slot of the call.
func (p *phones) exchange(ctx context.Context, n int, method, text string, repeat time.Duration) (*message, error) {
	slot := p.slots[n%window]
	deadline := time.NewTimer(exchangeTime)
	defer deadline.Stop()
	again := time.NewTicker(repeat)
	defer again.Stop()
	p.send(text)
	for {
		select {
		case m := <-slot:
			if m.call == n && m.method == method {
				return m, nil
			}
		case <-again.C:
			p.send(text)
		case <-deadline.C:
			return nil, fmt.Errorf("%s of call %d: no answer in %v", method, n, exchangeTime)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// dial makes the calls, as fast as they are answered, and leaves them up.
func (p *phones) dial(ctx context.Context) error {
	return p.forEach(0, len(p.dialogs), func(i int) error {
		m, err := p.exchange(ctx, i, "INVITE", p.invite(i), repeatFirst)
		if err != nil {
			return err
		}
		if m.status != 200 {
			return fmt.Errorf("INVITE of call %d: %s", i, m.first)
		}
		p.dialogs[i] = m.dialog()
		return nil
	})
}

// hangUp ends the calls from a number on.
func (p *phones) hangUp(ctx context.Context, from int) error {
	return p.forEach(from, len(p.dialogs), func(i int) error { return p.bye(ctx, i, repeatFirst) })
}

// bye ends a call, with a BYE that is sent again and again until it is answered.
func (p *phones) bye(ctx context.Context, n int, repeat time.Duration) error {
	m, err := p.exchange(ctx, n, "BYE", p.inDialog("BYE", n, 2, p.dialogs[n]), repeat)
	if err == nil && m.status != 200 {
		err = fmt.Errorf("BYE of call %d: %s", n, m.first)
	}
	return err
}

// forEach does something for each call, window of them at once, until one fails. The error is the first.
func (p *phones) forEach(from, to int, do func(n int) error) error {
	var workers sync.WaitGroup
	var failed atomic.Bool
	errs := make(chan error, window)
	for w := range window {
		workers.Go(func() {
			for n := from + w; n < to && !failed.Load(); n += window {
				if err := do(n); err != nil {
					failed.Store(true)
					errs <- err
					return
				}
			}
		})
	}
	workers.Wait()
	close(errs)
	return <-errs // nil if there is none
}
