package statusport

import (
	"strconv"

	"tollgate/gatekeeper/limits"
)

// limits lists what turns new calls away: "Limits", for each key of [Limits] LIM|key|calls that it has refused, the calls that are
// up, how many sources and users are remembered, whether the gatekeeper is in maintenance mode, ";".
func (c *client) limits(invocation) ([]byte, bool) {
	var st limits.Stats
	if c.server.opts.Limits != nil {
		st = c.server.opts.Limits()
	}
	b := []byte("Limits\r\n")
	for _, r := range st.Refused {
		b = append(b, "LIM|"...)
		b = append(b, r.Key...)
		b = append(b, '|')
		b = strconv.AppendUint(b, r.Count, 10)
		b = append(b, "\r\n"...)
	}
	b = append(b, "Current Calls: "...)
	b = strconv.AppendInt(b, st.Calls, 10)
	b = append(b, " Sources: "...)
	b = strconv.AppendInt(b, int64(st.Sources), 10)
	b = append(b, " Users: "...)
	b = strconv.AppendInt(b, int64(st.Users), 10)
	b = append(b, " MaintenanceMode: "...)
	if c.server.opts.Maintenance.Maintained() {
		b = append(b, "ON"...)
	} else {
		b = append(b, "OFF"...)
	}
	return append(b, "\r\n;\r\n"...), true
}
