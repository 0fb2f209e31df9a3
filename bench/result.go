package main

import (
	"encoding/json"
	"fmt"
	"slices"
)

// result is everything that was measured.
type result struct {
	Machine     machine            `json:"machine"`
	RunSeconds  int                `json:"run_seconds"`
	Sync        string             `json:"journal_sync"`
	FileSystem  string             `json:"file_system"` // of the journal
	NoMemory    string             `json:"calls_in_memory_problem,omitempty"`
	Table       []row              `json:"table"`
	CPUMedian   map[string]float64 `json:"cpu_us_per_call_median,omitempty"`
	MemMedian   map[string]float64 `json:"memory_mib_median,omitempty"`
	Highest     map[string]int     `json:"highest_rate,omitempty"` // 0: not even the first
	Steps       []step             `json:"steps,omitempty"`
	Restart     *restart           `json:"restart,omitempty"`
	CommitRuns  []commitRun        `json:"commit_runs,omitempty"`
	CPURuns     []run              `json:"cpu_runs,omitempty"`
	JournalRuns []run              `json:"journal_runs,omitempty"`
	RateRuns    []run              `json:"rate_runs,omitempty"`
}

// runs are all that were made with sipp.
func (res *result) runs() []run { return slices.Concat(res.CPURuns, res.JournalRuns, res.RateRuns) }

// summarise fills in medians and the table.
func (res *result) summarise() {
	if len(res.CPURuns) > 0 {
		res.CPUMedian = medians(res.CPURuns, func(r run) float64 { return r.CPUPerCall })
		res.MemMedian = medians(res.CPURuns, func(r run) float64 { return r.Memory })
	}
	res.Table = res.tabulate()
}

func medians(runs []run, value func(run) float64) map[string]float64 {
	values := make(map[string][]float64)
	for _, r := range runs {
		values[r.Subject] = append(values[r.Subject], value(r))
	}
	m := make(map[string]float64)
	for name, v := range values {
		m[name] = median(v)
	}
	return m
}

func medianOf[T any](runs []T, value func(T) float64) float64 {
	values := make([]float64, len(runs))
	for i, r := range runs {
		values[i] = value(r)
	}
	return median(values)
}

// median of at least one value.
func median(values []float64) float64 {
	v := slices.Sorted(slices.Values(values))
	if n := len(v); n%2 == 0 {
		return (v[n/2-1] + v[n/2]) / 2
	}
	return v[len(v)/2]
}

func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

// ratioText is empty for a ratio that does not exist.
func ratioText(r float64) string {
	if r == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", r)
}

func (res *result) disturbed() int {
	n := 0
	for _, r := range res.runs() {
		if r.Disturbed {
			n++
		}
	}
	return n
}

// allPassed is an error that names the first run with failed calls or missing records.
func (res *result) allPassed(seconds int) error {
	for _, r := range res.runs() {
		if !r.passed(seconds) {
			return fmt.Errorf("%s at %d calls/s: %d of %d calls failed, %d accounted", r.Subject, r.Rate, r.Failed, r.Calls, r.Accounted)
		}
	}
	return nil
}

func (res *result) encode() ([]byte, error) {
	content, err := json.MarshalIndent(res, "", "  ")
	return append(content, '\n'), err
}
