package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// restart is what the part of that name has measured.
type restart struct {
	Calls int          `json:"calls"`
	Rate  float64      `json:"calls_per_s"` // at which they were made
	Runs  []restartRun `json:"runs"`
	// Repeated counts the records that came to syslog a second time.
	Repeated int `json:"repeated"`
}

// restartRun is one kill -9 and what followed.
type restartRun struct {
	ToBye     float64 `json:"s_to_bye"`     // from before the exec to the 200 of a BYE that was sent all the while
	ToReady   float64 `json:"s_to_ready"`   // to the line "ready" of the log, seen a little later than it is
	CPU       float64 `json:"cpu_s"`        // that the new program has used up to the 200
	Restoring float64 `json:"s_restoring"`  // as the program's log has it
	Before    float64 `json:"rss_mib"`      // of the killed program
	After     float64 `json:"rss_mib_then"` // of the new one, with all calls
	Load      load    `json:"load_before"`
}

// byeEvery is the time between two BYEs. A UAC waits longer (RFC 3261 17.1.2.2), but the first moment is looked for.
const byeEvery = 20 * time.Millisecond

// restart brings up very many calls and kills the gatekeeper, some times. Whatever is wrong with the calls then is an error.
func (b *bench) restart(ctx context.Context, res *result, calls, rounds int) (err error) {
	b.logf("restart with %d calls that are up", calls)
	dir, err := os.MkdirTemp("", "tgbench")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	r, err := b.startRestart(ctx, dir, calls)
	if err != nil {
		return fmt.Errorf("part restart: %w", err)
	}
	defer r.stop()
	if err := r.run(ctx, rounds); err != nil {
		return fmt.Errorf("part restart: %w", err)
	}
	res.Restart = &r.result
	return nil
}

// restarting is the part while it runs.
type restarting struct {
	b      *bench
	log    *syslogd
	phones *phones
	gk     *gatekeeper
	ended  int // calls
	result restart
}

func (b *bench) startRestart(ctx context.Context, dir string, calls int) (r *restarting, err error) {
	r = &restarting{b: b, result: restart{Calls: calls}}
	defer func() {
		if err != nil {
			r.stop()
		}
	}()
	if r.log, err = startSyslogd(ctx, dir); err != nil {
		return r, err
	}
	if r.phones, err = newPhones(calls); err != nil {
		return r, err
	}
	own := filepath.Join(dir, "gatekeeper")
	if err := os.Mkdir(own, 0o755); err != nil {
		return r, err
	}
	r.gk, err = newGatekeeper(environment{dir: own, tollgate: b.tollgate, sync: b.sync, callee: r.phones.calleeAddr, socket: r.log.socket}, "")
	if err != nil {
		return r, err
	}
	address, err := netip.ParseAddrPort(r.gk.sip())
	if err != nil {
		return r, err
	}
	r.phones.serve(address)
	if err := r.gk.start(); err != nil {
		return r, err
	}
	return r, r.gk.ready(ctx)
}

func (r *restarting) stop() {
	if r.gk != nil && r.gk.proc != nil {
		r.gk.proc.Kill()
	}
	if r.phones != nil {
		r.phones.close()
	}
	if r.log != nil {
		r.log.stop()
	}
}

func (r *restarting) run(ctx context.Context, rounds int) error {
	began := time.Now()
	if err := r.phones.dial(ctx); err != nil {
		return err
	}
	r.result.Rate = float64(r.result.Calls) / time.Since(began).Seconds()
	r.b.logf("%d calls made, %.0f/s", r.result.Calls, r.result.Rate)
	if err := r.check(ctx); err != nil {
		return err
	}
	for range rounds {
		one, err := r.once(ctx)
		if err != nil {
			return err
		}
		r.result.Runs = append(r.result.Runs, one)
	}
	return r.finish(ctx)
}

// once kills and starts the gatekeeper and has one call end meanwhile.
func (r *restarting) once(ctx context.Context) (one restartRun, err error) {
	if err := r.awaitWritten(ctx); err != nil {
		return one, err
	}
	if one.Load, err = r.b.awaitQuiet(ctx); err != nil {
		return one, err
	}
	if one.Before, err = residentMemory(r.gk.proc.PID()); err != nil {
		return one, err
	}
	r.gk.proc.Kill()
	begin := time.Now()
	if err := r.gk.start(); err != nil {
		return one, err
	}
	profile, err := r.b.profile("restart", r.gk.proc, r.gk.env.dir)
	if err != nil {
		return one, err
	}
	defer profile()
	if err := r.phones.bye(ctx, r.ended, byeEvery); err != nil {
		return one, fmt.Errorf("%w; the program printed: %s", err, firstBytes(r.gk.proc.Output()))
	}
	one.ToBye = time.Since(begin).Seconds()
	r.ended++
	cpu, err := r.gk.proc.CPUTime()
	if err != nil {
		return one, err
	}
	one.CPU = cpu.Seconds()
	if err := r.gk.ready(ctx); err != nil {
		return one, err
	}
	one.ToReady = time.Since(begin).Seconds()
	if one.After, err = residentMemory(r.gk.proc.PID()); err != nil {
		return one, err
	}
	if one.Restoring, err = r.told(); err != nil {
		return one, err
	}
	r.b.logf("restart: %.2f s from exec to the 200 of the first BYE, %.2f s of it restoring the calls, %.2f s of CPU; VmRSS %.0f MiB before, %.0f MiB after; others used %.2f cores before; load %s",
		one.ToBye, one.Restoring, one.CPU, one.Before, one.After, one.Load.Busy, one.Load.Average)
	return one, r.check(ctx)
}

