package test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"tollgate/test/peer"
)

// long makes the tests of backlogs as long as an outage of an hour would be: 20,000 calls instead of 500, 5,000 kept events
// instead of 500. It takes about ten minutes.
var long = flag.Bool("long", false, "let the tests of backlogs run with 20,000 calls")

// rig is a gatekeeper between callers and a callee, with a RADIUS server that can be away.
type rig struct {
	*testing.T
	gk      *gatekeeper
	radius  *peer.FreeRADIUS
	callee  *peer.UAS
	monitor string
}

// newRig reads a configuration. The server is up, the gatekeeper is not started yet.
func newRig(t *testing.T, config string) *rig {
	t.Helper()
	r := &rig{T: t, gk: newGatekeeper(t, config)}
	if r.gk.config.has("RadAcct") {
		r.radius = peer.StartFreeRADIUS(t)
		r.gk.config.set("RadAcct", "Servers", fmt.Sprintf("%s:1812:%d", peer.Loopback, r.radius.Port))
		r.gk.config.set("RadAcct", "SharedSecret", r.radius.Secret)
	}
	r.monitor = net.JoinHostPort(peer.Loopback, strconv.Itoa(peer.FreePort(t, "tcp")))
	r.gk.config.set("Monitor", "Listen", r.monitor)
	r.callee = peer.StartUAS(t, peer.SIPP{Scenario: "uas_answer.xml", Lenient: true, Args: []string{"-aa"}})
	r.gk.routeTo(r.callee.Addr)
	return r
}

// callMap is what a caller saw of its calls, by Call-ID.
type callMap map[string]peer.Call

// join adds the calls of another caller.
func (m callMap) join(other callMap) {
	for id, call := range other {
		m[id] = call
	}
}

// caller is a sipp that makes short calls, and says that they are up when it is asked.
func (r *rig) caller(n, rate int) peer.SIPP {
	return peer.SIPP{Scenario: "uac_call.xml", Target: r.gk.address(), Calls: n, Rate: rate, Hold: 50 * time.Millisecond, Args: []string{"-aa"}}
}

// call makes the calls and waits for their end; every one must succeed.
func (r *rig) call(s peer.SIPP) callMap {
	r.Helper()
	return r.begin(s)()
}

// begin makes the calls in the background; wait waits for their end.
func (r *rig) begin(s peer.SIPP) (wait func() callMap) {
	r.Helper()
	dir, calls := r.TempDir(), callMap{}
	var running sync.WaitGroup
	running.Go(func() {
		result, err := s.Run(r.Context(), dir)
		if err != nil {
			r.Errorf("%v\n%s", err, result.Errors)
		}
		calls.join(result.Calls)
	})
	return func() callMap {
		running.Wait()
		return calls
	}
}

// metrics are the lines of /metrics.
func (r *rig) metrics() []string {
	r.Helper()
	response, err := http.Get("http://" + r.monitor + "/metrics")
	if err != nil {
		r.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		r.Fatal(err)
	}
	return strings.Split(string(body), "\n")
}

// metric is the value of a series, such as tollgate_ready; 0 if there is none.
func (r *rig) metric(series string) float64 {
	r.Helper()
	for _, line := range r.metrics() {
		if text, ok := strings.CutPrefix(line, series+" "); ok {
			value, err := strconv.ParseFloat(text, 64)
			if err != nil {
				r.Fatal(err)
			}
			return value
		}
	}
	return 0
}

// backlog is how many events are kept for the instance, without those in quarantine.
func (r *rig) backlog(instance string) int {
	r.Helper()
	return int(r.metric(`tollgate_backlog_events{instance="` + instance + `"}`))
}

// drained waits until nothing is kept for the instance any more.
func (r *rig) drained(instance string) {
	r.Helper()
	r.awaitBacklog(instance, func(n int) bool { return n == 0 })
}

