package statusport

import (
	"strconv"
	"strings"
	"time"

	"tollgate/cdr"
)

// printCurrentCalls lists the running calls: "CurrentCalls", four lines for each, the count, ";".
func (c *client) printCurrentCalls(invocation) ([]byte, bool) {
	calls := c.server.opts.Calls.Calls()
	b := make([]byte, 0, 256+512*len(calls))
	b = append(b, "CurrentCalls\r\n"...)
	active := 0
	for _, r := range calls {
		b = appendCall(b, r)
		if !r.Connected.IsZero() {
			active++
		}
	}
	b = append(b, "Number of Calls: "...)
	b = strconv.AppendInt(b, int64(len(calls)), 10)
	b = append(b, " Active: "...)
	b = strconv.AppendInt(b, int64(active), 10)
	return append(b, " From Neighbor: 0 From Parent: 0 Proxied: 0\r\n;\r\n"...), true
}

// appendCall writes one call as GnuGk lists it. What only H.323 has gets GnuGk's empty form: the call reference is 0 and
// the media, which do not pass through the gatekeeper, are Direct.
func appendCall(b []byte, r *cdr.Record) []byte {
	b = append(b, "Call No. "...)
	b = strconv.AppendUint(b, r.Number, 10)
	b = append(b, " | CallID "...)
	b = r.CallID.AppendBlanks(b)
	b = append(b, " | "...)
	b = strconv.AppendInt(b, age(r), 10)
	b = append(b, " | 0\r\nDial "...) // no limit to the duration
	b = cdr.AppendAliases(b, r.Dest, cdr.Line)
	b = append(b, "\r\n"...)
	b = appendLeg(b, r, &r.Caller, false)
	return appendLeg(b, r, &r.Callee, true)
}

// age is how long the call has been connected, or set up as long as it is not, in whole seconds.
func age(r *cdr.Record) int64 {
	if r.Connected.IsZero() {
		return max(int64(r.Now.Sub(r.Setup)/time.Second), 0)
	}
	return r.Duration()
}

// appendLeg writes the ACF line of one side: ACF|address|endpoint|call reference|dest|src|answered|call id|media;
func appendLeg(b []byte, r *cdr.Record, p *cdr.Party, callee bool) []byte {
	b = append(b, "ACF|"...)
	if p.Address.IsValid() {
		b = cdr.AppendAddrPort(b, p.Address)
	} else {
		b = append(b, ' ')
	}
	b = append(b, '|')
	if p.EndpointID != "" {
		b = appendText(b, p.EndpointID)
	} else {
		b = append(b, ' ')
	}
	if callee {
		b = append(b, "|32768|"...) // the call reference with the callee's flag (Q.931 4.3)
	} else {
		b = append(b, "|0|"...)
	}
	b = cdr.AppendAliases(b, r.Dest, cdr.Line)
	b = append(b, '|')
	b = cdr.AppendAliases(b, r.Src, cdr.Line)
	b = append(b, '|')
	b = strconv.AppendBool(b, callee)
	b = append(b, '|')
	b = r.CallID.AppendDashes(b)
	return append(b, "|Direct;\r\n"...)
}

// disconnectCall ends calls by number. Everyone sees the results.
func (c *client) disconnectCall(in invocation) ([]byte, bool) {
	numbers := make([]uint64, len(in.args))
	for i, arg := range in.args {
		n, err := strconv.ParseUint(arg, 10, 64)
		if err != nil {
			return nil, false
		}
		numbers[i] = n
	}
	for i, n := range numbers {
		if c.server.opts.Calls.Disconnect(n) {
			c.server.announce("Call number " + in.args[i] + " disconnected.")
		} else {
			c.server.announce("Can't find call number " + in.args[i])
		}
	}
	return nil, len(numbers) > 0
}

// disconnectCallID ends the calls of a call id, written as in events, as in CDR lines, or as the SIP Call-ID. Everyone
// sees the result.
func (c *client) disconnectCallID(in invocation) ([]byte, bool) {
	if len(in.args) == 0 {
		return nil, false
	}
	text := strings.Join(in.args, " ")
	id, err := cdr.ParseCallID(text)
	if err != nil && len(in.args) > 1 {
		return nil, false
	}
	found := false
	for _, r := range c.server.opts.Calls.Calls() {
		if r.SIPCallID == text || err == nil && r.CallID == id {
			found = c.server.opts.Calls.Disconnect(r.Number) || found
		}
	}
	if found {
		c.server.announce("Call id " + text + " disconnected.")
	} else {
		c.server.announce("Can't find call id " + text)
	}
	return nil, true
}

// announce broadcasts a notice to everyone.
func (s *Server) announce(text string) { s.Broadcast(0, appendText(nil, text)) }
