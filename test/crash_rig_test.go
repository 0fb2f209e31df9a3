package test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"tollgate/test/peer"
)

// crashRig is a gatekeeper that is made to die, with its peers.
type crashRig struct {
	*testing.T
	gk      *gatekeeper
	radius  *peer.FreeRADIUS
	weather *weather
	callee  *peer.UAS
	caller  *peer.UAS
	calls   map[string]peer.Call // as the caller saw them, once no call begins any more

	lives   int       // how often it was started
	down    time.Time // when it died; zero while it is up
	outages []outage
	notUp   int // starts that ended with an error
}

// outage is a time without a gatekeeper.
type outage struct{ from, to time.Time }

func newCrashRig(t *testing.T) *crashRig {
	t.Helper()
	r := &crashRig{T: t, gk: newGatekeeper(t, "16-crash/config.ini"), radius: peer.StartFreeRADIUS(t)}
	r.gk.config.set("RadAcct", "Servers", fmt.Sprintf("%s:1812:%d", peer.Loopback, r.radius.Port))
	r.gk.config.set("RadAcct", "SharedSecret", r.radius.Secret)
	r.callee = peer.StartUAS(t, persistent(peer.SIPP{Scenario: "uas_persistent.xml", Hold: 8 * time.Second}))
	r.gk.routeTo(r.callee.Addr)
	r.gk.save()
	t.Cleanup(r.keep)
	r.weather = newWeather(r.radius, filepath.Join(r.gk.dir, "var", "cdr.db"), r.folder("lock"))
	return r
}

// folder makes one for a peer, in the gatekeeper's.
func (r *crashRig) folder(name string) string {
	r.Helper()
	dir := filepath.Join(r.gk.dir, name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		r.Fatal(err)
	}
	return dir
}

// persistent makes a sipp bear what happens: it answers when it is asked whether a call is up, and knows a message again that
// comes by way of another transaction.
func persistent(s peer.SIPP) peer.SIPP {
	s.Lenient = true
	s.Args = []string{"-aa", "-rtcheck", "loose", "-buff_size", "4194304"}
	return s
}

// crashBinary builds the gatekeeper with its crash points, once, without the race detector: it is to bear a load.
func crashBinary(t *testing.T) string {
	t.Helper()
	path := filepath.Join(filepath.Dir(binary()), "tollgate-crash")
	if _, err := os.Stat(path); err == nil {
		return path
	}
	if out, err := exec.Command("go", "build", "-tags", "crashpoints", "-o", path, "../cmd/tollgate").CombinedOutput(); err != nil {
		t.Fatalf("building the gatekeeper with crash points: %v\n%s", err, out)
	}
	return path
}

func (r *crashRig) startCalls() {
	r.Helper()
	s := persistent(peer.SIPP{Scenario: "uac_persistent.xml", Target: r.gk.address(), Rate: *crashRate, Calls: 1_000_000})
	caller, err := s.Start(r.Context(), r.folder("caller"))
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(caller.Kill)
	r.caller = caller
}

// up starts the gatekeeper, as a service manager would: again and again, until it is ready. With a point, as NAME:N, it may
// die there before; up is false then.
func (r *crashRig) up(point string) bool {
	r.Helper()
	for deadline := time.Now().Add(2 * patience); time.Now().Before(deadline); {
		p := r.launch(point)
		err := p.WaitReady(context.Background(), func() bool { return strings.Contains(p.Output(), "INFO ready") })
		if err == nil {
			if !r.down.IsZero() {
				r.outages = append(r.outages, outage{r.down, time.Now()})
				r.down = time.Time{}
			}
			return true
		}
		if point != "" && p.ExitCode() < 0 {
			return false
		}
		if p.ExitCode() == 2 {
			r.Fatal(err) // of the configuration
		}
		r.notUp++
		r.Logf("start %d: %v", r.lives, err)
		time.Sleep(100 * time.Millisecond)
	}
	r.Fatal("the gatekeeper does not start any more")
	return false
}

// launch starts the program. The log of its life before becomes a file of its own.
func (r *crashRig) launch(point string) *peer.Process {
	r.Helper()
	if r.lives > 0 {
		r.setLogAside()
	}
	r.lives++
	r.gk.release()
	program := crashBinary(r.T)
	p, err := peer.StartEnv(r.gk.dir, []string{"TOLLGATE_CRASH=" + point}, program, "run", "-level", *crashLevel, "-c", "tollgate.ini")
	if err != nil {
		r.Fatal(err)
	}
	r.gk.process = p
	return p
}