// awaitBacklog waits for a backlog, as long as it becomes smaller. An instance that was away for minutes is tried again within 72
// seconds.
func (r *rig) awaitBacklog(instance string, right func(n int) bool) {
	r.Helper()
	stall := 15 * time.Second
	if *long {
		stall = 80 * time.Second
	}
	least, since := r.backlog(instance), time.Now()
	for n := least; !right(n); n = r.backlog(instance) {
		if n < least {
			least, since = n, time.Now()
		}
		if time.Since(since) > stall {
			r.Fatalf("%d events stay kept for %s:\n%s", n, instance, strings.Join(r.moduleLines(), "\n"))
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// moduleLines is what the status port says of the modules.
func (r *rig) moduleLines() []string {
	r.Helper()
	lines := r.gk.ask("modules")
	return slices.DeleteFunc(lines, func(line string) bool { return !strings.HasPrefix(line, "MOD|") })
}

// ask gives a command to a session of its own at the status port and returns the reply, without the closing line.
func (g *gatekeeper) ask(command string) []string {
	g.t.Helper()
	c := g.watch()
	defer c.conn.Close()
	c.send(g.t, "trace 0")
	c.wait(g.t, "Output trace level is 0")
	greeting := len(c.all())
	c.send(g.t, command)
	var reply []string
	if !eventually(func() bool {
		reply = c.all()[greeting:]
		return len(reply) > 0 && reply[len(reply)-1] == ";"
	}) {
		g.t.Fatalf("the reply to %q does not end: %q", command, reply)
	}
	return reply[:len(reply)-1]
}

// keptCopy is a line of "tollgate spool list -json".
type keptCopy struct {
	ID       string `json:"id"`
	Session  string `json:"session"`
	Kind     string `json:"kind"`
	Instance string `json:"instance"`
	State    string `json:"state"`
	Reason   string `json:"reason"`
	Damage   string `json:"damage"`
}

// kept is what "tollgate spool list" tells, of a gatekeeper that runs or of one that does not.
func (r *rig) kept(args ...string) []keptCopy {
	r.Helper()
	out, errs, code := r.gk.command(append([]string{"spool", "list", "-json", "-c", "tollgate.ini"}, args...)...)
	if code != 0 {
		r.Fatalf("spool list: exit code %d: %s", code, errs)
	}
	var list []keptCopy
	for line := range strings.Lines(out) {
		var c keptCopy
		if err := json.Unmarshal([]byte(line), &c); err != nil {
			r.Fatalf("%q: %v", line, err)
		}
		list = append(list, c)
	}
	return list
}

// nothingKept wants an empty spool.
func (r *rig) nothingKept() {
	r.Helper()
	if list := r.kept(); len(list) > 0 {
		r.Errorf("%d copies are kept, such as %+v", len(list), list[0])
	}
}

// confID is the conference identifier of a call, in hexadecimal: what a CDR line and RADIUS know it by.
func confID(callID string) string {
	sum := sha256.Sum256([]byte(callID))
	return strings.ToUpper(hex.EncodeToString(sum[:16]))
}

// squeezed is an identifier without blanks, in capitals.
func squeezed(id string) string { return strings.ToUpper(strings.ReplaceAll(id, " ", "")) }

// faults gathers mistakes of one kind, so that a thousand of them are one line.
type faults map[string][]string

func (f faults) add(kind, about string) { f[kind] = append(f[kind], about) }

func (f faults) report(t testing.TB) {
	t.Helper()
	for kind, list := range f {
		t.Errorf("%d times: %s, such as %s", len(list), kind, strings.Join(list[:min(len(list), 3)], "; "))
	}
}

// wantFile wants the standard CDR line of each call once, and no other line.
func (r *rig) wantFile(calls callMap) {
	r.Helper()
	seen := map[string]int{}
	lines := r.gk.cdrLines()
	for _, line := range lines {
		if fields := strings.Split(line, "|"); len(fields) == 13 {
			seen[squeezed(fields[2])]++
		}
	}
	wrong := faults{}
	for id := range calls {
		if n := seen[confID(id)]; n != 1 {
			wrong.add(fmt.Sprintf("the file has %d lines of a call", n), id)
		}
	}
	wrong.report(r)
	if len(lines) != len(calls) {
		r.Errorf("the file has %d lines of %d calls", len(lines), len(calls))
	}
}

// delivery is what RADIUS got of one event.
type delivery struct {
	place   int // of its first copy among all records
	kind    string
	call    string // confID
	event   time.Time
	arrival time.Time
	delay   time.Duration // Acct-Delay-Time
	copies  int
}

// deliveries are the records of RADIUS by event id. What the copies of an event say of it must be the same.
func (r *rig) deliveries() map[string]*delivery {
	r.Helper()
	all := map[string]*delivery{}
	for i, record := range r.radius.Records(r) {
		d, id := r.delivery(record), eventID(record)
		d.place, d.copies = i, 1
		if first := all[id]; first != nil {
			first.copies++
			if first.kind != d.kind || first.call != d.call || !first.event.Equal(d.event) {
				r.Errorf("event %s is told as %+v and as %+v", id, *first, *d)
			}
			continue
		}
		all[id] = d
	}
	return all
}

func (r *rig) delivery(record peer.Record) *delivery {
	r.Helper()
	d := &delivery{kind: record.Get("Acct-Status-Type")}
	_, conf, _ := strings.Cut(record.Get("h323-conf-id"), "=")
	for _, word := range strings.Fields(conf) { // without leading zeros
		d.call += strings.Repeat("0", 8-len(word)) + word
	}
	var err error
	if d.event, err = time.Parse("Jan _2 2006 15:04:05 MST", record.Get("Event-Timestamp")); err != nil {
		r.Fatal(err)
	}
	arrival, err := strconv.ParseInt(record.Get("Timestamp"), 10, 64)
	if err != nil {
		r.Fatal(err)
	}
	delay, err := strconv.Atoi(record.Get("Acct-Delay-Time"))
	if err != nil {
		r.Fatal(err)
	}
	d.arrival, d.delay = time.Unix(arrival, 0), time.Duration(delay)*time.Second
	return d
}

// wantRADIUS wants each kind of record of each call, in that order, each of one event, and no other.
func (r *rig) wantRADIUS(calls callMap, kinds ...string) {
	r.Helper()
	place, wrong := map[string]int{}, faults{}
	all := r.deliveries()
	for id, d := range all {
		key := d.kind + d.call
		if _, twice := place[key]; twice {
			wrong.add("a second event is a call's "+d.kind, id+" of "+d.call)
		}
		place[key] = d.place
	}
	for id := range calls {
		before := -1
		for _, kind := range kinds {
			at, ok := place[kind+confID(id)]
			if !ok {
				wrong.add("RADIUS has not the "+kind, id)
				break
			}
			if at < before {
				wrong.add("RADIUS has the "+kind+" before what was before it", id)
			}
			before = at
		}
	}
	wrong.report(r)
	if len(all) != len(kinds)*len(calls) {
		r.Errorf("RADIUS has %d events of %d calls, want %d", len(all), len(calls), len(kinds)*len(calls))
	}
}

// wantDelays wants each Acct-Delay-Time to be what it took the event to come, within two seconds, and one to be at least as long as
// the outage.
func (r *rig) wantDelays(outage time.Duration) {
	r.Helper()
	var longest time.Duration
	wrong := faults{}
	for id, d := range r.deliveries() {
		longest = max(longest, d.delay)
		if took := d.arrival.Sub(d.event); (took - d.delay).Abs() > 2*time.Second {
			wrong.add("a wrong Acct-Delay-Time", fmt.Sprintf("%v of event %s that came %v late", d.delay, id, took))
		}
	}
	wrong.report(r)
	if longest < outage.Truncate(time.Second)-2*time.Second {
		r.Errorf("the longest Acct-Delay-Time is %v after an outage of %v", longest, outage)
	}
}

// setups are the times from the INVITE to its 200, the shortest first.
func (m callMap) setups() []time.Duration {
	var times []time.Duration
	for _, call := range m {
		if !call["answered"].IsZero() {
			times = append(times, call["answered"].Sub(call["sent"]))
		}
	}
	slices.Sort(times)
	return times
}

// quantile is the value that a part of the sorted ones does not exceed; 0 of none.
func quantile(sorted []time.Duration, part float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(int(part*float64(len(sorted))), len(sorted)-1)]
}

// middle is the middle one of a few values.
func middle(values []time.Duration) time.Duration {
	values = slices.Clone(values)
	slices.Sort(values)
	return values[len(values)/2]
}
