package peer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"tollgate/test/scenario"
)

// SIPP is one run of sipp: a caller if Target is set, else a callee.
type SIPP struct {
	Scenario string        // a file of test/scenario, such as uac_call.xml, or the path of another
	Target   string        // caller: host:port of the gatekeeper, or of a callee
	Port     int           // its own UDP port; 0 = a free one
	Number   string        // caller: what is dialled; "" = 4930123
	Caller   string        // caller: user part of From; "" = alice
	Address  string        // that it sends from and is at; "" = 127.0.0.1
	Password string        // of the caller, for the scenarios with a challenge; "" = secret
	Calls    int           // caller: how many in all; 0 = 1. Callee: how many until it ends by itself; 0 = never
	Rate     int           // caller: calls per second; 0 = 10
	Hold     time.Duration // the length of the scenario's pauses
	Timeout  time.Duration // caller: for the whole run; 0 = what the calls need and 30 s
	Lenient  bool          // a message that the scenario does not expect is passed over and does not fail the call
	Load     bool          // for high rates: large buffers, no log of events and messages, lenient
	Args     []string      // further arguments of sipp

	Keys map[string]string // what stands for [NAME] in the scenario
}

// RunUAC runs a caller to completion. It fails the test if sipp cannot run or any call fails.
func RunUAC(t testing.TB, s SIPP) Result {
	t.Helper()
	r, err := s.Run(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// UAS is a running callee.
type UAS struct {
	Addr string // host:port
	Port int
	proc *Process
	dir  string
}

// StartUAS starts a callee and waits until it listens. It is killed when the test ends.
func StartUAS(t testing.TB, s SIPP) *UAS {
	t.Helper()
	u, err := s.Start(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(u.Kill)
	return u
}

// Start starts a callee, with its files in dir, and waits until it listens.
func (s SIPP) Start(ctx context.Context, dir string) (*UAS, error) {
	if err := s.prepare(dir); err != nil {
		return nil, err
	}
	p, err := Start(dir, "sipp", s.args(dir)...)
	if err != nil {
		return nil, err
	}
	u := &UAS{Addr: net.JoinHostPort(Loopback, strconv.Itoa(s.Port)), Port: s.Port, proc: p, dir: dir}
	if err := p.WaitReady(ctx, func() bool { return Listening("udp", s.Port) }); err != nil {
		p.Kill()
		return nil, fmt.Errorf("%w %s", err, readErrors(dir))
	}
	return u, nil
}

// Calls are the calls that the callee has seen so far.
func (u *UAS) Calls() (map[string]Call, error) {
	events, err := os.ReadFile(filepath.Join(u.dir, logFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the events of sipp: %w", err)
	}
	return parseEvents(events)
}

// Heard are the messages that the callee has received so far.
func (u *UAS) Heard() ([]string, error) { return ReadMessages(u.dir) }

// Kill ends the callee at once.
func (u *UAS) Kill() { u.proc.Kill() }

// Process is the running sipp, for signals and CPU time.
func (u *UAS) Process() *Process { return u.proc }

// Stop ends the callee and tells what it saw. Calls that were still up count as neither successful nor failed.
func (u *UAS) Stop() (Result, error) {
	u.proc.Stop(syscall.SIGUSR1)
	return readResult(u.dir)
}

// Wait waits until a callee with a number of Calls has ended by itself.
func (u *UAS) Wait(ctx context.Context) (Result, error) {
	select {
	case <-u.proc.Done():
		return readResult(u.dir)
	case <-ctx.Done():
		return Result{}, u.proc.failure(ctx.Err())
	}
}

// Run runs a caller to completion, with its files in dir. The error tells of a run that could not happen or in which a
// call failed; the result is valid in the latter case too.
func (s SIPP) Run(ctx context.Context, dir string) (Result, error) {
	if err := s.prepare(dir); err != nil {
		return Result{}, err
	}
	p, err := Start(dir, "sipp", s.args(dir)...)
	if err != nil {
		return Result{}, err
	}
	defer p.Kill()
	select {
	case <-p.Done():
	case <-ctx.Done():
		return Result{}, p.failure(ctx.Err())
	case <-time.After(s.timeout() + exitTime):
		p.Kill()
		r, err := readResult(dir)
		return r, errors.Join(p.failure(errors.New("it did not end in time")), err)
	}
	r, err := readResult(dir)
	if err != nil {
		return r, p.failure(err)
	}
	r.CPU = p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()
	if code := p.ExitCode(); code != 0 || r.Failed > 0 || r.Successful < s.calls() {
		return r, fmt.Errorf("sipp %s: %d of %d calls succeeded, %d failed, exit code %d: %s", filepath.Base(s.Scenario),
			r.Successful, s.calls(), r.Failed, code, firstOf(r.Errors, p.Output()))
	}
	return r, nil
}

// prepare puts the scenario into dir and chooses a port.
func (s *SIPP) prepare(dir string) error {
	content, err := scenario.Files.ReadFile(s.Scenario)
	if errors.Is(err, os.ErrNotExist) {
		content, err = os.ReadFile(s.Scenario)
	}
	if err != nil {
		return fmt.Errorf("reading scenario %s: %w", s.Scenario, err)
	}
	for name, text := range s.Keys { // sipp's own -key cannot stand for a status
		content = bytes.ReplaceAll(content, []byte("["+name+"]"), []byte(text))
	}
	if s.Port == 0 {
		if s.Port, err = FindPort("udp"); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(dir, scenarioFile), content, 0o644)
}

func (s SIPP) args(dir string) []string {
	args := []string{
		"-sf", filepath.Join(dir, scenarioFile), "-i", orDefault(s.Address, Loopback), "-p", strconv.Itoa(s.Port), "-nostdin",
		"-key", "caller", orDefault(s.Caller, "alice"), "-key", "password", orDefault(s.Password, "secret"),
		"-au", orDefault(s.Caller, "alice"), "-ap", orDefault(s.Password, "secret"),
		"-d", strconv.FormatInt(s.Hold.Milliseconds(), 10),
		"-trace_stat", "-stf", filepath.Join(dir, statFile), "-fd", "1",
		"-trace_err", "-error_file", filepath.Join(dir, errorFile),
	}
	if s.Lenient || s.Load {
		args = append(args, "-nd")
	} else {
		// An unexpected message ends a call as failed; no BYE or CANCEL of sipp's own makes up for it.
		args = append(args, "-default_behaviors", "all,-bye")
	}
	if s.Load {
		args = append(args, "-buff_size", "4194304")
	} else {
		args = append(args, "-trace_logs", "-log_file", filepath.Join(dir, logFile), "-trace_msg", "-message_file", filepath.Join(dir, messageFile))
	}
	if s.Target == "" {
		if s.Calls > 0 {
			args = append(args, "-m", strconv.Itoa(s.Calls))
		}
		return append(args, s.Args...)
	}
	args = append(args, "-s", orDefault(s.Number, "4930123"), "-m", strconv.Itoa(s.calls()), "-r", strconv.Itoa(s.rate()),
		"-l", strconv.Itoa(s.calls()), "-timeout", strconv.Itoa(int(s.timeout()/time.Second))+"s", "-timeout_error")
	return append(append(args, s.Args...), s.Target)
}

func (s SIPP) calls() int { return max(s.Calls, 1) }

func (s SIPP) rate() int {
	if s.Rate == 0 {
		return 10
	}
	return s.Rate
}

func (s SIPP) timeout() time.Duration {
	if s.Timeout > 0 {
		return max(s.Timeout, time.Second)
	}
	return time.Duration(s.calls()/s.rate()+1)*time.Second + 3*s.Hold + 30*time.Second
}

func orDefault(s, def string) string {
	if s == "" {
		return def
	}
	return s
}

func firstOf(texts ...string) string {
	for _, t := range texts {
		if t = strings.TrimSpace(t); t != "" {
			return t
		}
	}
	return "no reason given"
}
