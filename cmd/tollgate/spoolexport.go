package main

import (
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"strconv"
	"time"

	"tollgate/acctstack"
	"tollgate/cdr"
)

// exportTimes is RFC 3339 in UTC; %u is the fraction of the second, as in GnuGk.
const exportTimes = "UTC %Y-%m-%dT%H:%M:%S.%uZ"

// export prints the records, each once however many modules it is kept for.
func (r *spoolRun) export() error {
	r.query.Events = true
	w, flush := r.writer()
	var print func(*spoolEntry, *acctstack.Event) error
	left := 0
	switch r.format {
	case "line":
		print = func(_ *spoolEntry, ev *acctstack.Event) error {
			if ev.Kind != acctstack.Stop || ev.Record == nil {
				left++
				return nil
			}
			_, err := w.Write(append(cdr.AppendLine(nil, ev.Source(), r.times, cdr.Line), '\n'))
			return err
		}
	case "json":
		times, err := cdr.ParseTimeFormat(exportTimes)
		if err != nil {
			return err
		}
		print = func(e *spoolEntry, ev *acctstack.Event) error { return exportJSON(w, e, ev, cdr.Format{Times: times}) }
	default:
		return fmt.Errorf("-format %q: it is json or line", r.format)
	}
	damaged := 0
	err := r.each(func(e *spoolEntry) error {
		ev, err := acctstack.DecodeEvent(e.Event)
		if err != nil {
			damaged++
			fmt.Fprintf(r.stderr, "event %s is not readable: %s\n", e.ID, printable(e.Damage))
			return nil
		}
		return print(e, ev)
	})
	if left > 0 {
		fmt.Fprintf(r.stderr, "%s without a CDR line left out, as only a stop has one; -format json has them\n", count(left, "event"))
	}
	if err == nil && damaged > 0 {
		err = fmt.Errorf("spool export: %s not readable", count(damaged, "event"))
	}
	return flush(err)
}

// exported is an event in export -format json.
type exported struct {
	ID      string         `json:"id"`
	Kind    string         `json:"kind"`
	Time    time.Time      `json:"time"`
	Call    string         `json:"call,omitempty"`
	Seq     uint32         `json:"seq,omitempty"`
	Session string         `json:"session,omitempty"`
	Copies  []spoolCopy    `json:"copies"`
	Fields  map[string]any `json:"fields"` // by the names of the placeholders
}

func exportJSON(w io.Writer, e *spoolEntry, ev *acctstack.Event, format cdr.Format) error {
	out := exported{ID: e.ID, Kind: e.Kind, Time: e.Time, Call: e.Call, Seq: e.Seq, Session: e.Session, Copies: e.Copies, Fields: map[string]any{}}
	for name, value := range eventFields(ev, format) {
		out.Fields[name] = value
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(&out)
}

// eventFields are all placeholders of the event and their values, which are texts or integers.
func eventFields(ev *acctstack.Event, format cdr.Format) iter.Seq2[string, any] {
	scope := cdr.CallScope
	switch ev.Kind {
	case acctstack.On, acctstack.Off:
		scope = cdr.SystemScope
	case acctstack.Register, acctstack.Unregister:
		scope = cdr.EndpointScope
	}
	return func(yield func(string, any) bool) {
		for _, name := range cdr.Names(scope) {
			field, ok := cdr.Lookup(name, scope)
			if !ok {
				continue
			}
			var value any = string(field.Append(nil, ev.Source(), format))
			if n, isNumber := field.Number(ev.Source()); isNumber {
				value = json.Number(strconv.FormatInt(n, 10))
			}
			if !yield(name, value) {
				return
			}
		}
	}
}
