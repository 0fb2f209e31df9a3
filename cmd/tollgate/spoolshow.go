package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"tollgate/acctstack"
	"tollgate/cdr"
)

// show prints the events of an ID or a session, for whom they are kept and what modules answered.
func (r *spoolRun) show() error {
	r.query.Events = true
	w, flush := r.writer()
	found := false
	err := r.each(func(e *spoolEntry) error {
		if found {
			fmt.Fprintln(w)
		}
		found = true
		return r.showEvent(w, e)
	})
	if err == nil && !found {
		err = r.showForgotten(w)
	}
	return flush(err)
}

// showEvent leaves write errors to the buffer, which keeps the first.
func (r *spoolRun) showEvent(w io.Writer, e *spoolEntry) error {
	row := func(name, value string) { fmt.Fprintf(w, "%-24s %s\n", name, printable(value)) }
	row("event id", e.ID)
	row("event", e.Kind)
	row("time", e.Time.Local().Format(time.RFC3339Nano))
	if e.Call != "" {
		row("call", fmt.Sprintf("%s, event %d of it", e.Call, e.Seq))
	}
	for i := range e.Copies {
		fmt.Fprintf(w, "%-24s %s: %s\n", "kept for", printable(e.Copies[i].Instance), e.Copies[i].text())
	}
	id, err := cdr.ParseUUID(e.ID)
	if err != nil {
		return fmt.Errorf("the gatekeeper's list: %w", err)
	}
	if err := r.showAnswers(w, id); err != nil {
		return err
	}
	if e.Damage != "" {
		row("not readable", e.Damage)
		return nil
	}
	ev, err := acctstack.DecodeEvent(e.Event)
	if err != nil {
		return fmt.Errorf("event %s: %w", e.ID, err)
	}
	times, err := cdr.ParseTimeFormat("ISO8601")
	if err != nil {
		return err
	}
	for name, value := range eventFields(ev, cdr.Format{Times: times}) {
		if text, ok := value.(string); !ok || text != "" {
			row("  "+name, fmt.Sprint(value))
		}
	}
	return nil
}

func (r *spoolRun) showAnswers(w io.Writer, id cdr.UUID) error {
	answers, err := r.store.answers(id)
	if err != nil {
		return err
	}
	for i := range answers {
		a := &answers[i]
		fmt.Fprintf(w, "%-24s %s %s: %s", "answer", a.Time.Local().Format(time.RFC3339), printable(a.Instance), a.Result)
		if a.Error != "" {
			fmt.Fprintf(w, ": %s", printable(a.Error))
		}
		fmt.Fprintln(w)
	}
	return nil
}

// showForgotten prints what the ledger has of an event that is not kept: that it was delivered, for one.
func (r *spoolRun) showForgotten(w io.Writer) error {
	id, err := cdr.ParseUUID(r.target)
	if err != nil {
		return errors.New(r.nothing())
	}
	answers, err := r.store.answers(id)
	if err != nil {
		return err
	}
	if len(answers) == 0 {
		return fmt.Errorf("%s, and the ledger knows no answer", r.nothing())
	}
	fmt.Fprintf(w, "%-24s %s\n%-24s %s\n", "event id", id, "kept for", "nobody")
	return r.showAnswers(w, id)
}
