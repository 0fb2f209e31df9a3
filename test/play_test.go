package test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"tollgate/test/peer"
)

// TestPlays runs every play of every numbered folder.
//
// A play is a text, one step on a line; a line that begins with # is a comment. The steps:
//
//	config FILE                  the configuration, from the root of the project; else config.ini of the folder
//	set SECTION KEY=VALUE        changes it; a running gatekeeper sees it with the next reload
//	radius STATE                 up, silent (it takes requests and does not answer) or gone (its port refuses)
//	callee SCENARIO [OPTION]...  a callee, where the default route leads; hold=TIME is the length of its pauses, key.NAME=TEXT
//	                             what stands for [NAME] in the scenario. A second one is the route's second target
//	route PREFIX TARGETS         another route, or another default one, after the callees
//	gone NUMBER, back NUMBER     the callee with that number is killed, is started again
//	gatekeeper                   starts the gatekeeper, and a client that watches its status port
//	caller SCENARIO [OPTION]...  calls, until the end of the scenario: hold=TIME calls=N rate=N number=N as=NAME from=ADDRESS,
//	                             key.NAME=TEXT, lenient; with & at the end the play goes on meanwhile. The scenario says what
//	                             must come back
//	await RECORD N [TEXT]...     waits until there are N such records, or more
//	status COMMAND               a command for the status port
//	signal NAME                  TERM, HUP or KILL to the gatekeeper
//	within TIME                  the steps up to here took no longer, counted from the last caller, command or signal
//	ended CODE                   the gatekeeper ends with that exit code
//	want RECORD N [TEXT]...      at the end there are exactly N records that hold each TEXT; "" quotes blanks
//
// RECORD is radius, file, sql:TABLE, syslog, status or log, or invite: a call that reached a callee, as callee=NUMBER CALLID and
// what happened to it there (answered, cancelled, hungup, ...); or heard: a message that a phone has received, as callee=NUMBER or
// caller=NUMBER and the message with bars for its line ends. In a TEXT, in targets and in options $gk is the gatekeeper's address
// and $1, $2, ... are the callees'. Before the end the gatekeeper is stopped with SIGTERM, if it runs, and must exit with 0,
// so that "exactly" means: and no more will come.
func TestPlays(t *testing.T) {
	plays, err := filepath.Glob("[0-9]*/*.play")
	if err != nil || len(plays) == 0 {
		t.Fatalf("no plays: %v", err)
	}
	for _, path := range plays {
		t.Run(strings.TrimSuffix(path, ".play"), func(t *testing.T) {
			t.Parallel()
			runPlay(t, path)
		})
	}
}

// play is a play that is being run.
type play struct {
	*testing.T
	folder string
	line   int // that is being run

	gk     *gatekeeper
	watch  *statusClient
	radius *peer.FreeRADIUS
	syslog *peer.Rsyslog
	phones
	since time.Time // what within counts from
	busy  sync.WaitGroup
	wants []want
}

func runPlay(t *testing.T, path string) {
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	p := &play{T: t, folder: filepath.Dir(path)}
	for line := range strings.Lines(string(content)) {
		p.line++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		verb, rest, _ := strings.Cut(line, " ")
		p.step(verb, strings.TrimSpace(rest))
		if t.Failed() {
			t.Fatalf("%s:%d: %s", path, p.line, line)
		}
	}
	p.finish(path)
}

