package call

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"tollgate/test/peer"
)

func TestMain(m *testing.M) {
	prepare() // once: goroutines of the SIP library outlive a test by a moment
	os.Exit(m.Run())
}

// output is a buffer that Run's goroutines may write while the test reads.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// waitFor waits until the output holds text.
func (o *output) waitFor(t *testing.T, text string) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if strings.Contains(o.String(), text) {
			return
		}
	}
	t.Fatalf("%q was not printed; the output is:\n%s", text, o)
}

// verifyNoLeaks passes over one goroutine: sipgo opens a socket of its own for the answer to a request that was read just
// before the phone's was closed, and nothing closes that.
func verifyNoLeaks(t *testing.T) {
	t.Helper()
	goleak.VerifyNone(t, goleak.IgnoreAnyFunction("github.com/emiago/sipgo/sip.(*TransportUDP).readUDPConnection"))
}

// loopback makes the address of a free UDP port.
func loopback(t *testing.T) string {
	return net.JoinHostPort(peer.Loopback, strconv.Itoa(peer.FreePort(t, "udp")))
}

func contains(t *testing.T, out string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(out, text) {
			t.Errorf("%q was not printed", text)
		}
	}
	if t.Failed() {
		t.Logf("the output is:\n%s", out)
	}
}

// TestCallerAndCallee makes the callee the gatekeeper's stand-in: the calls go straight to it.
func TestCallerAndCallee(t *testing.T) {
	defer verifyNoLeaks(t)
	addr := loopback(t)
	out := new(output)
	err := run(t.Context(), []string{"-gatekeeper", addr, "-callee", addr, "-n", "2", "-rate", "10", "-ring", "100ms", "-hold", "200ms"}, out)
	if err != nil {
		t.Error(err)
	}
	contains(t, out.String(), "call 1: 180 Ringing after 0.", "call 1: answered after 0.1", "call 1: hung up after 0.2", "call 2: hung up",
		"2 calls: 2 answered, 0 refused, 0 failed; setup took 0.1")
}

func TestManyCallsShowProgress(t *testing.T) {
	defer verifyNoLeaks(t)
	addr := loopback(t)
	out := new(output)
	err := run(t.Context(), []string{"-gatekeeper", addr, "-callee", addr, "-n", "150", "-rate", "100", "-ring", "0s", "-hold", "100ms"}, out)
	if err != nil {
		t.Error(err)
	}
	contains(t, out.String(), " of 150 placed, ", "150 calls: 150 answered, 0 refused, 0 failed")
	if strings.Contains(out.String(), "call 1:") {
		t.Error("single calls were reported among many")
	}
}

// TestAgainstSipp lets sipp be the callee.
func TestAgainstSipp(t *testing.T) {
	tests := []struct {
		name, scenario string
		args, want     []string
		fails          bool
	}{
		{name: "answer", scenario: "uas_answer.xml", want: []string{"1 answered"}},
		{name: "early media", scenario: "uas_early_media.xml", want: []string{"183 Session Progress", "1 answered"}},
		{name: "password", scenario: "uas_challenge.xml", args: []string{"-password", "secret"}, want: []string{"1 answered"}},
		{name: "wrong password", scenario: "uas_challenge.xml", args: []string{"-password", "secrets"}, fails: true,
			want: []string{"refused: 403 Forbidden"}},
		{name: "callee hangs up", scenario: "uas_bye.xml", args: []string{"-hold", "5s"}, want: []string{"the other side hung up after 0.1", "1 answered"}},
		{name: "busy", scenario: "uas_busy.xml", fails: true, want: []string{"call 1: refused: 486 Busy Here", "1 refused", "     1 refused: 486"}},
		{name: "nobody answers", scenario: "uas_ring_forever.xml", args: []string{"-wait", "300ms"}, fails: true,
			want: []string{"call 1: failed: no answer within 300ms, cancelled", "1 failed"}},
		{name: "answer crosses CANCEL", scenario: "uas_answer_cancelled.xml", args: []string{"-wait", "300ms"}, fails: true,
			want: []string{"no answer within 300ms"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			defer verifyNoLeaks(t)
			uas := peer.StartUAS(t, peer.SIPP{Scenario: tt.scenario, Calls: 1, Hold: 100 * time.Millisecond})
			out := new(output)
			args := append([]string{"-gatekeeper", uas.Addr, "-callee", "none", "-hold", "50ms"}, tt.args...)
			err := run(t.Context(), args, out)
			if (err != nil) != tt.fails || tt.fails && !errors.Is(err, errUnanswered) {
				t.Errorf("error %v", err)
			}
			contains(t, out.String(), tt.want...)
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			if r, err := uas.Wait(ctx); err != nil || r.Successful != 1 {
				t.Errorf("sipp: %+v, %v", r, err)
			}
		})
	}
}

