package test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// soakRecord is the stop of a call.
type soakRecord struct {
	soakEnd
	seconds int
	legs    string // who was tried, and what each answered
}

// parseSoak reads CALL|CAUSE|RELEASED|STATUS|SECONDS|LEGS, with anything behind. A Call-ID that is there twice is a fault.
func (r *soakRig) parseSoak(where string, lines []string) map[string]soakRecord {
	r.Helper()
	records := make(map[string]soakRecord, len(lines))
	for _, line := range lines {
		fields := strings.Split(line, "|")
		if len(fields) < 6 {
			r.Fatalf("%s: a record of another form: %q", where, line)
		}
		var n [4]int
		for i := range n {
			var err error
			if n[i], err = strconv.Atoi(fields[i+1]); err != nil {
				r.Fatalf("%s: %q: %v", where, line, err)
			}
		}
		if _, twice := records[fields[0]]; twice {
			r.Errorf("%s: call %s has two records", where, fields[0])
		}
		records[fields[0]] = soakRecord{soakEnd{n[0], n[1], n[2]}, n[3], fields[5]}
	}
	return records
}

// wantRecords compares the records with the calls that were made.
func (r *soakRig) wantRecords(calls int) {
	r.Helper()
	query := "SELECT call, cause, released, status, seconds, legs FROM events WHERE kind="
	starts := r.parseSoak("SQL starts", r.gk.query(query+"'start'"))
	stops := r.parseSoak("SQL stops", r.gk.query(query+"'stop'"))
	file := r.parseSoak("CDR file", r.gk.cdrLines())
	made, repeated := 0, 0
	for i := range r.kinds {
		k := &r.kinds[i]
		n := calls * k.share / 100
		made += n
		repeated += r.results[k.name].Retransmissions
		for _, fault := range k.faults(n, starts, stops, file) {
			r.Error(fault)
		}
		r.wantEnds(k, n, stops)
	}
	if repeated == 0 {
		r.Error("the callers had to repeat nothing: no datagram was lost")
	}
	if len(starts) != made || len(stops) != made || len(file) != made {
		r.Errorf("%d calls were made; SQL has the starts of %d and the stops of %d, the file those of %d", made, len(starts), len(stops), len(file))
	}
}

// faults are the calls of a kind that are missing somewhere, or are not the same everywhere; the first ten.
func (k *soakKind) faults(n int, starts, stops, file map[string]soakRecord) []string {
	var list []string
	for i := 1; i <= n && len(list) < 10; i++ {
		id := k.id(i)
		_, started := starts[id]
		stop, inSQL := stops[id]
		line, inFile := file[id]
		if !started || !inSQL || !inFile || stop != line {
			list = append(list, fmt.Sprintf("call %s: start in SQL %v, stop in SQL %v %+v, in the file %v %+v", id, started, inSQL, stop, inFile, line))
		}
	}
	return list
}

// wantEnds compares the ends of the calls of a kind. As many in a hundred calls as datagrams, and two more, may have lost what cannot
// be repeated.
func (r *soakRig) wantEnds(k *soakKind, n int, stops map[string]soakRecord) {
	r.Helper()
	ends := map[soakEnd]int{}
	var others []string
	for i := 1; i <= n; i++ {
		stop, ok := stops[k.id(i)]
		if !ok {
			continue // told already
		}
		ends[stop.soakEnd]++
		if k.usual(stop) {
			continue
		}
		others = append(others, fmt.Sprintf("%s %+v", k.id(i), stop))
		if !k.possible(stop) {
			r.Errorf("%s: a call of this kind cannot end so: %+v", k.id(i), stop)
		}
	}
	slices.Sort(others)
	caller := r.results[k.name]
	r.Logf("%s: %d calls, the caller repeated %d messages and counts %d calls as failed, ends %v", k.name, n, caller.Retransmissions, caller.Failed, ends)
	if len(others) > n**soakLost/100+2 {
		r.Errorf("%s: %d of %d calls ended otherwise: %s", k.name, len(others), n, strings.Join(others[:min(len(others), 10)], "; "))
	}
}
