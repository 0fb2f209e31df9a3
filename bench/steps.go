package main

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"strconv"
)

// step is one part of the work of a call, measured by itself with the benchmarks of its package.
type step struct {
	Name        string  `json:"name"`
	Nanoseconds float64 `json:"ns"` // the median
	Allocations int     `json:"allocations"`
	pkg, bench  string
}

// steps are those whose cost must stay a small part of a call's.
func steps() []step {
	return []step{
		{Name: "the decision over three rules", pkg: "tollgate/acctstack", bench: "BenchmarkWalk"},
		{Name: "a walk over three modules in memory", pkg: "tollgate/acctstack", bench: "BenchmarkThreeModules"},
		{Name: "a CDR line", pkg: "tollgate/cdr", bench: "BenchmarkLine"},
	}
}

// measureSteps runs the benchmarks.
func measureSteps(ctx context.Context, rounds int) ([]step, error) {
	all := steps()
	for i := range all {
		if err := all[i].measure(ctx, rounds); err != nil {
			return nil, fmt.Errorf("measuring %s: %w", all[i].Name, err)
		}
	}
	return all, nil
}

var benchLine = regexp.MustCompile(`(?m)^Benchmark\S+\s+\d+\s+([\d.]+) ns/op\s+\d+ B/op\s+(\d+) allocs/op$`)

func (s *step) measure(ctx context.Context, rounds int) error {
	cmd := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", "^"+s.bench+"$", "-benchmem", "-count", strconv.Itoa(rounds), s.pkg)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	var times []float64
	for _, m := range benchLine.FindAllSubmatch(out, -1) {
		ns, err := strconv.ParseFloat(string(m[1]), 64)
		if err != nil {
			return err
		}
		times = append(times, ns)
		if s.Allocations, err = strconv.Atoi(string(m[2])); err != nil {
			return err
		}
	}
	if len(times) == 0 {
		return fmt.Errorf("no result in\n%s", out)
	}
	s.Nanoseconds = median(times)
	return nil
}

// printSteps writes what each step costs, and as a part of an accounted call if that was measured too.
func (res *result) printSteps(out io.Writer) {
	for _, s := range res.Steps {
		fmt.Fprintf(out, "%38s: %.0f ns, %d allocations", s.Name, s.Nanoseconds, s.Allocations)
		if cpu := res.CPUMedian[nameTollgate]; cpu > 0 {
			fmt.Fprintf(out, ", %.2f %% of an accounted call", s.Nanoseconds/cpu/10)
		}
		fmt.Fprintln(out)
	}
}
