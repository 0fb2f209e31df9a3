package statusport

import (
	"strconv"
	"strings"
	"time"
)

// whoami is how a client appears in lists and messages: session, connection, and the user, who has no name as there is
// no login.
func (c *client) whoami() string {
	return strconv.FormatUint(c.id, 10) + "\t" + c.peer + "\t"
}

// who lists the clients.
func (c *client) who(invocation) ([]byte, bool) {
	var b []byte
	for _, other := range *c.server.clients.Load() {
		b = append(b, "  "...)
		b = append(b, other.whoami()...)
		b = append(b, "\r\n"...)
	}
	return append(b, ";\r\n"...), true
}

// yell shows the command line to everyone.
func (c *client) yell(in invocation) ([]byte, bool) {
	b := append([]byte("  "), c.whoami()...)
	b = append(b, ": "...)
	c.server.Broadcast(0, appendText(b, in.text))
	return nil, true
}

// disconnectSession sends another client away, or oneself.
func (c *client) disconnectSession(in invocation) ([]byte, bool) {
	if len(in.args) != 1 {
		return nil, false
	}
	id, err := strconv.ParseUint(in.args[0], 10, 64)
	if err != nil {
		return nil, false
	}
	for _, other := range *c.server.clients.Load() {
		if other.id != id {
			continue
		}
		other.out.offer([]byte("Disconnected by session " + c.whoami() + "\r\n"))
		other.dismiss(time.Now().Add(c.server.drainTime))
		return line("Session " + in.args[0] + " disconnected"), true
	}
	return line("Session " + in.args[0] + " not found"), true
}

// trace shows or sets the output level of the client.
func (c *client) trace(in invocation) ([]byte, bool) {
	if len(in.args) == 1 {
		switch strings.ToLower(in.args[0]) {
		case "0", "min":
			c.level.Store(0)
		case "1":
			c.level.Store(1)
		case "2", "max":
			c.level.Store(2)
		default:
			return nil, false
		}
	}
	return line("Output trace level is " + strconv.Itoa(int(c.level.Load()))), len(in.args) < 2
}

// exit ends the session.
func (c *client) exit(invocation) ([]byte, bool) {
	c.leaving = true
	return nil, true
}
