package test

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"tollgate/test/peer"
)

// soakRig is a gatekeeper among callers and callees who lose datagrams.
type soakRig struct {
	rig
	kinds   []soakKind
	running sync.WaitGroup

	mu      sync.Mutex
	results map[string]peer.Result // of the callers, by kind
	samples []soakSample
}

// soakSample is what the metrics said at a moment.
type soakSample struct {
	after                               time.Duration
	calls, total, goroutines, heap      float64
	serverTrans, clientTrans, sessionID float64
}

func newSoakRig(t *testing.T) *soakRig {
	t.Helper()
	r := &soakRig{rig: rig{T: t, gk: newGatekeeper(t, "22-soak/config.ini")}, kinds: soakKinds(), results: map[string]peer.Result{}}
	r.monitor = net.JoinHostPort(peer.Loopback, strconv.Itoa(peer.FreePort(t, "tcp")))
	r.gk.config.set("Monitor", "Listen", r.monitor)
	for i := range r.kinds {
		r.gk.config.set("SIP::Routes", r.kinds[i].prefix, r.targets(&r.kinds[i]))
	}
	t.Cleanup(r.running.Wait)
	return r
}

// targets starts the callees of a kind and gives its route.
func (r *soakRig) targets(k *soakKind) string {
	r.Helper()
	var addresses []any
	for _, scenario := range k.uas {
		if scenario == "" {
			addresses = append(addresses, r.deaf())
			continue
		}
		uas := peer.StartUAS(r, peer.SIPP{Scenario: scenario, Load: true, Args: soakArgs()})
		addresses = append(addresses, uas.Addr)
	}
	return fmt.Sprintf(k.route, addresses...)
}

// deaf is the address of a socket that nobody reads.
func (r *soakRig) deaf() string {
	r.Helper()
	socket, err := net.ListenPacket("udp4", net.JoinHostPort(peer.Loopback, "0"))
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { socket.Close() })
	return socket.LocalAddr().String()
}

// start starts the gatekeeper without the log of each call, which a long soak would fill the disk with.
func (r *soakRig) start() {
	r.Helper()
	r.gk.save()
	r.gk.release()
	p, err := peer.Start(r.gk.dir, binary(), "run", "-level", "info", "-c", "tollgate.ini")
	if err != nil {
		r.Fatal(err)
	}
	r.gk.process = p
	if err := p.WaitReady(context.Background(), func() bool { return strings.Contains(p.Output(), "INFO ready") }); err != nil {
		r.Fatal(err)
	}
}

// callAll lets the callers of all kinds make their calls side by side; done is closed when all have ended.
func (r *soakRig) callAll(calls, rate int) (done chan struct{}) {
	r.Helper()
	var callers sync.WaitGroup
	for i := range r.kinds {
		k, dir := &r.kinds[i], r.TempDir()
		callers.Go(func() { r.callKind(k, dir, calls*k.share/100, max(rate*k.share/100, 1)) })
	}
	done = make(chan struct{})
	r.running.Go(func() {
		callers.Wait()
		close(done)
	})
	return done
}

// callKind makes the calls of one kind. That calls fail is no fault; that they are not made is one.
func (r *soakRig) callKind(k *soakKind, dir string, n, rate int) {
	result, err := k.sipp(r.gk.address(), n, rate).Run(r.Context(), dir)
	if result.Created != n || result.Successful+result.Failed != n {
		r.Errorf("%s: %d of %d calls were made, %d succeeded, %d failed: %v", k.name, result.Created, n, result.Successful, result.Failed, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.results[k.name] = result
}

// sample reads the metrics.
func (r *soakRig) sample(began time.Time) soakSample {
	r.Helper()
	values := map[string]float64{}
	for _, line := range r.metrics() {
		name, text, _ := strings.Cut(line, " ")
		if value, err := strconv.ParseFloat(text, 64); err == nil {
			values[name] = value
		}
	}
	return soakSample{time.Since(began), values["tollgate_calls_current"], values["tollgate_calls_total"], values["go_goroutines"],
		values["go_memstats_heap_inuse_bytes"], values["tollgate_sip_server_transactions"], values["tollgate_sip_client_transactions"],
		values["tollgate_sip_sessions"]}
}

func (s soakSample) String() string {
	return fmt.Sprintf("%5.1fs: %.0f calls, %.0f up, %.0f goroutines, %.1f MiB, %.0f server and %.0f client transactions, %.0f Call-IDs",
		s.after.Seconds(), s.total, s.calls, s.goroutines, s.heap/(1<<20), s.serverTrans, s.clientTrans, s.sessionID)
}

// watchUntil samples every second and logs every tenth sample, until the callers have ended.
func (r *soakRig) watchUntil(done <-chan struct{}, began time.Time) {
	r.Helper()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for n := 1; ; n++ {
		select {
		case <-done:
			return
		case <-tick.C:
			s := r.sample(began)
			if r.samples = append(r.samples, s); n%10 == 0 {
				r.Log(s)
			}
		}
	}
}

// settle samples until the condition holds, for at most limit, and gives the last sample.
func (r *soakRig) settle(limit time.Duration, right func(soakSample) bool) (soakSample, bool) {
	r.Helper()
	began := time.Now()
	for {
		s := r.sample(began)
		if right(s) {
			return s, true
		}
		if time.Since(began) > limit {
			return s, false
		}
		time.Sleep(100 * time.Millisecond)
	}
}
