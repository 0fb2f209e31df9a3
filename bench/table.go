package main

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// row is one line of the result.
type row struct {
	What    string  `json:"what"`
	Value   float64 `json:"value"`             // of Tollgate
	Digits  int     `json:"-"`                 // behind the point
	Against string  `json:"against,omitempty"` // what it is compared with
	Other   float64 `json:"other,omitempty"`   // its value
	Ratio   float64 `json:"ratio,omitempty"`   // Tollgate's value by the other
	Target  string  `json:"target,omitempty"`
	Met     bool    `json:"met,omitempty"`
}

// The targets.
const (
	cpuTarget     = 0.6 // of Kamailio's CPU time, at most, with or without the journal
	journalTarget = 1.2 // of the CPU time with calls in memory only, at most
	restartTarget = 2.0 // seconds; the slowest counts
	commitTarget  = 0.5 // of the bytes a second of the bare loop, at least
)

// against is a row with a ratio.
func against(what string, value float64, other string, with float64) row {
	return row{What: what, Value: value, Against: other, Other: with, Ratio: ratio(value, with)}
}

func (r row) atMost(limit float64) row {
	r.Target, r.Met = fmt.Sprintf("at most %.2f", limit), r.Ratio > 0 && r.Ratio <= limit
	return r
}

func (r row) atLeast(limit float64) row {
	r.Target, r.Met = fmt.Sprintf("at least %.2f", limit), r.Ratio >= limit
	return r
}

// tabulate makes the rows of what was measured.
func (res *result) tabulate() []row {
	var rows []row
	const cpu = "CPU per accounted call, µs"
	if m := res.CPUMedian; m != nil {
		rows = append(rows, against(cpu, m[nameTollgate], nameKamailio, m[nameKamailio]).atMost(cpuTarget))
		if memory := m[nameMemory]; memory > 0 {
			rows = append(rows, against(cpu+", Calls=0", memory, nameKamailio, m[nameKamailio]).atMost(cpuTarget))
		}
		mem := res.MemMedian
		rows = append(rows, against("resident memory, MiB", mem[nameTollgate], nameKamailio, mem[nameKamailio]))
	}
	if h := res.Highest; h != nil {
		rows = append(rows, against("highest rate, calls/s", float64(h[nameTollgate]), nameKamailio, float64(h[nameKamailio])))
	}
	if len(res.JournalRuns) > 0 {
		m := medians(res.JournalRuns, func(r run) float64 { return r.CPUPerCall })
		c := medians(res.JournalRuns, func(r run) float64 { return r.CommitsPerCall })
		rows = append(rows, against(cpu, m[nameTollgate], "Calls=0", m[nameMemory]).atMost(journalTarget),
			row{What: "journal commits per call", Value: c[nameTollgate], Digits: 2, Against: "Calls=0", Other: c[nameMemory]})
	}
	if res.Restart != nil {
		rows = append(rows, res.Restart.rows()...)
	}
	if len(res.CommitRuns) > 0 {
		group := medianOf(res.CommitRuns, func(r commitRun) float64 { return r.Group / 1e6 })
		bare := medianOf(res.CommitRuns, func(r commitRun) float64 { return r.Bare / 1e6 })
		r := against("group commit, MB/s", group, "bare loop", bare).atLeast(commitTarget)
		r.Digits = 2
		rows = append(rows, r)
	}
	return rows
}

// rows are the slowest restart and the largest memory.
func (r *restart) rows() []row {
	var slowest, restoring, cpu, memory float64
	for _, one := range r.Runs {
		slowest, restoring = max(slowest, one.ToBye), max(restoring, one.Restoring)
		cpu, memory = max(cpu, one.CPU), max(memory, one.After)
	}
	name := fmt.Sprintf("restart with %d calls", r.Calls)
	return []row{
		{What: name + " to the first BYE, s", Value: slowest, Digits: 2, Target: fmt.Sprintf("under %.2f s", restartTarget), Met: slowest < restartTarget},
		{What: name + ", restoring, s", Value: restoring, Digits: 2},
		{What: name + ", CPU, s", Value: cpu, Digits: 2},
		{What: name + ", VmRSS then, MiB", Value: memory},
	}
}

// print writes the table.
func (res *result) print(out io.Writer) {
	fmt.Fprintf(out, "\nTollgate's journal: Sync=%s, on %s\n", res.Sync, res.FileSystem)
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "\n\ttollgate\tagainst\t\tratio\ttarget\t\t\n")
	for _, r := range res.Table {
		verdict, other := "", ""
		if r.Against != "" {
			other = fmt.Sprintf("%.*f", r.Digits, r.Other)
		}
		if r.Target != "" {
			verdict = "missed"
			if r.Met {
				verdict = "met"
			}
		}
		fmt.Fprintf(w, "%s\t%.*f\t%s\t%s\t%s\t%s\t%s\t\n", r.What, r.Digits, r.Value, other, r.Against, ratioText(r.Ratio), r.Target, verdict)
	}
	w.Flush()
	res.printSteps(out)
	if res.NoMemory != "" {
		fmt.Fprintf(out, "not compared with calls in memory only, as the program has no [Journal] Calls=: %s\n", res.NoMemory)
	}
	if n := res.disturbed(); n > 0 {
		fmt.Fprintf(out, "runs disturbed by other programs: %d; measure again on a quiet machine\n", n)
	}
}
