package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"tollgate/test/peer"
)

// gatekeeper is a Tollgate with its configuration; it may be started again and again.
type gatekeeper struct {
	env                     environment
	file                    string // the configuration
	status, monitor, sipUDP int    // ports
	proc                    *peer.Process
}

// What the log lines of a call contain, and no others.
const (
	recordStart   = "CALL|Start|"
	recordConnect = "CALL|Connect|"
	recordStop    = "CALL|Stop|"
)

// callsInMemory is the line of [Journal] for calls that are in no journal.
const callsInMemory = "Calls=0"

const tollgateConfig = `[Gatekeeper::Main]
Name=bench
Home=127.0.0.1
StatusPort=%[1]d
StateDir=%[2]s/state

[Journal]
Sync=%[6]s
%[7]s

[Monitor]
Listen=127.0.0.1:%[8]d

[Gatekeeper::Acct]
SyslogAcct=required;start,connect,stop
FileAcct=required;stop

[SIP]
Listen=udp:127.0.0.1:%[3]d

[SIP::Routes]
*=sip:%[4]s

[SyslogAcct]
Server=unix:%[5]s
SyslogFacility=LOG_LOCAL0
StartEvent=CALL|Start|%%s|%%{CallId}|%%{Calling-Station-Id}|%%{caller-ip}|%%{Dialed-Number}
ConnectEvent=CALL|Connect|%%s|%%{CallId}|%%{Calling-Station-Id}|%%{caller-ip}|%%{Called-Station-Id}
StopEvent=CALL|Stop|%%s|%%{CallId}|%%{Calling-Station-Id}|%%{caller-ip}|%%{Called-Station-Id}|%%d|%%{connect-time}|%%{disconnect-time}|%%c

[FileAcct]
DetailFile=%[2]s/cdr.log
Sync=none
`

// newGatekeeper chooses ports and writes the configuration, with a further line for [Journal].
func newGatekeeper(env environment, journal string) (*gatekeeper, error) {
	g := &gatekeeper{env: env, file: filepath.Join(env.dir, "tollgate.ini")}
	var err error
	if g.status, err = peer.FindPort("tcp"); err != nil {
		return nil, err
	}
	if g.monitor, err = peer.FindPort("tcp"); err != nil {
		return nil, err
	}
	if g.sipUDP, err = peer.FindPort("udp"); err != nil {
		return nil, err
	}
	text := fmt.Sprintf(tollgateConfig, g.status, env.dir, g.sipUDP, env.callee, env.socket, env.sync, journal, g.monitor)
	return g, os.WriteFile(g.file, []byte(text), 0o644)
}

// check has the program read the configuration. The error is what it has to say against it.
func (g *gatekeeper) check(ctx context.Context) error {
	out, err := exec.CommandContext(ctx, g.env.tollgate, "check", "-c", g.file).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}

// start runs the program, which need not be ready then.
func (g *gatekeeper) start() (err error) {
	g.proc, err = peer.Start(g.env.dir, g.env.tollgate, "run", "-c", g.file)
	return err
}

// ready waits until the program is. If it does not come to that, it is killed.
func (g *gatekeeper) ready(ctx context.Context) error {
	// The log tells, and not a port: another program may have taken that meanwhile.
	err := g.proc.WaitReady(ctx, func() bool { return strings.Contains(g.proc.Output(), "INFO ready") })
	if err != nil {
		g.proc.Kill()
	}
	return err
}

func (g *gatekeeper) sip() string         { return loopback(g.sipUDP) }
func (g *gatekeeper) monitorAddr() string { return loopback(g.monitor) }

// ask gives the status port a command and has each line that comes, those before and between the answer too.
func (g *gatekeeper) ask(ctx context.Context, command string, each func(line string)) error {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", loopback(g.status))
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		return err
	}
	if _, err := conn.Write([]byte(command + "\r\nexit\r\n")); err != nil {
		return err
	}
	lines := bufio.NewScanner(conn)
	for lines.Scan() {
		each(lines.Text())
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("%s on the status port: %w", command, err)
	}
	return nil
}

// metrics are the values of a monitor that have no labels, by name.
type metrics map[string]float64

// readMetrics reads what a monitor says; a subject without one has none.
func readMetrics(ctx context.Context, addr string) (metrics, error) {
	if addr == "" {
		return nil, nil
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	client := http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("reading metrics: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("reading metrics: %s", resp.Status)
	}
	all := make(metrics)
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), " ")
		if v, err := strconv.ParseFloat(value, 64); err == nil && name != "#" {
			all[name] = v
		}
	}
	return all, lines.Err()
}
