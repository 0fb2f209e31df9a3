package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
)

// result is everything that was measured.
type result struct {
	Machine    machine            `json:"machine"`
	RunSeconds int                `json:"run_seconds"`
	CPUMedian  map[string]float64 `json:"cpu_us_per_call_median,omitempty"`
	MemMedian  map[string]float64 `json:"memory_mib_median,omitempty"`
	Highest    map[string]int     `json:"highest_rate,omitempty"` // 0: not even the first
	CPURatio   float64            `json:"cpu_ratio,omitempty"`    // Tollgate's by Kamailio's
	RateRatio  float64            `json:"rate_ratio,omitempty"`   // the same
	Steps      []step             `json:"steps,omitempty"`
	CPURuns    []run              `json:"cpu_runs,omitempty"`
	RateRuns   []run              `json:"rate_runs,omitempty"`
}

// summarise fills in medians and ratios.
func (res *result) summarise() {
	if len(res.CPURuns) > 0 {
		res.CPUMedian = medians(res.CPURuns, func(r run) float64 { return r.CPUPerCall })
		res.MemMedian = medians(res.CPURuns, func(r run) float64 { return r.Memory })
		res.CPURatio = ratio(res.CPUMedian["tollgate"], res.CPUMedian["kamailio"])
	}
	res.RateRatio = ratio(float64(res.Highest["tollgate"]), float64(res.Highest["kamailio"]))
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

// ratioText is a dash for a ratio that does not exist.
func ratioText(r float64) string {
	if r == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", r)
}

// print writes the table.
func (res *result) print(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "\n\ttollgate\tkamailio\tratio\t\n")
	if res.CPUMedian != nil {
		fmt.Fprintf(w, "CPU per accounted call, µs\t%.0f\t%.0f\t%s\t\n", res.CPUMedian["tollgate"], res.CPUMedian["kamailio"],
			ratioText(res.CPURatio))
		fmt.Fprintf(w, "resident memory, MiB\t%.0f\t%.0f\t\t\n", res.MemMedian["tollgate"], res.MemMedian["kamailio"])
	}
	if res.Highest != nil {
		fmt.Fprintf(w, "highest rate, calls/s\t%d\t%d\t%s\t\n", res.Highest["tollgate"], res.Highest["kamailio"], ratioText(res.RateRatio))
	}
	w.Flush()
	res.printSteps(out)
	if n := res.disturbed(); n > 0 {
		fmt.Fprintf(out, "runs disturbed by other programs: %d; measure again on a quiet machine\n", n)
	}
}

func (res *result) disturbed() int {
	n := 0
	for _, r := range slices.Concat(res.CPURuns, res.RateRuns) {
		if r.Disturbed {
			n++
		}
	}
	return n
}

// allPassed is an error that names the first run with failed calls or missing records.
func (res *result) allPassed(seconds int) error {
	for _, r := range slices.Concat(res.CPURuns, res.RateRuns) {
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
