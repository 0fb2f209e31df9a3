// Command bench compares Tollgate with Kamailio as an accounting proxy: the CPU time of an accounted call at a fixed
// rate, and the highest rate that each stands; and it measures what Tollgate's journal costs. README.md says how and why.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"tollgate/config"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := compare(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(1)
	}
}

// options are the arguments.
type options struct {
	parts    string
	cpuRate  int
	rates    string
	seconds  int
	rounds   int
	json     string
	tollgate string
	sync     string
	calls    int
	perf     string
	busy     bool
	short    bool
}

// parts are all that there is to measure.
const parts = "cpu,rate,journal,restart,commit,steps"

func (o *options) has(part string) bool { return slices.Contains(strings.Split(o.parts, ","), part) }

func parseOptions(args []string, out io.Writer) (*options, []int, error) {
	o := new(options)
	fs := flag.NewFlagSet("bench", flag.ContinueOnError)
	fs.SetOutput(out)
	fs.StringVar(&o.parts, "parts", parts, "what to measure, a `list`")
	fs.IntVar(&o.cpuRate, "cpu-rate", 2000, "calls per `second` of the parts cpu and journal")
	fs.StringVar(&o.rates, "rates", "1000,2000,3000,4000,5000,6000,8000,10000,12000,14000,16000", "calls per second that the part rate tries, rising `list`")
	fs.IntVar(&o.seconds, "seconds", 12, "`length` of a run")
	fs.IntVar(&o.rounds, "rounds", 3, "runs of each program; the median counts. A rate is stood if more than half of them pass")
	fs.StringVar(&o.json, "json", "", "`file` for the result (default bench/results/TIME.json; none with -short)")
	fs.StringVar(&o.tollgate, "tollgate", "", "`program` to measure (default: it is built)")
	fs.StringVar(&o.sync, "sync", "always", "[Journal] `Sync` of Tollgate: always, interval:TIME or none")
	fs.IntVar(&o.calls, "calls", 100_000, "`calls` that are up in the part restart")
	fs.StringVar(&o.perf, "perf", "", "`folder` for a profile by perf(1) of each run of Tollgate")
	fs.BoolVar(&o.busy, "busy", false, "do not wait for a machine that is quiet, and repeat no run")
	fs.BoolVar(&o.short, "short", false, "one short run of each at a low rate, to see that all of this works")
	if err := fs.Parse(args); err != nil {
		return nil, nil, err
	}
	if o.short {
		o.parts, o.cpuRate, o.seconds, o.rounds, o.calls = "cpu,journal,restart,commit,steps", 200, 2, 1, 500
	}
	rates, err := parseRates(o.rates)
	if err != nil {
		return nil, nil, err
	}
	for part := range strings.SplitSeq(o.parts, ",") {
		if !slices.Contains(strings.Split(parts, ","), part) {
			return nil, nil, fmt.Errorf("-parts: unknown part %q", part)
		}
	}
	if _, err := config.ParseSync(o.sync); err != nil {
		return nil, nil, fmt.Errorf("-sync: %w", err)
	}
	if o.perf != "" {
		if o.perf, err = filepath.Abs(o.perf); err != nil {
			return nil, nil, err
		}
	}
	if o.seconds < 1 || o.rounds < 1 || o.cpuRate < 1 || o.calls < o.rounds || fs.NArg() > 0 {
		return nil, nil, errors.New("-seconds, -rounds and -cpu-rate are at least 1, -calls at least -rounds, and there are no other arguments")
	}
	return o, rates, nil
}

func parseRates(list string) ([]int, error) {
	var rates []int
	for field := range strings.SplitSeq(list, ",") {
		rate, err := strconv.Atoi(strings.TrimSpace(field))
		if err != nil || rate < 1 || len(rates) > 0 && rate <= rates[len(rates)-1] {
			return nil, fmt.Errorf("-rates: %q is no rising list of numbers", list)
		}
		rates = append(rates, rate)
	}
	return rates, nil
}

// compare measures, prints, and writes the result.
func compare(ctx context.Context, args []string, out io.Writer) error {
	o, rates, err := parseOptions(args, out)
	if err != nil {
		return err
	}
	logf := func(format string, args ...any) { fmt.Fprintf(out, format+"\n", args...) }
	program, remove, err := o.program(ctx)
	if err != nil {
		return err
	}
	defer remove()
	b := &bench{tollgate: program, sync: o.sync, perf: o.perf, seconds: o.seconds, quiet: !o.short && !o.busy, logf: logf}
	res := result{Machine: describeMachine(ctx), RunSeconds: o.seconds, Sync: o.sync, FileSystem: fileSystem(os.TempDir())}
	logf("Tollgate's journal: Sync=%s, on %s", res.Sync, res.FileSystem)
	if res.NoMemory, err = b.memoryProblem(ctx); err != nil {
		return err
	}
	if res.NoMemory != "" && o.tollgate == "" { // one that was built before may be older than the key
		return fmt.Errorf("[Journal] %s: %s", callsInMemory, res.NoMemory)
	}
	if err := o.measure(ctx, b, &res, rates); err != nil {
		return err
	}
	res.print(out)
	if o.short {
		return res.allPassed(o.seconds)
	}
	return o.save(&res, logf)
}

// measure does the parts that were asked for.
func (o *options) measure(ctx context.Context, b *bench, res *result, rates []int) (err error) {
	for _, part := range []struct {
		name string
		run  func() error
	}{
		{"cpu", func() error { return b.cpu(ctx, res, o.cpuRate, o.rounds) }},
		{"rate", func() error { return b.highest(ctx, res, rates, o.rounds) }},
		{"journal", func() error { return b.journal(ctx, res, o.cpuRate, o.rounds) }},
		{"restart", func() error { return b.restart(ctx, res, o.calls, o.rounds) }},
		{"commit", func() error { return b.commit(ctx, res, o.commitTime(), o.rounds) }},
		{"steps", func() error { res.Steps, err = measureSteps(ctx, o.rounds); return err }},
	} {
		if !o.has(part.name) {
			continue
		}
		if err := part.run(); err != nil {
			return err
		}
	}
	res.summarise()
	return nil
}

// commitTime is how long each side of the part commit writes.
func (o *options) commitTime() time.Duration {
	if o.short {
		return 300 * time.Millisecond
	}
	return 3 * time.Second
}

// program is the path of tollgate, and what removes it if it was built for this.
func (o *options) program(ctx context.Context) (string, func(), error) {
	if o.tollgate != "" {
		path, err := filepath.Abs(o.tollgate)
		return path, func() {}, err
	}
	dir, err := os.MkdirTemp("", "tgbench")
	if err != nil {
		return "", nil, err
	}
	path := filepath.Join(dir, "tollgate")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", path, "tollgate/cmd/tollgate")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		os.RemoveAll(dir)
		return "", nil, fmt.Errorf("building tollgate: %w\n%s", err, text)
	}
	return path, func() { os.RemoveAll(dir) }, nil
}

func (o *options) save(res *result, logf func(string, ...any)) error {
	path := o.json
	if path == "" {
		path = filepath.Join("bench", "results", time.Now().Format("2006-01-02T150405")+".json")
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	content, err := res.encode()
	if err != nil {
		return err
	}
	if err := os.WriteFile(path, content, 0o644); err != nil {
		return err
	}
	logf("all numbers: %s", path)
	return nil
}
