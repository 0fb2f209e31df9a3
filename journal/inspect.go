package journal

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"tollgate/acctstack"
	"tollgate/cdr"
	"tollgate/journal/seglog"
)

// Inspection is a view of a journal's files at one moment, for the command line. It reads only, locks nothing, and may be
// made beside the gatekeeper that writes them.
type Inspection struct {
	Kept    []acctstack.Kept // in the order in which the events were kept
	Calls   []LiveCall       // in the order in which they began
	Noted   []Noted
	Alive   Alive // when the gatekeeper was last known to be running
	Epoch   uint32
	Torn    int // stretches at the end that are not whole: a record that is being written, or what a crash has left
	Corrupt int // damages elsewhere
	Missing int // segments

	dir string
}

// LiveCall is the chain of a call that has not ended.
type LiveCall struct {
	ID      cdr.UUID
	Records int
	Bytes   int64
}

// Noted is a note of an instance.
type Noted struct {
	Event    cdr.UUID
	Instance string
	Text     []byte
}

// Inspect reads the journal in a directory. A directory without one is an error that wraps fs.ErrNotExist.
func Inspect(dir string) (*Inspection, error) {
	for range inspectTries {
		first, err := oldestFile(dir)
		if err != nil {
			return nil, fmt.Errorf("journal: inspecting %s: %w", dir, err)
		}
		p := newReplay()
		report, err := seglog.Scan(nil, filepath.Join(dir, "log"), p.visit)
		if err != nil {
			return nil, fmt.Errorf("journal: inspecting %s: %w", dir, err)
		}
		if again, err := oldestFile(dir); err == nil && again == first {
			return p.inspection(dir, report), nil
		}
		// A segment was removed meanwhile, and what lived in it may stand where this scan did not come any more.
	}
	return nil, fmt.Errorf("journal: inspecting %s: %w", dir, errBusy)
}

// inspectTries is how often a scan is made again that compaction has run across.
const inspectTries = 10

var errBusy = errors.New("segments are being removed faster than they can be read")

// oldestFile names the oldest file of the main log: their names sort by age.
func oldestFile(dir string) (string, error) {
	names, err := filepath.Glob(filepath.Join(dir, "log", "*.seg"))
	if err != nil {
		return "", err
	}
	if len(names) == 0 {
		return "", fs.ErrNotExist
	}
	return slices.Min(names), nil
}

func (p *replay) inspection(dir string, report seglog.Report) *Inspection {
	out := &Inspection{
		Kept: p.kept(), Alive: p.alive.export(p.alive.id), Epoch: p.alive.epoch,
		Torn: len(report.Torn), Corrupt: len(report.Corrupt), Missing: len(report.Missing), dir: dir,
	}
	calls := make([]*chain, 0, len(p.calls))
	for _, c := range p.calls {
		calls = append(calls, c)
	}
	slices.SortFunc(calls, func(a, b *chain) int { return cmp.Compare(a.order, b.order) })
	for _, c := range calls {
		live := LiveCall{ID: c.id}
		for _, at := range c.records {
			if at.Segment != 0 {
				live.Records++
				live.Bytes += int64(at.Length)
			}
		}
		out.Calls = append(out.Calls, live)
	}
	for _, e := range p.events {
		for _, n := range e.noted() {
			out.Noted = append(out.Noted, Noted{Event: e.id, Instance: n.instance, Text: n.text})
		}
	}
	return out
}

// Event reads a kept event. It is ErrNotKept if the journal has none with this id.
func (i *Inspection) Event(id cdr.UUID) (*acctstack.Event, error) {
	if !slices.ContainsFunc(i.Kept, func(k acctstack.Kept) bool { return k.ID == id }) {
		return nil, fmt.Errorf("journal: reading event %s: %w", id, ErrNotKept)
	}
	var body []byte
	_, err := seglog.Scan(nil, filepath.Join(i.dir, "log"), func(_ seglog.Position, b []byte) error {
		rec, err := parse(b)
		if err == nil && rec.key == id && rec.kind == kindKeep {
			body = append(body[:0], rec.payload...)
		}
		return nil
	})
	if err == nil && body == nil {
		err = ErrNotKept
	}
	if err != nil {
		return nil, fmt.Errorf("journal: reading event %s: %w", id, err)
	}
	return acctstack.DecodeEvent(body)
}

// Answers tells what the modules said to an event, or to all events of a call, oldest first.
func (i *Inspection) Answers(id cdr.UUID) ([]Answer, error) {
	answers, err := scanAnswers(nil, i.dir, id)
	if err != nil {
		return nil, fmt.Errorf("journal: reading the ledger: %w", err)
	}
	return answers, nil
}
