package test

import (
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestMaintenance turns new calls away while one is up (28-operate).
func TestMaintenance(t *testing.T) {
	t.Parallel()
	r := newRig(t, "28-operate/config.ini")
	r.gk.start()
	watch, phone := r.gk.watch(), newPhone(t, r.gk.address())
	r.wantReady("200 OK", "ready")
	caller := r.caller(1, 1)
	caller.Hold = slack * 3 * time.Second
	hangup := r.begin(caller)
	if !eventually(func() bool { return r.metric("tollgate_calls_active") == 1 }) {
		t.Fatal("no call is up")
	}
	phone.wantTurnedAway("limit", "7", "limits: MaxCalls is reached")
	r.wantLine("limits", "LIM|MaxCalls|1")
	r.wantLine("limits", "Current Calls: 1 Sources: 0 Users: 0 MaintenanceMode: OFF")
	watch.send(t, "maintenancemode 192.0.2.1")
	watch.wait(t, "Error: MaintenanceMode takes no alternate address")
	watch.send(t, "MaintenanceMode")
	watch.wait(t, "MaintenanceMode ON ")
	phone.wantTurnedAway("maintenance", "10", "no new calls")
	r.wantReady("503 Service Unavailable", "refusing calls: maintenance mode")
	watch.send(t, "reload")
	watch.wait(t, "Full Config reloaded.")
	phone.wantTurnedAway("reloaded", "10", "no new calls")
	r.wantLine("limits", "Current Calls: 1 Sources: 0 Users: 0 MaintenanceMode: ON")
	r.wantMetrics(map[string]float64{"tollgate_maintenance": 1, "tollgate_ready": 0, "tollgate_calls_active": 1, "tollgate_limit_calls": 1,
		"tollgate_sip_sessions": 1, `tollgate_limit_refusals_total{key="MaxCalls"}`: 1, `tollgate_sip_refusals_total{reason="limit"}`: 3,
		`tollgate_call_answers_total{class="2xx"}`: 1})
	made := hangup()
	watch.send(t, "maintenancemode off")
	watch.wait(t, "MaintenanceMode OFF ")
	r.wantReady("200 OK", "ready")
	made.join(r.call(r.caller(1, 1)))
	r.wantMetrics(map[string]float64{"tollgate_maintenance": 0, "tollgate_ready": 1, `tollgate_call_answers_total{class="2xx"}`: 2})
	r.gk.stop()
	r.wantFile(made)
	for _, text := range []string{`maintenance mode: new calls are turned away {"calls up": 1}`, "maintenance mode is off"} {
		if n := strings.Count(r.gk.log(), text); n != 1 {
			t.Errorf("the log says %d times %q", n, text)
		}
	}
}

// TestGateways watches a gateway that is silent and then answers (28-operate).
func TestGateways(t *testing.T) {
	t.Parallel()
	r := newRig(t, "28-operate/config.ini")
	silent := newPhone(t, r.gk.address())
	r.gk.routeTo(silent.address(), r.callee.Addr)
	r.gk.start()
	watch := r.gk.watch()
	name, up := silent.address(), `tollgate_gateway_up{gateway="`+silent.address()+`"}`
	if got, want := r.gk.ask("gateways"), []string{"Gateways", "GW|" + name + "|up| |0", "GW|" + r.callee.Addr + "|up| |0", "Number of Gateways: 2"}; !slices.Equal(got, want) {
		t.Errorf("at first: %q, want %q", got, want)
	}
	r.wantMetrics(map[string]float64{up: 1, `tollgate_gateways{state="up"}`: 2})
	for range 2 {
		r.call(r.caller(1, 1))
	}
	watch.wait(t, "Gateway|"+name+"|up|down;")
	if state := r.gatewayState(name); !strings.HasPrefix(state, "down|") || strings.HasPrefix(state, "down| |") {
		t.Errorf("a gateway that is silent has the state %q", state)
	}
	r.wantMetrics(map[string]float64{up: 0, `tollgate_gateway_up{gateway="` + r.callee.Addr + `"}`: 1, `tollgate_gateways{state="down"}`: 1})
	for id, call := range r.call(r.caller(1, 1)) {
		if took := call["answered"].Sub(call["sent"]); took >= time.Second {
			t.Errorf("call %s waited %v for a gateway that is down", id, took)
		}
	}
	silent.answerOptions()
	watch.wait(t, "Gateway|"+name+"|down|up;")
	if state := r.gatewayState(name); !strings.HasPrefix(state, "up|") || !strings.HasSuffix(state, " GMT|0") {
		t.Errorf("a gateway that is back has the state %q", state)
	}
	r.wantMetrics(map[string]float64{up: 1, `tollgate_gateways{state="down"}`: 0})
	r.gk.stop()
	for _, text := range []string{"gateway is down", "gateway is back"} {
		if n := strings.Count(r.gk.log(), text); n != 1 {
			t.Errorf("the log says %d times %q", n, text)
		}
	}
}

// TestBlocked lets a scanner come until it is not answered any more, and unblocks it (28-operate).
func TestBlocked(t *testing.T) {
	t.Parallel()
	r := newRig(t, "28-operate/config.ini")
	r.gk.start()
	watch, scanner := r.gk.watch(), newScanner(t, r.gk.port)
	invite := func(name string) string { return scanner.request(scanner.newCall(name), "INVITE", 1) }
	for _, name := range []string{"one", "two", "three"} {
		scanner.send(invite(name))
		scanner.expect(403, "INVITE", patience)
	}
	scanner.send(invite("four"))
	if answer := scanner.receive(300 * time.Millisecond); answer != "" {
		t.Errorf("a blocked source got %s", answer)
	}
	lines := r.gk.ask("blocked")
	if len(lines) != 3 || !strings.HasPrefix(lines[1], "BLK|127.0.0.2|") || !strings.HasSuffix(lines[1], " GMT|3|1") || lines[2] != "Number of Blocked Sources: 1" {
		t.Errorf("the status port says %q", lines)
	}
	r.wantMetrics(map[string]float64{"tollgate_sip_blocked_sources": 1, "tollgate_sip_blocks_total": 1, "tollgate_sip_datagrams_blocked_total": 1,
		`tollgate_sip_refusals_total{reason="untrusted"}`: 3})
	made := r.call(r.caller(1, 1))
	watch.send(t, "unblock 127.0.0.2")
	watch.wait(t, "Address 127.0.0.2 unblocked.")
	scanner.send(invite("five"))
	scanner.expect(403, "INVITE", patience)
	if lines := r.gk.ask("blocked"); len(lines) != 2 {
		t.Errorf("after unblock the status port says %q", lines)
	}
	watch.send(t, "unblock 127.0.0.2")
	watch.wait(t, "Address 127.0.0.2 is not blocked")
	r.gk.stop()
	r.wantFile(made)
}

// wantTurnedAway makes a call that must be answered 503, with that Retry-After and Reason.
func (p *phone) wantTurnedAway(name, wait, reason string) {
	p.t.Helper()
	p.send(p.request(p.newCall(name), "INVITE", 1))
	answer := p.expect(503, "INVITE", patience)
	if got := headerOf(answer, "Retry-After"); got != wait {
		p.t.Errorf("%s: Retry-After is %q, want %s", name, got, wait)
	}
	if got := headerOf(answer, "Reason"); !strings.Contains(got, reason) {
		p.t.Errorf("%s: Reason is %q, want %q", name, got, reason)
	}
	p.acknowledge(answer)
}

// answerOptions waits for an OPTIONS and answers it; all else is passed over.
func (p *phone) answerOptions() {
	p.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if request := p.receive(time.Until(end)); strings.HasPrefix(request, "OPTIONS ") {
			p.send(strings.Replace(busy(request), "486 Busy Here", "200 OK", 1))
			return
		}
	}
	p.t.Fatal("no OPTIONS came")
}