// awaitWritten waits until the journal has written everything, what nobody waits for too, so that what a restart finds is
// known to the call.
func (r *restarting) awaitWritten(ctx context.Context) error {
	for deadline := time.Now().Add(recordsTime); ; time.Sleep(50 * time.Millisecond) {
		m, err := readMetrics(ctx, r.gk.monitorAddr())
		if err != nil || m[metricWaiting] == 0 {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%.0f records wait for the journal", m[metricWaiting])
		}
	}
}

// goesOn is the line of the log about the calls of the former run, with how many there are, how many are damaged and the time.
var goesOn = regexp.MustCompile(`the calls of the former run go on.*"calls": (\d+), "damaged": (\d+),.*"took": "?([^",}]+)`)

// told is how long the program says that it has restored calls, which must be all of them.
func (r *restarting) told() (seconds float64, err error) {
	output := r.gk.proc.Output()
	m := goesOn.FindStringSubmatch(output)
	if m == nil {
		return 0, fmt.Errorf("no word of the calls of the former run in the log: %s", firstBytes(output))
	}
	if want := strconv.Itoa(r.result.Calls - r.ended + 1); m[1] != want || m[2] != "0" {
		return 0, fmt.Errorf("%s calls restored and %s damaged, want %s and 0", m[1], m[2], want)
	}
	took, err := time.ParseDuration(m[3])
	return took.Seconds(), err
}

// check waits until the status port counts all calls but those that have ended, and all of them connected.
func (r *restarting) check(ctx context.Context) error {
	want := fmt.Sprintf("Current Calls: %[1]d Active: %[1]d ", r.result.Calls-r.ended)
	var last string
	for deadline := time.Now().Add(recordsTime); ; time.Sleep(50 * time.Millisecond) {
		err := r.gk.ask(ctx, "statistics", func(line string) {
			if strings.HasPrefix(line, "Current Calls: ") {
				last = line
			}
		})
		if err != nil || strings.HasPrefix(last, want) {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the status port says %q, want %q", last, want)
		}
	}
}

// finish looks at each call on the status port, then ends them all and looks at their records.
func (r *restarting) finish(ctx context.Context) error {
	sessions := make(map[string]bool)
	err := r.gk.ask(ctx, "printcurrentcalls", func(line string) {
		if _, rest, ok := strings.Cut(line, " | CallID "); ok && strings.HasPrefix(line, "Call No. ") {
			id, _, _ := strings.Cut(rest, " | ")
			sessions[id] = true
		}
	})
	if err != nil {
		return err
	}
	if want := r.result.Calls - r.ended; len(sessions) != want {
		return fmt.Errorf("the status port lists %d calls, want %d", len(sessions), want)
	}
	if err := r.phones.hangUp(ctx, r.ended); err != nil {
		return err
	}
	r.ended = r.result.Calls
	if err := r.check(ctx); err != nil {
		return err
	}
	return r.records(ctx)
}

// records finds a start, a connect and a stop of each call in the log, and exactly one CDR in the file. Syslog has no means
// against a record that was sent and not yet known to be when the gatekeeper died: it comes again, and such are counted.
func (r *restarting) records(ctx context.Context) error {
	calls := r.result.Calls
	if _, err := r.log.await(ctx, recordStop, calls+1); err != nil { // until nothing comes any more
		return err
	}
	for _, kind := range []string{recordStart, recordConnect, recordStop} {
		distinct, lines, err := countCalls(r.log.file, kind)
		if err != nil {
			return err
		}
		if distinct != calls {
			return fmt.Errorf("the log has %s of %d calls, want %d", kind, distinct, calls)
		}
		r.result.Repeated += lines - distinct
	}
	distinct, lines, err := countCalls(filepath.Join(r.gk.env.dir, "cdr.log"), "CDR|")
	if err != nil {
		return err
	}
	if distinct != calls || lines != calls {
		return fmt.Errorf("%d CDRs of %d calls, want one of each of %d", lines, distinct, calls)
	}
	r.b.logf("after %d restarts: start, connect and stop of each of %d calls in syslog, %d records twice; one CDR of each in the file",
		len(r.result.Runs), calls, r.result.Repeated)
	return nil
}

// countCalls counts the lines of a file that hold a record of a kind, KIND|SESSION-OR-NUMBER|CALL-ID|…, and their calls.
func countCalls(path, kind string) (calls, lines int, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	distinct := make(map[string]bool)
	scanner := bufio.NewScanner(f)
	for scanner.Scan() {
		_, rest, found := strings.Cut(scanner.Text(), kind)
		fields := strings.SplitN(rest, "|", 3)
		if found && len(fields) == 3 {
			lines++
			distinct[fields[1]] = true
		}
	}
	return len(distinct), lines, scanner.Err()
}

// residentMemory is VmRSS of a process in MiB (proc_pid_status(5)).
func residentMemory(pid int) (float64, error) {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(content)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "VmRSS:" {
			kib, err := strconv.ParseFloat(f[1], 64)
			return kib / 1024, err
		}
	}
	return 0, fmt.Errorf("/proc/%d/status: no VmRSS", pid)
}
