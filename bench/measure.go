package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
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
	Memory          float64 `json:"memory_mib"`               // of the subject at the end, pages that its processes share once
	CommitsPerCall  float64 `json:"journal_commits_per_call"` // a write and, with Sync=always, a sync each
	Before          load    `json:"load_before"`
	After           load    `json:"load_after"`
	OtherCores      float64 `json:"other_cores"` // what anything but the four programs of the run used meanwhile
	Disturbed       bool    `json:"disturbed"`   // that or a load was more than a quarter of a core, each time it was tried
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
	sync     string // [Journal] Sync
	perf     string // folder for CPU profiles; empty: none are taken
	seconds  int    // of each run
	quiet    bool   // watch what else the machine does, and repeat runs that were disturbed
	logf     func(format string, args ...any)
}

// tries is how often a disturbed run is repeated.
const tries = 3

// measure makes one run of a subject, again if the machine was busy with something else. If only passing counts, a run
// that passed in spite of that need not be repeated.
func (b *bench) measure(ctx context.Context, s subject, rate int, passing bool) (run, error) {
	for try := 1; ; try++ {
		before, err := b.awaitQuiet(ctx)
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
		r.Disturbed = b.quiet && max(before.Busy, after.Busy, r.OtherCores) > quietCores
		b.logf("%-17s %5d calls/s: %d of %d failed, %d accounted, %d retransmissions, %.1f s, %.0f µs/call, %.2f commits/call, %.0f MiB; others used %.2f cores before, %.2f meanwhile, %.2f after; load %s",
			r.Subject, r.Rate, r.Failed, r.Calls, r.Accounted, r.Retransmissions, r.Seconds, r.CPUPerCall, r.CommitsPerCall, r.Memory,
			before.Busy, r.OtherCores, after.Busy, before.Average)
		if !r.Disturbed || try == tries || passing && r.passed(b.seconds) {
			return r, nil
		}
		b.logf("other programs were busy: this run is repeated")
	}
}

// quietTime is how long a run waits for other programs to come to rest.
const quietTime = 2 * time.Minute

// awaitQuiet waits until the machine has nothing else to do, but not for ever.
func (b *bench) awaitQuiet(ctx context.Context) (load, error) {
	for deadline := time.Now().Add(quietTime); ; {
		l, err := b.load(ctx)
		if err != nil || l.Busy <= quietCores || time.Now().After(deadline) {
			return l, err
		}
	}
}

// load watches the machine for two seconds, if runs may be repeated at all.
func (b *bench) load(ctx context.Context) (load, error) {
	if !b.quiet {
		average, err := loadAverage()
		return load{Average: average}, err
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
	sub, err := s.start(ctx, environment{dir: dirs[2], tollgate: b.tollgate, sync: b.sync, callee: callee.Addr, socket: log.socket})
	if err != nil {
		return r, err
	}
	defer sub.stop()
	return b.send(ctx, s, rig{sub, log, callee}, peer.SIPP{
		Scenario: "load_uac.xml", Target: sub.addr, Rate: rate, Calls: rate * b.seconds, Load: true,
		Timeout: time.Duration(b.seconds+40) * time.Second,
	}, dirs[3])
}

// rig is what runs while the calls are made.
type rig struct {
	sub    *running
	log    *syslogd
	callee *peer.UAS
}

// send makes the calls and takes the measures around them.
func (b *bench) send(ctx context.Context, s subject, g rig, caller peer.SIPP, dir string) (run, error) {
	r := run{Subject: s.name, Rate: caller.Rate, Calls: caller.Calls}
	metricsBefore, err := readMetrics(ctx, g.sub.monitor)
	if err != nil {
		return r, err
	}
	profile, err := b.profile(s.name, g.sub.proc, dir)
	if err != nil {
		return r, err
	}
	defer profile()
	begin, err := g.read()
	if err != nil {
		return r, err
	}
	result, err := caller.Run(ctx, dir)
	if result.Created == 0 && err != nil {
		return r, err // sipp did not run; calls that failed are a result
	}
	r.Failed = caller.Calls - result.Successful
	r.Retransmissions, r.Seconds = result.Retransmissions, result.Elapsed.Seconds()
	if r.Accounted, err = g.log.await(ctx, s.record, result.Successful); err != nil {
		return r, err
	}
	end, err := g.read()
	if err != nil {
		return r, err
	}
	r.account(begin, end, result.CPU)
	if err := r.journal(ctx, g.sub.monitor, metricsBefore); err != nil {
		return r, err
	}
	if !r.passed(b.seconds) {
		b.explain(g.sub, result.Errors)
	}
	memory, err := g.sub.proc.Memory()
	r.Memory = float64(memory) / (1 << 20)
	return r, err
}

// reading is the state of the clocks at one moment.
type reading struct {
	at                   time.Time
	machine              cpuTicks
	subject, log, callee time.Duration // of CPU
}

func (g rig) read() (r reading, err error) {
	r.at = time.Now()
	if r.machine, err = readCPU(); err != nil {
		return r, err
	}
	if r.subject, err = g.sub.proc.CPUTime(); err != nil {
		return r, err
	}
	if r.log, err = g.log.proc.CPUTime(); err != nil {
		return r, err
	}
	r.callee, err = g.callee.Process().CPUTime()
	return r, err
}

// account fills in the CPU times from the readings around a run and the time that the caller used.
func (r *run) account(begin, end reading, caller time.Duration) {
	subject, log := end.subject-begin.subject, end.log-begin.log
	if r.Accounted > 0 {
		r.CPUPerCall = float64(subject/time.Microsecond) / float64(r.Accounted)
		r.LogPerCall = float64(log/time.Microsecond) / float64(r.Accounted)
	}
	own := subject + log + end.callee - begin.callee + caller
	elapsed := end.at.Sub(begin.at).Seconds()
	r.OtherCores = max(busyCores(begin.machine, end.machine, runtime.NumCPU())-own.Seconds()/elapsed, 0)
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