// newScanner is a phone at an address that is not trusted.
func newScanner(t testing.TB, port int) *phone {
	t.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 2)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &phone{t: t, conn: conn, to: &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}}
}

// wantReady asks /readyz.
func (r *rig) wantReady(status, body string) {
	r.Helper()
	response, err := http.Get("http://" + r.monitor + "/readyz")
	if err != nil {
		r.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		r.Fatal(err)
	}
	if got := strings.TrimSpace(string(text)); response.Status != status || got != body {
		r.Errorf("/readyz says %s, %q, want %s, %q", response.Status, got, status, body)
	}
}

// wantLine wants the line in the status port's reply to a command.
func (r *rig) wantLine(command, line string) {
	r.Helper()
	if reply := r.gk.ask(command); !slices.Contains(reply, line) {
		r.Errorf("the reply to %s is %q, without %q", command, reply, line)
	}
}

// wantMetrics wants these values. What the program does behind its answer may take a moment.
func (r *rig) wantMetrics(values map[string]float64) {
	r.Helper()
	for series, want := range values {
		var got float64
		if !eventually(func() bool { got = r.metric(series); return got == want }) {
			r.Errorf("%s is %v, want %v", series, got, want)
		}
	}
}

// gatewayState is what the status port says of a gateway behind its address.
func (r *rig) gatewayState(address string) string {
	r.Helper()
	for _, line := range r.gk.ask("gateways") {
		if state, ok := strings.CutPrefix(line, "GW|"+address+"|"); ok {
			return state
		}
	}
	return ""
}
