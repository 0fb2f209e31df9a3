package test

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"tollgate/test/peer"
)

// place is where a record is, with its kind.
type place int

const (
	sqlStart place = iota
	sqlStop
	fileStop
	radiusStart
	radiusStop
	places
)

func (p place) String() string {
	return [...]string{"start in SQL", "stop in SQL", "line in the file", "start in RADIUS", "stop in RADIUS"}[p]
}

// crashRecord is one record of a call at one place.
type crashRecord struct {
	id      string // of the event
	seconds int    // as billed
	// exact is the time from the answer to the end, which RADIUS is not told; 0 if the call was not answered.
	exact time.Duration
}

// sessionRecords are all records of one session.
type sessionRecords struct {
	call string // Call-ID; "" if only RADIUS knows the session
	at   [places][]crashRecord
}

// sessionTable holds them by Acct-Session-Id.
type sessionTable map[string]*sessionRecords

func (s sessionTable) add(session, call string, at place, r crashRecord) {
	records := s[session]
	if records == nil {
		records = &sessionRecords{}
		s[session] = records
	}
	records.call = cmp.Or(records.call, call)
	records.at[at] = append(records.at[at], r)
}

// collect reads all records that there are now. The error is of records that are none.
func (r *crashRig) collect() (sessionTable, error) {
	r.Helper()
	sessions := sessionTable{}
	var errs []error
	for _, row := range r.gk.query("SELECT kind, id, session, call, seconds, connected, ended FROM events") {
		at := sqlStop
		if strings.HasPrefix(row, "start|") {
			at = sqlStart
		}
		errs = append(errs, sessions.addLine(at, row))
	}
	for _, line := range r.gk.cdrLines() {
		errs = append(errs, sessions.addLine(fileStop, line))
	}
	errs = append(errs, sessions.addDetail(r.radius.DetailFile()))
	return sessions, errors.Join(errs...)
}

// addLine reads KIND|ID|SESSION|CALL|SECONDS|CONNECTED|ENDED.
func (s sessionTable) addLine(at place, line string) error {
	f := strings.Split(line, "|")
	if len(f) != 7 || f[0] != map[bool]string{true: "start", false: "stop"}[at == sqlStart] {
		return fmt.Errorf("a %v of another form: %q", at, line)
	}
	record := crashRecord{id: f[1]}
	var err error
	if record.seconds, err = strconv.Atoi(f[4]); err != nil {
		return fmt.Errorf("%v: %q: %w", at, line, err)
	}
	if f[5] != "" && f[5] != "NULL" {
		connected, err1 := parseEpoch(f[5])
		ended, err2 := parseEpoch(f[6])
		if err := cmp.Or(err1, err2); err != nil {
			return fmt.Errorf("%v: %q: %w", at, line, err)
		}
		record.exact = ended.Sub(connected)
	}
	s.add(f[2], f[3], at, record)
	return nil
}

// parseEpoch reads seconds since 1970 with a fraction, as the format %s.%u writes them.
func parseEpoch(s string) (time.Time, error) {
	whole, fraction, _ := strings.Cut(s, ".")
	sec, err1 := strconv.ParseInt(whole, 10, 64)
	nsec, err2 := strconv.ParseInt((fraction + "000000000")[:9], 10, 64)
	return time.Unix(sec, nsec), cmp.Or(err1, err2)
}

// addDetail reads FreeRADIUS's file record by record, as it may be large.
func (s sessionTable) addDetail(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Split(splitRecords)
	for lines.Scan() {
		for _, record := range peer.ParseDetail(lines.Text()) {
			if err := s.addRADIUS(record); err != nil {
				return err
			}
		}
	}
	return lines.Err()
}

// splitRecords cuts behind an empty line.
func splitRecords(data []byte, _ bool) (int, []byte, error) {
	if i := bytes.Index(data, []byte("\n\n")); i >= 0 {
		return i + 2, data[:i+2], nil
	}
	return 0, nil, nil
}

func (s sessionTable) addRADIUS(r peer.Record) error {
	record, at := crashRecord{id: eventID(r)}, radiusStart
	if kind := r.Get("Acct-Status-Type"); kind == "Stop" {
		at = radiusStop
		var err error
		if record.seconds, err = strconv.Atoi(r.Get("Acct-Session-Time")); err != nil {
			return fmt.Errorf("%v: %v: %w", at, r, err)
		}
	} else if kind != "Start" {
		return fmt.Errorf("RADIUS has a record of kind %q: %v", kind, r)
	}
	if record.id == "" {
		return fmt.Errorf("a %v without an event id: %v", at, r)
	}
	s.add(r.Get("Acct-Session-Id"), "", at, record)
	return nil
}
