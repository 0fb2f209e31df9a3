package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
)

// journal runs Tollgate with its calls in the journal and in memory, in turns, at one rate.
func (b *bench) journal(ctx context.Context, res *result, rate, rounds int) error {
	b.logf("CPU time per accounted call at %d calls/s with calls in the journal and in memory, %d s a run", rate, b.seconds)
	if res.NoMemory != "" {
		b.logf("part journal: not measured: this program cannot keep calls out of the journal ([Journal] Calls=0): %s", res.NoMemory)
		return nil
	}
	var err error
	res.JournalRuns, err = b.turns(ctx, []subject{tollgate(), tollgateInMemory()}, rate, rounds)
	return err
}

// turns runs the subjects in turns, A B A B A B.
func (b *bench) turns(ctx context.Context, subjects []subject, rate, rounds int) ([]run, error) {
	var runs []run
	for range rounds {
		for _, s := range subjects {
			r, err := b.measure(ctx, s, rate, false)
			if err != nil {
				return runs, err
			}
			runs = append(runs, r)
		}
	}
	return runs, nil
}

// memoryProblem is what the program has against [Journal] Calls=0; empty if nothing.
func (b *bench) memoryProblem(ctx context.Context) (string, error) {
	problem, err := b.checks(ctx, callsInMemory)
	if err != nil || problem == "" {
		return "", err
	}
	if with, err := b.checks(ctx, ""); err != nil || with != "" {
		return "", errors.Join(err, fmt.Errorf("tollgate check: %s", with))
	}
	return problem, nil
}

// checks has the program check the configuration of the runs, with a further line of [Journal].
func (b *bench) checks(ctx context.Context, journal string) (problem string, err error) {
	dir, err := os.MkdirTemp("", "tgbench")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	g, err := newGatekeeper(environment{dir: dir, tollgate: b.tollgate, sync: b.sync, callee: loopback(9), socket: dir + "/log"}, journal)
	if err != nil {
		return "", err
	}
	if err := g.check(ctx); err != nil {
		return strings.ReplaceAll(err.Error(), "\n", "; "), ctx.Err()
	}
	return "", nil
}

// The metrics of a gatekeeper that a run looks at.
const (
	metricWaiting      = "tollgate_journal_waiting_records"
	metricCommits      = "tollgate_journal_commits_total"
	metricCommitErrors = "tollgate_journal_commit_errors_total"
	metricLost         = "tollgate_journal_lost_records_total"
	metricUnjournalled = "tollgate_calls_unjournalled_total"
)

// journal fills in what the journal has done for the run. A journal that left something out is an error: such a run tells
// nothing of its price.
func (r *run) journal(ctx context.Context, monitor string, before metrics) error {
	after, err := readMetrics(ctx, monitor)
	if err != nil || after == nil {
		return err
	}
	if r.Accounted > 0 {
		r.CommitsPerCall = (after[metricCommits] - before[metricCommits]) / float64(r.Accounted)
	}
	if r.Subject != nameTollgate {
		return nil
	}
	if bad := after[metricCommitErrors] + after[metricLost] + after[metricUnjournalled]; bad > 0 {
		return fmt.Errorf("the journal left out %.0f records", bad)
	}
	return nil
}