// TestInterrupt ends Run while one call is up and another rings.
func TestInterrupt(t *testing.T) {
	tests := []struct {
		name string
		args []string
		when string
		want []string
	}{
		{"up", []string{"-hold", "1h", "-ring", "0s"}, "call 1: answered", []string{"call 1: hung up", "1 answered, 0 refused, 0 failed"}},
		{"ringing", []string{"-ring", "1h"}, "call 1: 180 Ringing", []string{"call 1: cancelled", "0 failed, 1 cancelled"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			defer verifyNoLeaks(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			addr := loopback(t)
			out := new(output)
			done := make(chan error)
			args := append([]string{"-gatekeeper", addr, "-callee", addr, "-n", "5", "-rate", "0.01"}, tt.args...)
			go func() { done <- run(ctx, args, out) }()
			out.waitFor(t, tt.when)
			cancel()
			select {
			case err := <-done:
				if err != nil {
					t.Error(err)
				}
			case <-time.After(10 * time.Second):
				t.Fatal("Run did not return")
			}
			contains(t, out.String(), append(tt.want, "interrupted; 1 of 5 calls were placed")...)
		})
	}
}

// TestAnswerOnly has sipp call a lone callee, which hangs up when it is interrupted.
func TestAnswerOnly(t *testing.T) {
	defer verifyNoLeaks(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	addr := loopback(t)
	out := new(output)
	done := make(chan error)
	go func() { done <- run(ctx, []string{"-callee", addr, "-n", "0", "-ring", "0s"}, out) }()
	out.waitFor(t, "answering calls on "+addr)
	peer.RunUAC(t, peer.SIPP{Scenario: "uac_reinvite.xml", Target: addr, Hold: 50 * time.Millisecond})
	hungUp := make(chan error)
	uac := peer.SIPP{Scenario: "uac_wait_bye.xml", Target: addr, Timeout: 10 * time.Second}
	dir := t.TempDir()
	go func() {
		_, err := uac.Run(t.Context(), dir)
		hungUp <- err
	}()
	out.waitFor(t, "answered a call\nanswered a call\n")
	cancel()
	if err := <-hungUp; err != nil {
		t.Errorf("the callee did not hang up: %v", err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestArguments(t *testing.T) {
	tests := []struct {
		args string
		want string
	}{
		{"-n x", "invalid value"},
		{"-n -1", "-n -1"},
		{"-rate 0", "-rate 0"},
		{"-rate NaN", "-rate NaN"},
		{"-gatekeeper 127.0.0.1", "missing port"},
		{"-callee localhost:5070", "want IP:PORT or none"},
		{"-callee none -n 0", "nothing to do"},
		{"-from a@b", "-from and -to"},
		{"-hold -1s", "-hold"},
		{"extra", `unexpected argument "extra"`},
	}
	for _, tt := range tests {
		t.Run(tt.args, func(t *testing.T) {
			err := run(t.Context(), strings.Fields(tt.args), new(output))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
	out := new(output)
	if err := run(t.Context(), []string{"-h"}, out); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("-h: %v", err)
	}
	contains(t, out.String(), "-gatekeeper", "Usage: tollgate call")
}

func TestAddressInUse(t *testing.T) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	err = run(t.Context(), []string{"-callee", conn.LocalAddr().String()}, new(output))
	if err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("error %v", err)
	}
}

func TestReasonsAreBounded(t *testing.T) {
	out := new(output)
	r := newReport(out, 1000)
	for i := range 1000 {
		r.ended(i, outcome{state: refused, why: fmt.Sprint(i)})
	}
	if err := r.summary(false); !errors.Is(err, errUnanswered) {
		t.Errorf("error %v", err)
	}
	if n := strings.Count(out.String(), "\n"); n > maxReasons+3 {
		t.Errorf("%d lines", n)
	}
	contains(t, out.String(), "980 for other reasons")
}

func TestPrintable(t *testing.T) {
	if got := printable("486 \x1b[2JBusy\r\n"); got != "486 ?[2JBusy??" {
		t.Errorf("%q", got)
	}
	if got := printable(strings.Repeat("x", 1000)); len(got) > 210 {
		t.Errorf("%d bytes", len(got))
	}
}
