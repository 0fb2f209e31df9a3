package peer

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// The files of a run of sipp.
const (
	scenarioFile = "scenario.xml"
	statFile     = "stat.csv"
	errorFile    = "errors.log"
	logFile      = "events.log"
	messageFile  = "messages.log"
)

// Result is what sipp tells of its calls.
type Result struct {
	Created, Successful, Failed int
	Retransmissions             int             // that sipp sent
	CPU                         time.Duration   // of a caller\'s sipp itself
	Elapsed                     time.Duration   // of the whole run
	Calls                       map[string]Call // by Call-ID; nil in runs with Load
	Errors                      string          // the beginning of sipp's error log
}

// Call is when the events of one call happened to sipp, on the wall clock to the microsecond. The names are those of
// the scenarios' log lines: sent (INVITE went out), invited (INVITE came), ringing, answered, refused, cancelled,
// hungup (BYE went out or came), ended (its answer).
type Call map[string]time.Time

// Duration is the time from the answer to the BYE, as this side saw it; 0 if one of them is missing.
func (c Call) Duration() time.Duration {
	answered, hungup := c["answered"], c["hungup"]
	if answered.IsZero() || hungup.IsZero() {
		return 0
	}
	return hungup.Sub(answered)
}

// readResult reads the files that sipp left in dir.
func readResult(dir string) (Result, error) {
	content, err := os.ReadFile(filepath.Join(dir, statFile))
	if err != nil {
		return Result{}, fmt.Errorf("reading the statistics of sipp: %w %s", err, readErrors(dir))
	}
	r, err := parseStat(content)
	if err != nil {
		return r, fmt.Errorf("reading the statistics of sipp: %w %s", err, readErrors(dir))
	}
	r.Errors = readErrors(dir)
	events, err := os.ReadFile(filepath.Join(dir, logFile))
	if errors.Is(err, os.ErrNotExist) {
		return r, nil
	}
	if err == nil {
		r.Calls, err = parseEvents(events)
	}
	if err != nil {
		return r, fmt.Errorf("reading the events of sipp: %w", err)
	}
	return r, nil
}

// readErrors is the beginning of sipp's error log, "" if there is none.
func readErrors(dir string) string {
	b, err := os.ReadFile(filepath.Join(dir, errorFile))
	if err != nil {
		return ""
	}
	return string(bytes.TrimSpace(b[:min(len(b), 3000)]))
}

// parseStat reads the last line of sipp's statistics, the sums of the whole run.
func parseStat(content []byte) (Result, error) {
	rd := csv.NewReader(bytes.NewReader(content))
	rd.Comma, rd.FieldsPerRecord, rd.LazyQuotes = ';', -1, true
	rows, err := rd.ReadAll()
	if err != nil {
		return Result{}, err
	}
	if len(rows) < 2 {
		return Result{}, fmt.Errorf("%d lines, want a header and a line", len(rows))
	}
	column := make(map[string]string)
	last := rows[len(rows)-1]
	for i, name := range rows[0] {
		if i < len(last) {
			column[name] = last[i]
		}
	}
	var r Result
	for name, to := range map[string]*int{"TotalCallCreated": &r.Created, "SuccessfulCall(C)": &r.Successful,
		"FailedCall(C)": &r.Failed, "Retransmissions(C)": &r.Retransmissions} {
		if *to, err = strconv.Atoi(column[name]); err != nil {
			return r, fmt.Errorf("column %s: %w", name, err)
		}
	}
	r.Elapsed, err = parseElapsed(column["ElapsedTime(C)"])
	return r, err
}

// parseElapsed reads sipp's HH:MM:SS or HH:MM:SS:UUUUUU.
func parseElapsed(s string) (time.Duration, error) {
	parts := strings.Split(s, ":")
	units := []time.Duration{time.Hour, time.Minute, time.Second, time.Microsecond}
	if len(parts) < 3 || len(parts) > len(units) {
		return 0, fmt.Errorf("elapsed time %q", s)
	}
	var d time.Duration
	for i, p := range parts {
		n, err := strconv.Atoi(p)
		if err != nil {
			return 0, fmt.Errorf("elapsed time %q: %w", s, err)
		}
		d += time.Duration(n) * units[i]
	}
	return d, nil
}

// parseEvents reads the log lines of the scenarios: Call-ID, event, seconds, microseconds. An event that happened twice
// to a call keeps its first time.
func parseEvents(content []byte) (map[string]Call, error) {
	calls := make(map[string]Call)
	for line := range strings.Lines(string(content)) {
		f := strings.Fields(line)
		if len(f) == 3 {
			f = append(f, "0") // sipp writes a variable that is 0 as nothing
		}
		if len(f) < 4 || !strings.HasSuffix(line, "\n") { // the last one may not be complete yet
			continue
		}
		sec, err := strconv.ParseFloat(f[2], 64)
		usec, err2 := strconv.ParseFloat(f[3], 64)
		if err = errors.Join(err, err2); err != nil {
			return nil, fmt.Errorf("line %q: %w", line, err)
		}
		c := calls[f[0]]
		if c == nil {
			c = make(Call)
			calls[f[0]] = c
		}
		if _, seen := c[f[1]]; !seen {
			c[f[1]] = time.Unix(int64(sec), int64(usec)*1000)
		}
	}
	return calls, nil
}
