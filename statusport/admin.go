package statusport

import (
	"fmt"
	"runtime"
	"strings"
	"time"
)

// help lists the names of the commands.
func (c *client) help(invocation) ([]byte, bool) {
	b := []byte("Commands:\r\n")
	for _, name := range c.server.commands.names {
		if c.server.commands.byName[name] != nil {
			b = append(b, name...)
			b = append(b, "\r\n"...)
		}
	}
	return append(b, ";\r\n"...), true
}

func (c *client) version(invocation) ([]byte, bool) { return c.server.version(), true }

// version is also what a client gets when it has been let in.
func (s *Server) version() []byte {
	b := fmt.Appendf(nil, "Version:\r\nGatekeeper(Tollgate) Version(%s) Go(%s) Sys(%s %s)\r\n",
		s.opts.Version, strings.TrimPrefix(runtime.Version(), "go"), runtime.GOOS, runtime.GOARCH)
	b = appendUptime(b, s.times, s.opts.Stats().Started, time.Now())
	return append(b, "\r\n;\r\n"...)
}

func (c *client) statistics(invocation) ([]byte, bool) { return c.server.statistics(), true }

// statistics has GnuGk's seven lines. There are no neighbours, parents and proxied media here.
func (s *Server) statistics() []byte {
	st := s.opts.Stats()
	peakAt := st.PeakAt
	if peakAt.IsZero() {
		peakAt = st.Started
	}
	b := []byte("-- Endpoint Statistics --\r\n" +
		"Total Endpoints: 0  Terminals: 0  Gateways: 0  NATed: 0\r\n" +
		"Cached Endpoints: 0  Terminals: 0  Gateways: 0\r\n" +
		"-- Call Statistics --\r\n")
	b = fmt.Appendf(b, "Current Calls: %d Active: %d From Neighbor: 0 From Parent: 0 Proxied: 0\r\n", st.Current, st.Active)
	b = fmt.Appendf(b, "Total Calls: %d  Successful: %d  From Neighbor: 0  From Parent: 0  Proxied: 0  Peak: %d at ",
		st.Total, st.Successful, st.Peak)
	b = s.times.Append(b, peakAt)
	b = append(b, "\r\n"...)
	b = appendUptime(b, s.times, st.Started, time.Now())
	return append(b, "\r\n;\r\n"...)
}

// reload reads the configuration again. GnuGk can reload a part; here it is always the whole, whatever the argument, but
// the notice names what was asked for. The notice goes to everyone, problems only to the client that asked.
func (c *client) reload(in invocation) ([]byte, bool) {
	part := "Full"
	if len(in.args) == 1 {
		part = reloadPart(in.args[0])
	}
	if part == "" || len(in.args) > 1 {
		return nil, false
	}
	problems := c.server.opts.Control.Reload()
	var b []byte
	if problems.Err() != nil {
		b = []byte("Error: Config not reloaded, the old one stays in force\r\n")
	} else {
		c.server.announce(part + " Config reloaded.")
	}
	if len(problems) == 0 {
		return nil, true
	}
	for _, p := range problems {
		b = append(b, line(p.String())...)
	}
	return append(b, ";\r\n"...), true
}

// reloadPart is GnuGk's name of a part of the configuration, "" if there is no such part.
func reloadPart(arg string) string {
	switch strings.ToLower(arg) {
	case "acctconfig":
		return "Acct"
	case "authconfig":
		return "Auth"
	case "capconfig":
		return "CapacityControl"
	case "epconfig":
		return "EP"
	}
	return ""
}

// shutdown ends the program, if [GkStatus::Auth] Shutdown allows it. The client gets the statistics first, before the end
// of the program closes its session.
func (c *client) shutdown(invocation) ([]byte, bool) {
	if !c.server.settings.Load().Auth.Shutdown {
		return line("Shutdown not allowed!"), true
	}
	c.out.send(c.server.statistics())
	c.server.opts.Control.Shutdown()
	return nil, true
}