// step runs one line.
func (p *play) step(verb, rest string) {
	p.Helper()
	args := words(rest)
	switch verb {
	case "config":
		p.open(filepath.Join("..", rest))
	case "set":
		p.set(rest)
	case "radius":
		p.setRADIUS(rest)
	case "callee":
		p.startCallee(args)
	case "route":
		p.setRoute(rest)
	case "gone":
		p.calleeGone(p.number(rest))
	case "back":
		p.calleeBack(p.number(rest))
	case "gatekeeper":
		p.gatekeeper().start()
		p.watch = p.gk.watch()
	case "caller":
		p.startCaller(args)
	case "await":
		p.await(parseWant(p, args))
	case "want":
		p.wants = append(p.wants, parseWant(p, args))
	case "status":
		p.since = time.Now()
		p.watch.send(p, rest)
	case "signal":
		p.since = time.Now()
		p.gk.signal(map[string]syscall.Signal{"TERM": syscall.SIGTERM, "HUP": syscall.SIGHUP, "KILL": syscall.SIGKILL}[rest])
	case "within":
		if limit, took := slack*p.duration(rest), time.Since(p.since); took > limit {
			p.Errorf("it took %v", took)
		}
	case "ended":
		p.gk.ended(p.number(rest))
	default:
		p.Fatalf("unknown step %q", verb)
	}
}

func (p *play) open(path string) {
	p.Helper()
	p.gk = newGatekeeper(p, path)
	if p.gk.config.has("SyslogAcct") {
		p.syslog = peer.StartRsyslog(p)
		p.gk.config.set("SyslogAcct", "Server", "unix:"+p.syslog.Socket)
	}
}

// gatekeeper is the one of the play; without the step config it has the folder's configuration.
func (p *play) gatekeeper() *gatekeeper {
	p.Helper()
	if p.gk == nil {
		p.open(filepath.Join(p.folder, "config.ini"))
	}
	return p.gk
}

func (p *play) set(rest string) {
	p.Helper()
	section, entry, _ := strings.Cut(rest, " ")
	key, value, ok := strings.Cut(entry, "=")
	if !ok {
		p.Fatalf("set needs SECTION KEY=VALUE")
	}
	p.gatekeeper().config.set(section, key, value)
	if p.gk.running() {
		p.gk.save()
	}
}

// setRADIUS brings the server into a state.
func (p *play) setRADIUS(state string) {
	p.Helper()
	if p.radius == nil {
		p.radius = peer.StartFreeRADIUS(p)
		config := p.gatekeeper().config
		config.set("RadAcct", "Servers", fmt.Sprintf("%s:1812:%d", peer.Loopback, p.radius.Port))
		config.set("RadAcct", "SharedSecret", p.radius.Secret)
	}
	switch state {
	case "up":
		if peer.Listening("udp", p.radius.Port) {
			p.radius.Resume()
		} else {
			p.radius.Restart()
		}
	case "silent":
		p.radius.Pause()
	case "gone":
		p.radius.Kill()
	default:
		p.Fatalf("unknown state %q", state)
	}
}

// finish waits for the callers, stops the gatekeeper and compares the records.
func (p *play) finish(path string) {
	p.Helper()
	p.busy.Wait()
	if p.gk.running() {
		p.gk.stop()
	}
	p.gk.sane()
	for i, callee := range p.callees {
		if p.away[i+1] {
			continue
		}
		if _, err := callee.Stop(); err != nil {
			p.Error(err)
		}
	}
	for _, w := range p.wants {
		if p.check(w, func(n int) bool { return n == w.count }) {
			continue
		}
		p.Errorf("%s:%d: %d %s records with %q, want %d; all of them:\n%s", path, w.line, p.count(w), w.kind, w.texts, w.count,
			strings.Join(p.records(w.kind), "\n"))
	}
}

func (p *play) number(s string) int {
	p.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		p.Fatal(err)
	}
	return n
}

func (p *play) duration(s string) time.Duration {
	p.Helper()
	d, err := time.ParseDuration(s)
	if err != nil {
		p.Fatal(err)
	}
	return d
}

// words cuts at blanks that do not stand between double quotes.
func words(s string) []string {
	var list []string
	word, quoted, open := "", false, false
	for _, c := range s {
		switch {
		case c == '"':
			quoted, open = !quoted, true
		case c == ' ' && !quoted:
			if open {
				list = append(list, word)
			}
			word, open = "", false
		default:
			word, open = word+string(c), true
		}
	}
	if open {
		list = append(list, word)
	}
	return list
}
