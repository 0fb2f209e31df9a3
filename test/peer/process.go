package peer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// The time that a program gets to become ready, and to go after it was asked to.
const (
	readyTime = 15 * time.Second
	exitTime  = 5 * time.Second
)

// Process is a running program with its process group and the file that holds what it printed.
type Process struct {
	cmd    *exec.Cmd
	name   string
	output string // path
	done   chan struct{}
	err    error     // of Wait, once done is closed
	ended  time.Time // once done is closed
}

// Start runs the program with its standard output and error in DIR/NAME.out, in a process group of its own. A program
// that is not installed is an error that says how to get it. The caller stops the process with Kill or Stop.
func Start(dir, program string, args ...string) (*Process, error) {
	return StartEnv(dir, nil, program, args...)
}

// StartEnv is Start with further variables in the program's environment, as NAME=VALUE.
func StartEnv(dir string, env []string, program string, args ...string) (*Process, error) {
	path, err := find(program)
	if err != nil {
		return nil, err
	}
	name := filepath.Base(program)
	out, err := os.Create(filepath.Join(dir, name+".out"))
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	defer out.Close()
	cmd := exec.Command(path, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, out, out
	cmd.Env = append(os.Environ(), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	p := &Process{cmd: cmd, name: name, output: out.Name(), done: make(chan struct{})}
	go p.wait()
	return p, nil
}

// find looks for a program in PATH and where Debian keeps daemons, which is not in everybody's PATH.
func find(program string) (string, error) {
	if path, err := exec.LookPath(program); err == nil {
		return path, nil
	}
	if path, err := exec.LookPath(filepath.Join("/usr/sbin", program)); err == nil {
		return path, nil
	}
	return "", fmt.Errorf("%s is not installed: test/install.sh installs what the tests need", program)
}

func (p *Process) wait() {
	p.err = p.cmd.Wait()
	p.ended = time.Now()
	close(p.done)
}

// PID is the process id, and the id of its process group.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Ended waits for the end of the process and tells when that was.
func (p *Process) Ended() time.Time {
	<-p.done
	return p.ended
}

// ExitCode waits for the end of the process; -1 if a signal ended it.
func (p *Process) ExitCode() int {
	<-p.done
	return p.cmd.ProcessState.ExitCode()
}

// Signal sends a signal to the process alone.
func (p *Process) Signal(s os.Signal) error { return p.cmd.Process.Signal(s) }

// Kill ends the process and all of its group at once and waits for it. It may be called again.
func (p *Process) Kill() {
	_ = syscall.Kill(-p.PID(), syscall.SIGKILL) // an error means that the group is empty already
	<-p.done
}

// Stop asks the process to end with a signal, and kills what is left of its group after five seconds.
func (p *Process) Stop(s os.Signal) {
	_ = p.Signal(s) // an error means that it has ended
	select {
	case <-p.done:
	case <-time.After(exitTime):
	}
	p.Kill()
}

// Output is what the program has printed so far.
func (p *Process) Output() string {
	b, err := os.ReadFile(p.output)
	if err != nil {
		return err.Error()
	}
	return string(bytes.TrimSpace(b))
}

// WaitReady polls ready until it is true. It gives up, with the program's output, when the program ends or after
// fifteen seconds.
func (p *Process) WaitReady(ctx context.Context, ready func() bool) error {
	timeout := time.After(readyTime)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if ready() {
			return nil
		}
		select {
		case <-p.done:
			return p.failure(errors.New("it ended before it was ready"))
		case <-timeout:
			return p.failure(errors.New("it was not ready in time"))
		case <-ctx.Done():
			return p.failure(ctx.Err())
		case <-tick.C:
		}
	}
}

// failure is an error about the process, with the end of what it printed.
func (p *Process) failure(err error) error {
	out := p.Output()
	if len(out) > 2000 {
		out = "…" + out[len(out)-2000:]
	}
	return fmt.Errorf("%s: %w; it printed: %s", p.name, err, out)
}
