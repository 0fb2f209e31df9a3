package statusport

import (
	"net/netip"
	"strconv"
	"time"

	"tollgate/gatekeeper/sip/routes"
)

// Gateways are the targets of [SIP::Routes].
type Gateways interface {
	// Gateways lists them in the order of the file, each address once.
	Gateways() []routes.State
}

// gateways lists them: "Gateways", for each one GW|address|state|since|requests in a row without an answer, the count, ";".
func (c *client) gateways(invocation) ([]byte, bool) {
	b := []byte("Gateways\r\n")
	n := 0
	if source := c.server.opts.Gateways; source != nil {
		for _, g := range source.Gateways() {
			b = c.server.appendGateway(b, &g)
			n++
		}
	}
	b = append(b, "Number of Gateways: "...)
	b = strconv.AppendInt(b, int64(n), 10)
	return append(b, "\r\n;\r\n"...), true
}

func (s *Server) appendGateway(b []byte, g *routes.State) []byte {
	b = append(b, "GW|"...)
	b = g.Addr.AppendTo(b)
	b = append(b, '|')
	b = append(b, upOrDown(g.Down)...)
	b = append(b, '|')
	b = s.appendSince(b, g.Since)
	b = appendNumber(b, int64(g.Failures))
	return append(b, "\r\n"...)
}

// appendSince writes a time, or a blank for none.
func (s *Server) appendSince(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return append(b, ' ')
	}
	return s.times.Append(b, t)
}

func upOrDown(down bool) string {
	if down {
		return "down"
	}
	return "up"
}

// GatewayChanged shows that a gateway went down or came back to every client of level 2: Gateway|address|before|now;
func (s *Server) GatewayChanged(addr netip.AddrPort, down bool) {
	b := addr.AppendTo([]byte("Gateway|"))
	b = append(b, '|')
	b = append(b, upOrDown(!down)...)
	b = append(b, '|')
	b = append(b, upOrDown(down)...)
	s.Broadcast(2, append(b, ';'))
}