func (r *crashRig) setLogAside() {
	r.Helper()
	name := filepath.Base(crashBinary(r.T)) + ".out"
	if err := os.Rename(filepath.Join(r.gk.dir, name), filepath.Join(r.gk.dir, fmt.Sprintf("life-%04d.log", r.lives))); err != nil {
		r.Fatal(err)
	}
}

// live lets time go by, with its weather, and tells whether the gatekeeper has died meanwhile.
func (r *crashRig) live(limit time.Duration) bool {
	r.Helper()
	end := time.After(limit)
	for {
		select {
		case <-r.gk.process.Done():
			r.died(r.gk.process.Ended())
			return true
		case <-end:
			return false
		case <-r.weather.due():
			if err := r.weather.turn(); err != nil {
				r.Fatal(err)
			}
		}
	}
}

// died begins an outage, unless there is one.
func (r *crashRig) died(at time.Time) {
	if r.down.IsZero() {
		r.down = at
	}
}

func (r *crashRig) kill() {
	r.died(time.Now())
	r.gk.process.Kill()
}

// finish ends the calls, waits for what is kept to be delivered, stops the gatekeeper and verifies.
func (r *crashRig) finish() {
	r.Helper()
	if err := r.weather.clear(); err != nil {
		r.Fatal(err)
	}
	r.endCalls()
	r.await()
	r.stop()
	sessions, err := r.collect()
	if err != nil {
		r.Error(err)
	}
	f := verify(sight{r.calls, r.called(), r.outages}, sessions)
	r.Logf("%d lives, %v", r.lives, r.weather)
	r.Log(f.summary(r.outages))
	for _, fault := range f.list() {
		r.Error(fault)
	}
	for _, call := range f.broken(3) {
		r.Log(r.story(call, r.calls[call]))
	}
	for _, line := range r.logLines("DATA RACE", "panic:", "fatal error:") {
		r.Error(line)
	}
}

// endCalls lets no call begin any more and waits for the end of the others. The gatekeeper must be up.
func (r *crashRig) endCalls() {
	r.Helper()
	if r.calls != nil {
		return
	}
	if err := r.caller.Process().Signal(syscall.SIGUSR1); err != nil {
		r.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	result, err := r.caller.Wait(ctx)
	if err != nil {
		r.Fatalf("the caller: %v", err)
	}
	if result.Created == 0 || len(result.Calls) < result.Created {
		r.Errorf("the caller has made %d calls, and tells of %d", result.Created, len(result.Calls))
	}
	r.calls = result.Calls
}

// await waits for all records, as long as there are more and more of them.
func (r *crashRig) await() {
	r.Helper()
	const stall = 30 * time.Second
	records, since := -1, time.Now()
	for time.Since(since) < stall {
		if !r.gk.running() {
			r.Fatal("the gatekeeper has ended by itself") // its log follows
		}
		began := time.Now()
		sessions, _ := r.collect() // an error shows again in the end
		f := verify(sight{calls: r.calls}, sessions)
		if f.incomplete == 0 {
			return
		}
		if f.records != records {
			records, since = f.records, time.Now()
		}
		time.Sleep(max(500*time.Millisecond, 2*time.Since(began)))
	}
	r.Logf("no record has come for %v", stall)
}

// stop ends the gatekeeper in good order.
func (r *crashRig) stop() {
	r.Helper()
	r.gk.signal(syscall.SIGTERM)
	select {
	case <-r.gk.process.Done():
	case <-time.After(40 * time.Second):
		r.Fatal("the gatekeeper does not end")
	}
	if code := r.gk.process.ExitCode(); code != 0 {
		r.Errorf("the gatekeeper's exit code is %d", code)
	}
	r.setLogAside()
	r.gk.process = nil
}

// logLines are the lines of all lives that hold one of the texts.
func (r *crashRig) logLines(texts ...string) []string {
	r.Helper()
	paths, err := filepath.Glob(filepath.Join(r.gk.dir, "life-*.log"))
	if err != nil {
		r.Fatal(err)
	}
	var lines []string
	for _, path := range paths {
		for _, line := range readLines(r, path) {
			for _, text := range texts {
				if strings.Contains(line, text) {
					lines = append(lines, filepath.Base(path)+": "+line)
					break
				}
			}
		}
	}
	return lines
}

// keep moves the gatekeeper's folder to where somebody can look at it.
func (r *crashRig) keep() {
	if *crashKeep == "" || !r.Failed() {
		return
	}
	to := filepath.Join(*crashKeep, strings.ReplaceAll(r.Name(), "/", "-"))
	if out, err := exec.Command("cp", "-a", r.gk.dir, to).CombinedOutput(); err != nil {
		r.Logf("%v: %s", err, out)
	}
}
