package test

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"tollgate/test/peer"
)

// story tells all that is known of one call, in the order of time.
func (r *crashRig) story(id string, call peer.Call) string {
	r.Helper()
	type moment struct {
		at   time.Time
		text string
	}
	var moments []moment
	first, last := time.Time{}, time.Time{}
	for _, side := range []struct {
		name  string
		calls peer.Call
	}{{"caller", call}, {"callee", r.called()[id]}} {
		for name, at := range side.calls {
			moments = append(moments, moment{at, side.name + ": " + name})
			if first.IsZero() || at.Before(first) {
				first = at
			}
			if at.After(last) {
				last = at
			}
		}
	}
	for _, o := range r.outages {
		if overlaps(o, first, last.Add(5*time.Second)) {
			moments = append(moments, moment{o.from, "the gatekeeper dies"}, moment{o.to, "the gatekeeper is ready"})
		}
	}
	slices.SortFunc(moments, func(a, b moment) int { return a.at.Compare(b.at) })
	var b strings.Builder
	fmt.Fprintf(&b, "call %s\n", id)
	for _, m := range moments {
		fmt.Fprintf(&b, "  %s %s\n", m.at.Format("15:04:05.000000"), m.text)
	}
	for _, line := range r.traces(id) {
		fmt.Fprintf(&b, "  %s\n", line)
	}
	return b.String()
}

// called are the calls as the callee saw them.
func (r *crashRig) called() map[string]peer.Call {
	r.Helper()
	calls, err := r.callee.Calls()
	if err != nil {
		r.Error(err)
	}
	return calls
}

// traces are what places and logs have of a call.
func (r *crashRig) traces(id string) []string {
	r.Helper()
	var lines []string
	texts := map[string]bool{id: true}
	for _, row := range r.gk.query("SELECT * FROM events WHERE call = '" + strings.ReplaceAll(id, "'", "''") + "'") {
		lines = append(lines, "SQL: "+row)
		texts[strings.Split(row, "|")[2]] = true
	}
	for _, line := range r.gk.cdrLines() {
		if f := strings.Split(line, "|"); len(f) > 3 && f[3] == id {
			lines = append(lines, "file: "+line)
			texts[f[2]] = true
		}
	}
	names := slices.Collect(maps.Keys(texts))
	detail, err := os.ReadFile(r.radius.DetailFile())
	if err != nil {
		r.Error(err)
	}
	for part := range strings.SplitSeq(string(detail), "\n\n") {
		if slices.ContainsFunc(names, func(name string) bool { return strings.Contains(part, `Acct-Session-Id = "`+name+`"`) }) {
			for _, record := range peer.ParseDetail(part + "\n\n") {
				lines = append(lines, "RADIUS: "+radiusLine(record))
			}
		}
	}
	return append(lines, r.logLines(names...)...)
}
