package statusport

import (
	"strconv"
	"time"

	"tollgate/acctstack"
)

// Modules are the module instances of the accounting stack.
type Modules interface {
	Statuses() []acctstack.Status
}

// Spool is where events are kept for instances that could not take them.
type Spool interface {
	// Kept lists all copies, in the order in which the events were kept.
	Kept() []acctstack.Kept
}

// How many kept events spool shows.
const (
	spoolShown = 10
	spoolMost  = 1000
)

// modules lists the instances: "Modules", for each one MOD|name|state|since|waiting|age of the oldest in seconds|
// quarantined|stored|failed|last error, the count, ";".
func (c *client) modules(invocation) ([]byte, bool) {
	b := []byte("Modules\r\n")
	n, now := 0, time.Now()
	if source := c.server.opts.Modules; source != nil {
		for _, s := range source.Statuses() {
			b = c.server.appendModule(b, &s, now)
			n++
		}
	}
	b = append(b, "Number of Modules: "...)
	b = strconv.AppendInt(b, int64(n), 10)
	return append(b, "\r\n;\r\n"...), true
}

func (s *Server) appendModule(b []byte, st *acctstack.Status, now time.Time) []byte {
	b = append(b, "MOD|"...)
	b = appendField(b, st.Instance)
	b = append(b, '|')
	b = append(b, st.State.String()...)
	b = append(b, '|')
	b = s.appendSince(b, st.Since)
	b = appendNumber(b, int64(st.Backlog))
	b = appendNumber(b, ageOf(st.Oldest, now))
	b = appendNumber(b, int64(st.Quarantined))
	b = appendNumber(b, int64(st.Stored))
	b = appendNumber(b, int64(st.Failed))
	b = append(b, '|')
	b = appendField(b, st.Reason)
	return append(b, "\r\n"...)
}

func appendNumber(b []byte, n int64) []byte { return strconv.AppendInt(append(b, '|'), n, 10) }

// ageOf is how long ago t was, in whole seconds; 0 if it is zero.
func ageOf(t, now time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return max(int64(now.Sub(t)/time.Second), 0)
}

// StateChanged shows the change of an instance's state to every client of level 2: Module|name|before|now|reason; It makes
// the server an acctstack.Watcher.
func (s *Server) StateChanged(now acctstack.Status, before acctstack.State) {
	b := appendField([]byte("Module|"), now.Instance)
	b = append(b, '|')
	b = append(b, before.String()...)
	b = append(b, '|')
	b = append(b, now.State.String()...)
	b = append(b, '|')
	b = appendField(b, now.Reason)
	s.Broadcast(2, append(b, ';'))
}

// spool shows what is kept: "Spool", the first copies as KEPT|event id|kind|event time|instance|reason of quarantine, for each
// instance SPL|name|waiting|quarantined, the count of all copies, ";".
func (c *client) spool(in invocation) ([]byte, bool) {
	most := spoolShown
	if len(in.args) > 1 {
		return nil, false
	}
	if len(in.args) == 1 {
		n, err := strconv.Atoi(in.args[0])
		if err != nil || n < 0 || n > spoolMost {
			return nil, false
		}
		most = n
	}
	var kept []acctstack.Kept
	if source := c.server.opts.Spool; source != nil {
		kept = source.Kept()
	}
	b := []byte("Spool\r\n")
	for i := range kept[:min(most, len(kept))] {
		b = c.server.appendKept(b, &kept[i])
	}
	b = appendTotals(b, kept)
	b = append(b, "Number of Kept Events: "...)
	b = strconv.AppendInt(b, int64(len(kept)), 10)
	return append(b, "\r\n;\r\n"...), true
}

func (s *Server) appendKept(b []byte, k *acctstack.Kept) []byte {
	b = append(b, "KEPT|"...)
	b = k.ID.Append(b)
	b = append(b, '|')
	b = append(b, k.Kind.String()...)
	b = append(b, '|')
	b = s.times.Append(b, k.Time)
	b = append(b, '|')
	b = appendField(b, k.Instance)
	b = append(b, '|')
	b = appendField(b, k.Reason)
	return append(b, "\r\n"...)
}

// appendTotals writes a line for each instance, in the order in which they first appear.
func appendTotals(b []byte, kept []acctstack.Kept) []byte {
	type total struct{ waiting, quarantined int64 }
	totals := map[string]*total{}
	var names []string
	for i := range kept {
		t := totals[kept[i].Instance]
		if t == nil {
			t = &total{}
			totals[kept[i].Instance] = t
			names = append(names, kept[i].Instance)
		}
		if kept[i].Reason == "" {
			t.waiting++
		} else {
			t.quarantined++
		}
	}
	for _, name := range names {
		b = appendField(append(b, "SPL|"...), name)
		b = appendNumber(b, totals[name].waiting)
		b = appendNumber(b, totals[name].quarantined)
		b = append(b, "\r\n"...)
	}
	return b
}
