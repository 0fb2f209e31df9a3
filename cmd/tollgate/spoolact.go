package main

import (
	"bufio"
	"errors"
	"fmt"
	"strings"
	"time"
)

// retry has the chosen copies tried.
func (r *spoolRun) retry() error {
	refs, totals, err := r.choose()
	if err != nil {
		return err
	}
	what := "tried when the gatekeeper starts"
	if r.live {
		what = "tried now"
	}
	return r.apply(spoolRetry, refs, totals, what)
}

// drop gives the chosen copies up. It drops what it has counted, and nothing that is kept meanwhile.
func (r *spoolRun) drop() error {
	refs, totals, err := r.choose()
	if err != nil {
		return err
	}
	if !r.yes {
		if err := r.confirm(refs, totals); err != nil {
			return err
		}
	}
	return r.apply(spoolDrop, refs, totals, "dropped")
}

// choose lists the copies to act on. An error says if there is none.
func (r *spoolRun) choose() ([]spoolRef, *spoolTotals, error) {
	var refs []spoolRef
	totals := &spoolTotals{}
	names := map[string]string{} // one string for each name, however many copies there are
	err := r.each(func(e *spoolEntry) error {
		totals.events++
		for i := range e.Copies {
			c := &e.Copies[i]
			if names[c.Instance] == "" {
				names[c.Instance] = c.Instance
			}
			totals.add(c)
			refs = append(refs, spoolRef{ID: e.ID, Instance: names[c.Instance]})
		}
		return nil
	})
	if err == nil && len(refs) == 0 {
		err = errors.New(r.nothing())
	}
	return refs, totals, err
}

// confirm asks on a terminal. Without one -yes is needed: a script must say that it means it.
func (r *spoolRun) confirm(refs []spoolRef, totals *spoolTotals) error {
	name := totals.names[0]
	question := fmt.Sprintf("%s of %s: %d waiting, %d quarantined. They are not delivered to %[2]s any more.", count(len(refs), "kept event"),
		name, totals.counts[name].waiting, totals.counts[name].quarantined)
	if !r.terminal {
		return fmt.Errorf("%s Nothing is dropped without -yes", question)
	}
	fmt.Fprintf(r.stderr, "%s Drop? [y/N] ", question)
	answer, err := bufio.NewReader(r.stdin).ReadString('\n')
	if err != nil && answer == "" {
		fmt.Fprintln(r.stderr)
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	return errors.New("nothing is dropped")
}

// apply acts on the copies in batches, and tells how many there were.
func (r *spoolRun) apply(verb spoolVerb, refs []spoolRef, totals *spoolTotals, what string) error {
	const every = 5 * time.Second
	var all spoolOutcome
	var err error
	for rest := refs; len(rest) > 0 && err == nil; {
		n := min(spoolBatch, len(rest))
		var outcome spoolOutcome
		outcome, err = r.store.act(verb, rest[:n])
		all.Done, all.Failed = all.Done+outcome.Done, all.Failed+outcome.Failed
		if room := spoolErrors - len(all.Errors); room > 0 {
			all.Errors = append(all.Errors, outcome.Errors[:min(room, len(outcome.Errors))]...)
		}
		rest = rest[n:]
		if now := time.Now(); now.Sub(r.told) >= every && len(rest) > 0 {
			r.told = now
			fmt.Fprintf(r.stderr, "%d of %d so far\n", all.Done+all.Failed, len(refs))
		}
	}
	fmt.Fprintf(r.stdout, "%s for %s %s\n", count(all.Done, "event"), strings.Join(totals.names, ", "), what)
	for _, text := range all.Errors {
		fmt.Fprintln(r.stderr, printable(text))
	}
	if all.Failed > 0 {
		err = errors.Join(err, fmt.Errorf("spool %s: %d of %d were not done", verb, all.Failed, len(refs)))
	}
	return err
}
