package call

import (
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
)

// phone is one end of a call: a UDP socket with a SIP user agent on it.
type phone struct {
	ua      *sipgo.UserAgent
	server  *sipgo.Server
	client  *sipgo.Client
	contact sip.ContactHeader
	conn    net.PacketConn
	served  chan struct{} // closed when the socket is read no more
}

// newPhone opens the socket. The caller sets the handlers of the server, then calls serve.
func newPhone(user, listen string) (*phone, error) {
	conn, err := net.ListenPacket("udp", listen)
	if err != nil {
		return nil, fmt.Errorf("call: %w", err)
	}
	p := &phone{conn: conn, served: make(chan struct{})}
	if err := p.assemble(user); err != nil {
		conn.Close()
		return nil, fmt.Errorf("call: setting up SIP on %s: %w", listen, err)
	}
	return p, nil
}

func (p *phone) assemble(user string) error {
	addr, err := netip.ParseAddrPort(p.conn.LocalAddr().String())
	if err != nil {
		return err
	}
	host := addr.Addr().Unmap().String()
	if addr.Addr().Is6() && !addr.Addr().Is4In6() {
		host = "[" + host + "]"
	}
	p.contact = sip.ContactHeader{Address: sip.Uri{Scheme: "sip", User: user, Host: host, Port: int(addr.Port())}}
	if p.ua, err = sipgo.NewUA(sipgo.WithUserAgent(user), sipgo.WithUserAgentHostname(host)); err != nil {
		return err
	}
	if p.server, err = sipgo.NewServer(p.ua); err != nil {
		return err
	}
	p.client, err = sipgo.NewClient(p.ua, sipgo.WithClientHostname(host), sipgo.WithClientPort(int(addr.Port())),
		sipgo.WithClientConnectionAddr(p.conn.LocalAddr().String()))
	if err != nil {
		return err
	}
	p.server.OnOptions(func(req *sip.Request, tx sip.ServerTransaction) { respond(tx, req, 200, "OK") })
	p.server.OnCancel(func(req *sip.Request, tx sip.ServerTransaction) {
		respond(tx, req, 481, "Call/Transaction Does Not Exist") // the others never get here (RFC 3261 9.2)
	})
	p.server.OnNoRoute(func(req *sip.Request, tx sip.ServerTransaction) { respond(tx, req, 405, "Method Not Allowed") })
	return nil
}

// serve reads the socket until close.
func (p *phone) serve() {
	go func() {
		defer close(p.served)
		_ = p.server.ServeUDP(p.conn) // it ends with the socket
	}()
	// A request may only be sent once the transport knows the socket: before, it would open another one.
	for !p.listening() {
		select {
		case <-p.served:
			return
		case <-time.After(time.Millisecond):
		}
	}
}

func (p *phone) listening() bool {
	conn, err := p.ua.TransportLayer().GetConnection("udp", p.conn.LocalAddr().String())
	if err != nil {
		return false
	}
	_, _ = conn.TryClose() // gives the reference back; the listening socket stays open
	return true
}

// close ends all transactions and closes the socket.
func (p *phone) close() {
	_ = p.ua.Close() // the sockets are gone either way
	p.conn.Close()
	<-p.served
}

// bye is a BYE to the other end's Contact; the dialog adds the rest. It leaves by the phone's own socket: by itself sipgo
// opens another one if it has forgotten where the other end's messages come in.
func (p *phone) bye(contact *sip.ContactHeader) *sip.Request {
	req := sip.NewRequest(sip.BYE, *contact.Address.Clone())
	addr := p.conn.LocalAddr().(*net.UDPAddr)
	req.Laddr = sip.Addr{IP: addr.IP, Port: addr.Port, Zone: addr.Zone}
	return req
}

// respond answers a request in its transaction. A failure to send is not reported: the other end asks again.
func respond(tx sip.ServerTransaction, req *sip.Request, code int, reason string) {
	_ = tx.Respond(sip.NewResponseFromRequest(req, code, reason, nil))
}

// mediaDescription offers or accepts PCMA at a port where nobody listens (RFC 4566).
func mediaDescription(p *phone) []byte {
	family := "IP4"
	host := p.contact.Address.Host
	if host[0] == '[' {
		family, host = "IP6", host[1:len(host)-1]
	}
	return fmt.Appendf(nil, "v=0\r\no=- 1 1 IN %[1]s %[2]s\r\ns=-\r\nc=IN %[1]s %[2]s\r\nt=0 0\r\n"+
		"m=audio 49170 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n", family, host)
}
