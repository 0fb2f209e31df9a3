package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"
)

// list prints the copies that are kept.
func (r *spoolRun) list() error {
	w, flush := r.writer()
	row := func(columns ...any) error {
		_, err := fmt.Fprintf(w, "%-36s  %-25s  %7s  %-11s  %-16s  %-16s  %s\n", columns...)
		return err
	}
	encoder := json.NewEncoder(w)
	var totals spoolTotals
	err := r.each(func(e *spoolEntry) error {
		if totals.events == 0 && !r.json {
			if err := row("EVENT ID", "TIME", "AGE", "EVENT", "SESSION", "MODULE", "STATE"); err != nil {
				return err
			}
		}
		totals.events++
		age := max(r.began.Sub(e.Time), 0)
		for i := range e.Copies {
			c := &e.Copies[i]
			totals.add(c)
			var err error
			if r.json {
				err = encoder.Encode(newSpoolLine(e, c, age))
			} else {
				err = row(e.ID, e.Time.Local().Format(time.RFC3339), ageText(age), e.Kind, sessionText(e), printable(c.Instance), c.text())
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil && !r.json {
		err = totals.print(w, r.nothing())
	}
	return flush(err)
}

// spoolLine is a copy in list -json.
type spoolLine struct {
	ID      string    `json:"id"`
	Call    string    `json:"call,omitempty"`
	Session string    `json:"session,omitempty"`
	Seq     uint32    `json:"seq,omitempty"`
	Kind    string    `json:"kind"`
	Time    time.Time `json:"time"`
	Age     int64     `json:"age_seconds"`
	State   string    `json:"state"`
	spoolCopy
	Damage string `json:"damage,omitempty"`
}

func newSpoolLine(e *spoolEntry, c *spoolCopy, age time.Duration) spoolLine {
	return spoolLine{
		ID: e.ID, Call: e.Call, Session: e.Session, Seq: e.Seq, Kind: e.Kind, Time: e.Time, Age: int64(age / time.Second),
		State: c.state(), spoolCopy: *c, Damage: e.Damage,
	}
}

// text is the state, and why.
func (c *spoolCopy) text() string {
	switch {
	case c.Reason != "":
		return c.state() + ": " + printable(c.Reason)
	case c.Attempts > 0:
		return fmt.Sprintf("%s, %s: %s", c.state(), count(c.Attempts, "attempt"), printable(c.Error))
	}
	return c.state()
}

func sessionText(e *spoolEntry) string {
	switch {
	case e.Damage != "":
		return "(not readable)"
	case e.Session == "":
		return "-"
	}
	return printable(e.Session)
}

// printable is a text that stays one line and steers no terminal.
func printable(text string) string {
	quoted := strconv.QuoteToGraphic(text)
	return quoted[1 : len(quoted)-1]
}

// ageText is a duration in its two largest units.
func ageText(d time.Duration) string {
	s := int64(d / time.Second)
	switch {
	case s < 60:
		return fmt.Sprintf("%ds", s)
	case s < 3600:
		return fmt.Sprintf("%dm%02ds", s/60, s%60)
	case s < 86400:
		return fmt.Sprintf("%dh%02dm", s/3600, s/60%60)
	}
	return fmt.Sprintf("%dd%02dh", s/86400, s/3600%24)
}
