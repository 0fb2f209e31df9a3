package test

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"tollgate/test/peer"
)

// want is a number of records that hold some texts.
type want struct {
	line  int // in the play
	kind  string
	count int
	texts []string
}

func parseWant(p *play, args []string) want {
	p.Helper()
	if len(args) < 2 {
		p.Fatal("a record and a number are needed")
	}
	w := want{line: p.line, kind: args[0], count: p.number(args[1])}
	for _, text := range args[2:] {
		w.texts = append(w.texts, p.filled(text))
	}
	return w
}

// await waits until there are as many records, or more.
func (p *play) await(w want) {
	p.Helper()
	if !p.check(w, func(n int) bool { return n >= w.count }) {
		p.Errorf("only %d %s records with %q came; all of them:\n%s", p.count(w), w.kind, w.texts, strings.Join(p.records(w.kind), "\n"))
	}
}

// check polls until the number of records is right.
func (p *play) check(w want, right func(n int) bool) bool {
	p.Helper()
	return eventually(func() bool { return right(p.count(w)) })
}

// count is how many records of the kind hold all the texts.
func (p *play) count(w want) int {
	p.Helper()
	n := 0
	for _, record := range p.records(w.kind) {
		if !slices.ContainsFunc(w.texts, func(text string) bool { return !strings.Contains(record, text) }) {
			n++
		}
	}
	return n
}

// records are the records of a kind so far, each as one line.
func (p *play) records(kind string) []string {
	p.Helper()
	if table, ok := strings.CutPrefix(kind, "sql:"); ok {
		return p.gk.query("SELECT * FROM " + table)
	}
	switch kind {
	case "radius":
		var lines []string
		for i, record := range p.radius.Records(p) {
			lines = append(lines, fmt.Sprintf("#%d %s", i+1, radiusLine(record)))
		}
		return lines
	case "file":
		return withSeconds(p.gk.cdrLines())
	case "syslog":
		return p.syslog.Lines(p)
	case "status":
		return withSeconds(p.watch.all())
	case "log":
		return strings.Split(p.gk.log(), "\n")
	case "invite":
		return p.called()
	case "heard":
		return p.heard()
	}
	p.Fatalf("unknown records %q", kind)
	return nil
}

// radiusLine is a RADIUS record as one line: its place among them and its kind, then each attribute as NAME=VALUE in the order of the names.
func radiusLine(r peer.Record) string {
	line := r.Get("Acct-Status-Type")
	for _, name := range slices.Sorted(maps.Keys(r)) {
		for _, value := range r[name] {
			line += " " + name + "=" + value
		}
	}
	return line
}

// withSeconds names the duration of each standard CDR line behind it, since a number alone may be any field.
func withSeconds(lines []string) []string {
	for i, line := range lines {
		if fields := strings.Split(line, "|"); fields[0] == "CDR" && len(fields) == 13 {
			lines[i] += " seconds=" + fields[3]
		}
	}
	return lines
}

// called are the calls that the callees have seen so far, each with its events in the order of their names.
func (p *play) called() []string {
	p.Helper()
	var lines []string
	for i, callee := range p.callees {
		calls, err := callee.Calls()
		if err != nil {
			p.Fatal(err)
		}
		for id, events := range calls {
			lines = append(lines, fmt.Sprintf("callee=%d ", i+1)+id+" "+strings.Join(slices.Sorted(maps.Keys(events)), " "))
		}
	}
	return lines
}

// eventID is the id of the event that a RADIUS record is of, "" without one.
func eventID(r peer.Record) string {
	for _, pair := range r["Cisco-AVPair"] {
		if id, ok := strings.CutPrefix(pair, "event-id="); ok {
			return id
		}
	}
	return ""
}
