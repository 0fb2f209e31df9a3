package main

import (
	"fmt"
	"io"
)

// spoolTotals counts copies by instance.
type spoolTotals struct {
	events int
	names  []string // in the order in which they came
	counts map[string]*spoolCount
}

type spoolCount struct{ waiting, quarantined int }

func (t *spoolTotals) add(c *spoolCopy) {
	count := t.counts[c.Instance]
	if count == nil {
		if t.counts == nil {
			t.counts = map[string]*spoolCount{}
		}
		count = &spoolCount{}
		t.counts[c.Instance] = count
		t.names = append(t.names, c.Instance)
	}
	if c.Reason == "" {
		count.waiting++
	} else {
		count.quarantined++
	}
}

// print writes a line for each instance, or nothing if there is none.
func (t *spoolTotals) print(w io.Writer, nothing string) error {
	if t.events == 0 {
		_, err := fmt.Fprintln(w, nothing)
		return err
	}
	if _, err := fmt.Fprintln(w); err != nil {
		return err
	}
	for _, name := range t.names {
		c := t.counts[name]
		if _, err := fmt.Fprintf(w, "%s: %d waiting, %d quarantined\n", printable(name), c.waiting, c.quarantined); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "%s in all\n", count(t.events, "event"))
	return err
}

// count is a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
