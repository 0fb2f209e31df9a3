package monitor

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"

	"tollgate/config"
)

func TestPhases(t *testing.T) {
	var refusing atomic.Bool
	s := start(t, Sources{Refusing: func() error {
		if refusing.Load() {
			return errors.New("the journal has no room")
		}
		return nil
	}}, nil)
	check := func(status int, body, metric string) {
		t.Helper()
		if gotStatus, got := get(t, s, "/readyz"); gotStatus != status || got != body+"\n" {
			t.Errorf("/readyz: %d %q, want %d %q", gotStatus, got, status, body)
		}
		if gotStatus, got := get(t, s, "/healthz"); gotStatus != 200 || got != "ok\n" {
			t.Errorf("/healthz: %d %q", gotStatus, got)
		}
		expect(t, series(t, s), "tollgate_ready", metric)
	}
	check(503, "starting", "0")
	s.Enter(Serving)
	check(200, "ready", "1")
	refusing.Store(true)
	check(503, "refusing calls: the journal has no room", "0")
	refusing.Store(false)
	check(200, "ready", "1")
	s.Enter(Draining)
	check(503, "draining", "0")
}

func TestPages(t *testing.T) {
	s := start(t, Sources{}, nil)
	for _, tt := range []struct {
		method, path string
		status       int
		body         string
	}{
		{"GET", "/", 200, "/metrics"},
		{"HEAD", "/healthz", 200, ""},
		{"POST", "/metrics", 405, ""},
		{"DELETE", "/healthz", 405, ""},
		{"GET", "/debug/pprof/", 404, ""},
		{"GET", "/metrics/x", 404, ""},
	} {
		status, body := ask(t, s, tt.method, tt.path)
		if status != tt.status || !strings.Contains(body, tt.body) {
			t.Errorf("%s %s: %d %q, want %d", tt.method, tt.path, status, body, tt.status)
		}
	}
}

// Clients that say nothing take all places, but not for long.
func TestSlowClientsKeepNobodyOut(t *testing.T) {
	s := start(t, Sources{}, func(s *Server) {
		s.http.ReadHeaderTimeout, s.http.ReadTimeout = 200*time.Millisecond, 200*time.Millisecond
	})
	for i := range 2 * maxConnection {
		conn, err := net.Dial("tcp", s.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if i%2 == 0 {
			_, _ = io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost")
		}
	}
	if status, _ := get(t, s, "/healthz"); status != 200 {
		t.Errorf("status %d", status)
	}
}

func TestHeadTooLarge(t *testing.T) {
	s := start(t, Sources{}, nil)
	req, err := http.NewRequest("GET", "http://"+s.Addr().String()+"/healthz", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X", strings.Repeat("x", 64<<10))
	resp, err := (&http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		return // the connection may be closed before the answer is read
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("status %d", resp.StatusCode)
	}
}

// Close waits for a scrape that is under way, and no longer than its context.
func TestClose(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	s := start(t, Sources{Calls: func() Calls {
		close(entered)
		<-leave
		return Calls{}
	}}, nil)
	answered := make(chan error, 1)
	go func() {
		resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Get("http://" + s.Addr().String() + "/metrics")
		if err == nil {
			_ = resp.Body.Close()
		}
		answered <- err
	}()
	<-entered
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := s.Close(ctx); err != nil {
		t.Error(err)
	}
	if ctx.Err() == nil {
		t.Error("Close did not wait for the scrape")
	}
	if err := <-answered; err == nil {
		t.Error("the scrape was not cut off")
	}
	close(leave)
}

func TestOffAndNeverStarted(t *testing.T) {
	ctx := context.Background()
	off, err := New(Options{Log: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(off.Listen(), off.Close(ctx)); err != nil || off.Addr() != nil {
		t.Errorf("a monitor that is off: %v, %v", err, off.Addr())
	}
	idle, err := New(Options{Settings: Settings{Listen: "127.0.0.1:0"}, Log: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(idle.Listen(), idle.Close(ctx)); err != nil {
		t.Error(err)
	}
	if conn, err := net.Dial("tcp", idle.Addr().String()); err == nil {
		conn.Close()
		t.Error("the port is still open")
	}
}

func TestPortInUse(t *testing.T) {
	s := start(t, Sources{}, nil)
	second, err := New(Options{Settings: Settings{Listen: s.Addr().String()}, Log: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	want := "monitor: listening on " + s.Addr().String() + " ([Monitor] Listen): "
	if err := second.Listen(); err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v, want %s...", err, want)
	}
}

func TestSettings(t *testing.T) {
	schema := config.Schema{Decl()}
	if err := schema.Verify(); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ value, want, problem string }{
		{"", "", ""},
		{"127.0.0.1:9690", "127.0.0.1:9690", ""},
		{"[::1]:9690", "[::1]:9690", ""},
		{"localhost:9690", "localhost:9690", ""},
		{":9690", "", `":9690" names no address; write 127.0.0.1:9690, or 0.0.0.0:9690 or [::]:9690 for every address`},
		{"9690", "", "is not of the form HOST:PORT"},
		{"127.0.0.1:0", "", `"0" is not a port`},
		{"127.0.0.1:http", "", `"http" is not a port`},
		{"127.0.0.1:65536", "", `"65536" is not a port`},
	} {
		f, err := config.Parse("test.ini", []byte("[Monitor]\nListen="+tt.value+"\n"))
		if err != nil {
			t.Fatal(err)
		}
		problems := schema.Check(f, false)
		sec := schema.Section(f, Section)
		got, more := ParseSettings(sec)
		if len(more) != len(problems) || got.Listen != tt.want || len(sec.Undeclared()) > 0 {
			t.Errorf("%q: %+v, %v", tt.value, got, more)
		}
		if tt.problem == "" && len(problems) > 0 || tt.problem != "" && (len(problems) != 1 || !strings.Contains(problems[0].String(), tt.problem)) {
			t.Errorf("%q: %v, want %s", tt.value, problems, tt.problem)
		}
	}
}
