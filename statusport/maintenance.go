package statusport

import (
	"net/netip"
	"strings"
)

// Maintenance closes the gatekeeper to new calls for a while.
type Maintenance interface {
	// Maintain closes it or opens it again. Calls that are up go on.
	Maintain(on bool)
	// Maintained tells whether new calls are turned away.
	Maintained() bool
}

const noAlternate = "Error: MaintenanceMode takes no alternate address: no endpoint is registered here that could be sent there"

// maintenanceMode turns new calls away, or with OFF takes them again. Everyone sees it, in GnuGk's form, whose place for the
// alternate gatekeeper is empty.
func (c *client) maintenanceMode(in invocation) ([]byte, bool) {
	on := true
	switch {
	case len(in.args) > 1:
		return nil, false
	case len(in.args) == 0 || strings.EqualFold(in.args[0], "on"):
	case strings.EqualFold(in.args[0], "off"):
		on = false
	case isAddress(in.args[0]):
		return line(noAlternate), true
	default:
		return nil, false
	}
	c.server.opts.Maintenance.Maintain(on)
	if on {
		c.server.announce("MaintenanceMode ON ")
	} else {
		c.server.announce("MaintenanceMode OFF ")
	}
	return nil, true
}

func isAddress(text string) bool {
	_, err := netip.ParseAddr(text)
	if err != nil {
		_, err = netip.ParseAddrPort(text)
	}
	return err == nil
}
