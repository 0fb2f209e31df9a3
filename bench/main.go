// Command bench compares Tollgate with Kamailio as an accounting proxy: the CPU time of an accounted call at a fixed
// rate, and the highest rate that each stands. README.md says how and why.
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
	"strconv"
	"strings"
	"syscall"
	"time"
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
	short    bool
}

func parseOptions(args []string, out io.Writer) (*options, []int, error) {
	o := new(options)
	fs := flag.NewFlagSet("bench", flag.ContinueOnError)
	fs.SetOutput(out)
	fs.StringVar(&o.parts, "parts", "cpu,rate,steps", "what to measure, a `list` of cpu, rate, steps")
	fs.IntVar(&o.cpuRate, "cpu-rate", 2000, "calls per `second` of the part cpu")
	fs.StringVar(&o.rates, "rates", "1000,2000,3000,4000,5000,6000,8000,10000,12000,14000,16000", "calls per second that the part rate tries, rising `list`")
	fs.IntVar(&o.seconds, "seconds", 12, "`length` of a run")
	fs.IntVar(&o.rounds, "rounds", 3, "runs of each program; the median counts. A rate is stood if more than half of them pass")
	fs.StringVar(&o.json, "json", "", "`file` for the result (default bench/results/TIME.json; none with -short)")
	fs.StringVar(&o.tollgate, "tollgate", "", "`program` to measure (default: it is built)")
	fs.BoolVar(&o.short, "short", false, "one short run of each at a low rate, to see that all of this works")
	if err := fs.Parse(args); err != nil {
		return nil, nil, err
	}
	if o.short {
		o.parts, o.cpuRate, o.seconds, o.rounds = "cpu,steps", 200, 2, 1
	}
	rates, err := parseRates(o.rates)
	if err != nil {
		return nil, nil, err
	}
	for part := range strings.SplitSeq(o.parts, ",") {
		if part != "cpu" && part != "rate" && part != "steps" {
			return nil, nil, fmt.Errorf("-parts: unknown part %q", part)
		}
	}
	if o.seconds < 1 || o.rounds < 1 || o.cpuRate < 1 || fs.NArg() > 0 {
		return nil, nil, errors.New("-seconds, -rounds and -cpu-rate are at least 1, and there are no other arguments")
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
	b := &bench{tollgate: program, seconds: o.seconds, quiet: !o.short, logf: logf}
	res := result{Machine: describeMachine(ctx), RunSeconds: o.seconds}
	if strings.Contains(o.parts, "cpu") {
		if err := b.cpu(ctx, &res, o.cpuRate, o.rounds); err != nil {
			return err
		}
	}
	if strings.Contains(o.parts, "rate") {
		if err := b.highest(ctx, &res, rates, o.rounds); err != nil {
			return err
		}
	}
	res.summarise()
	if strings.Contains(o.parts, "steps") {
		if res.Steps, err = measureSteps(ctx, o.rounds); err != nil {
			return err
		}
	}
	res.print(out)
	if o.short {
		return res.allPassed(o.seconds)
	}
	return o.save(&res, logf)
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
