package monitor

import (
	"context"
	"io"
	"net/http"
	"testing"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"
)

// patience bounds every wait of the tests.
const patience = 10 * time.Second

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start runs a monitor on a free port; edit may change it before it serves.
func start(t *testing.T, sources Sources, edit func(*Server)) *Server {
	t.Helper()
	s, err := New(Options{Settings: Settings{Listen: "127.0.0.1:0"}, Version: "1.2.3", Sources: sources, Log: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	if edit != nil {
		edit(s)
	}
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return s
}

// get asks over a connection of its own.
func get(t *testing.T, s *Server, path string) (status int, body string) {
	t.Helper()
	return ask(t, s, http.MethodGet, path)
}

func ask(t *testing.T, s *Server, method, path string) (status int, body string) {
	t.Helper()
	client := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	req, err := http.NewRequest(method, "http://"+s.Addr().String()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}
