package monitor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.uber.org/zap"

	"tollgate/acctstack"
)

// Limits of the HTTP server. A scrape takes some milliseconds; whoever needs much longer is given up.
const (
	headerTime    = 5 * time.Second // for the head of a request
	writeTime     = 15 * time.Second
	idleTime      = 10 * time.Second // idle ones must not keep /healthz from being asked
	maxHeader     = 16 << 10
	maxScrapes    = 8 // at once
	maxConnection = 64
)

// Options are what the monitor needs for its whole life.
type Options struct {
	Settings Settings
	Version  string // of the program
	Sources  Sources
	Log      *zap.Logger
}

// Server is the monitor. It implements acctstack.Watcher.
type Server struct {
	opts     Options
	own      *own
	registry *prometheus.Registry
	phase    atomic.Int32
	http     *http.Server
	listener net.Listener
	serving  sync.WaitGroup
}

// New makes a monitor that does not listen yet. It is in the phase Starting.
func New(opts Options) (*Server, error) {
	s := &Server{opts: opts, own: newOwn(opts.Version), registry: prometheus.NewRegistry()}
	for _, c := range []prometheus.Collector{
		newCollector(opts.Sources, s.own), s.own.build, s.own.reloads, s.own.lastReload,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: namespace, Name: "ready", Help: "1 while the gatekeeper takes calls, as /readyz says.",
		}, func() float64 { return bit(s.notReady() == "") }),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	} {
		if err := s.registry.Register(c); err != nil {
			return nil, fmt.Errorf("monitor: registering metrics: %w", err)
		}
	}
	errorLog, err := zap.NewStdLogAt(opts.Log, zap.DebugLevel)
	if err != nil {
		return nil, fmt.Errorf("monitor: %w", err)
	}
	s.http = &http.Server{
		Handler: s.handler(), ReadHeaderTimeout: headerTime, ReadTimeout: headerTime, WriteTimeout: writeTime, IdleTimeout: idleTime,
		MaxHeaderBytes: maxHeader, ErrorLog: errorLog,
	}
	return s, nil
}

// Listen opens the address of [Monitor] Listen; with none the monitor stays off, and everything else has no effect.
func (s *Server) Listen() error {
	if s.opts.Settings.Listen == "" {
		return nil
	}
	l, err := net.Listen("tcp", s.opts.Settings.Listen)
	if err != nil {
		return fmt.Errorf("monitor: listening on %s ([Monitor] Listen): %w", s.opts.Settings.Listen, err)
	}
	s.listener = newLimited(l, maxConnection)
	return nil
}

// Addr is the address that Listen opened; nil if the monitor is off.
func (s *Server) Addr() net.Addr {
	if s.listener == nil {
		return nil
	}
	return s.listener.Addr()
}

// Start begins to serve.
func (s *Server) Start() {
	if s.listener == nil {
		return
	}
	s.serving.Go(func() {
		if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
			s.opts.Log.Error("monitor: serving", zap.Error(err))
		}
	})
}

// Close stops listening and waits for the requests that are being answered; when ctx ends it cuts them off.
func (s *Server) Close(ctx context.Context) error {
	if s.listener == nil {
		return nil
	}
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = s.http.Close() // what was cut off is no error: the monitor holds no records
	}
	if closed := s.listener.Close(); closed != nil && !errors.Is(closed, net.ErrClosed) {
		err = errors.Join(err, closed) // of a monitor that was never started
	}
	s.serving.Wait()
	if err != nil {
		return fmt.Errorf("monitor: closing: %w", err)
	}
	return nil
}

// StateChanged counts a change of an instance's state.
func (s *Server) StateChanged(now acctstack.Status, _ acctstack.State) { s.own.changed(now.Instance) }

// Reloaded counts a reload that was done, or one that changed nothing because of errors.
func (s *Server) Reloaded(ok bool) { s.own.reloaded(ok) }

func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.registry, promhttp.HandlerOpts{
		ErrorLog: scrapeLog{s.opts.Log}, ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: maxScrapes, Registry: s.registry,
	}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", s.ready)
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, "Tollgate "+s.opts.Version+"\n\n/metrics  for Prometheus\n/healthz  200 as long as the process serves\n"+
			"/readyz   200 while the gatekeeper takes calls, else 503 with the reason")
	})
	return mux
}

// answer sends a text of its own kind: no browser is to guess what it is, no cache to keep it.
func answer(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text + "\n"))
}

// scrapeLog is the log of what a scrape could not read.
type scrapeLog struct{ log *zap.Logger }

// Println logs an error of a scrape.
func (l scrapeLog) Println(v ...any) { l.log.Warn("monitor: scrape: " + fmt.Sprint(v...)) }
