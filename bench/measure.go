package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"tollgate/test/peer"
)

// run is one measured run of one subject.
type run struct {
	Subject         string  `json:"subject"`
	Rate            int     `json:"rate"` // calls per second that were asked for
	Calls           int     `json:"calls"`
	Failed          int     `json:"failed"`
	Accounted       int     `json:"accounted"` // ended calls that are in the log
	Retransmissions int     `json:"retransmissions"`
	Seconds         float64 `json:"seconds"`         // from the first call to the end of the last
	CPUPerCall      float64 `json:"cpu_us_per_call"` // of the subject, per accounted call
	LogPerCall      float64 `json:"syslogd_us_per_call"`
	Memory          float64 `json:"memory_mib"` // of the subject at the end, pages that its processes share once
	Before          load    `json:"load_before"`
	After           load    `json:"load_after"`
	Disturbed       bool    `json:"disturbed"` // other programs used more than a quarter of a core, each time it was tried
}

// passed tells whether the subject stood the rate: less than 0.1 % of the calls failed, the rate was held, and the
// records of the calls are there.
func (r run) passed(seconds int) bool {
	return float64(r.Failed) < 0.001*float64(r.Calls) && r.Seconds < 1.1*float64(seconds)+1 &&
		float64(r.Accounted) >= 0.999*float64(r.Calls-r.Failed)
}

// bench measures.
type bench struct {
	tollgate string // the program
	seconds  int    // of each run
	quiet    bool   // watch what else the machine does, and repeat runs that were disturbed
	logf     func(format string, args ...any)
}

// tries is how often a disturbed run is repeated.
const tries = 3

// measure makes one run of a subject, again if the machine was busy with something else.
func (b *bench) measure(ctx context.Context, s subject, rate int) (run, error) {
	for try := 1; ; try++ {
		before, err := b.load(ctx)
		if err != nil {
			return run{}, err
		}
		r, err := b.once(ctx, s, rate)
		if err != nil {
			return r, fmt.Errorf("%s at %d calls/s: %w", s.name, rate, err)
		}
		after, err := b.load(ctx)
		if err != nil {
			return r, err
		}
		r.Before, r.After = before, after
		r.Disturbed = max(before.Busy, after.Busy) > quietCores
		b.logf("%-8s %5d calls/s: %d of %d failed, %d accounted, %d retransmissions, %.1f s, %.0f µs/call, %.0f MiB; load %s, %.2f and %.2f cores busy",
			r.Subject, r.Rate, r.Failed, r.Calls, r.Accounted, r.Retransmissions, r.Seconds, r.CPUPerCall, r.Memory,
			before.Average, before.Busy, after.Busy)
		if !r.Disturbed || try == tries {
			return r, nil
		}
		b.logf("other programs were busy: this run is repeated")
	}
}

// load watches the machine for two seconds, if runs may be repeated at all.
func (b *bench) load(ctx context.Context) (load, error) {
	if !b.quiet {
		return load{}, nil
	}
	return watchLoad(ctx, 2*time.Second)
}

// once starts log, callee and subject, all of them fresh, and sends the calls.
func (b *bench) once(ctx context.Context, s subject, rate int) (r run, err error) {
	dir, err := os.MkdirTemp("", "tgbench")
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	var dirs [4]string
	for i, name := range []string{"log", "callee", "subject", "caller"} {
		dirs[i] = dir + "/" + name
		if err := os.Mkdir(dirs[i], 0o755); err != nil {
			return r, err
		}
	}
	log, err := startSyslogd(ctx, dirs[0])
	if err != nil {
		return r, err
	}
	defer log.stop()
	callee, err := peer.SIPP{Scenario: "load_uas.xml", Load: true}.Start(ctx, dirs[1])
	if err != nil {
		return r, err
	}
	defer callee.Kill()
	sub, err := s.start(ctx, environment{dir: dirs[2], tollgate: b.tollgate, callee: callee.Addr, socket: log.socket})
	if err != nil {
		return r, err
	}
	defer sub.stop()
	return b.send(ctx, s, sub, log, peer.SIPP{
		Scenario: "load_uac.xml", Target: sub.addr, Rate: rate, Calls: rate * b.seconds, Load: true,
		Timeout: time.Duration(b.seconds+40) * time.Second,
	}, dirs[3])
}

// send makes the calls and takes the measures around them.
func (b *bench) send(ctx context.Context, s subject, sub *running, log *syslogd, caller peer.SIPP, dir string) (run, error) {
	r := run{Subject: s.name, Rate: caller.Rate, Calls: caller.Calls}
	cpu, err := takeCPU(sub.proc, log.proc)
	if err != nil {
		return r, err
	}
	result, err := caller.Run(ctx, dir)
	if result.Created == 0 && err != nil {
		return r, err // sipp did not run; calls that failed are a result
	}
	r.Failed = caller.Calls - result.Successful
	r.Retransmissions, r.Seconds = result.Retransmissions, result.Elapsed.Seconds()
	if r.Accounted, err = log.await(ctx, s.record, result.Successful); err != nil {
		return r, err
	}
	end, err := takeCPU(sub.proc, log.proc)
	if err != nil {
		return r, err
	}
	if r.Accounted > 0 {
		r.CPUPerCall = float64((end[0]-cpu[0])/time.Microsecond) / float64(r.Accounted)
		r.LogPerCall = float64((end[1]-cpu[1])/time.Microsecond) / float64(r.Accounted)
	}
	if !r.passed(b.seconds) {
		b.explain(sub, result.Errors)
	}
	memory, err := sub.proc.Memory()
	r.Memory = float64(memory) / (1 << 20)
	return r, err
}

// explain prints what there is to say about a run that did not pass.
func (b *bench) explain(sub *running, sippErrors string) {
	output := sub.proc.Output()
	b.logf("it did not pass. sipp says: %s\nthe program printed: %s", firstBytes(sippErrors), firstBytes(output))
}

func firstBytes(s string) string {
	if len(s) > 1500 {
		return s[:1500] + "…"
	}
	return s
}

// takeCPU reads the CPU time of both.
func takeCPU(procs ...*peer.Process) ([]time.Duration, error) {
	times := make([]time.Duration, len(procs))
	for i, p := range procs {
		var err error
		if times[i], err = p.CPUTime(); err != nil {
			return nil, err
		}
	}
	return times, nil
}
