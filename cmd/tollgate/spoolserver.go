package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sys/unix"

	"tollgate/cdr"
)

// controlName is the socket in StateDir over which tollgate spool talks to the gatekeeper that runs there.
const controlName = "control"

// Limits of the control socket. Only the gatekeeper's own user and root can open it, so they bound mistakes.
const (
	controlHead    = 5 * time.Second  // for the head of a request
	controlStall   = 10 * time.Minute // for a list whose reader does not go on, such as a pager
	controlLists   = 4                // at once
	controlClose   = 5 * time.Second  // for what is being done at the end
	controlBody    = 1 << 20          // bytes of a request
	spoolBatch     = 1000             // copies that a request acts on
	spoolFlushEach = 256              // events between two looks at the reader
)

// spoolServer answers tollgate spool while the gatekeeper runs: HTTP with JSON over a unix socket.
type spoolServer struct {
	spool    *localSpool
	log      *zap.Logger
	path     string
	listener net.Listener
	http     *http.Server
	lists    chan struct{}
	closing  context.Context // ends lists
	stop     context.CancelFunc
	serving  sync.WaitGroup
}

// newSpoolServer opens StateDir/control with mode 0600. The caller holds the lock of the directory, so a socket that is there
// already is the rest of a gatekeeper that was killed. ledger may be nil.
func newSpoolServer(stateDir string, operator spoolOperator, ledger spoolLedger, log *zap.Logger) (*spoolServer, error) {
	path := filepath.Join(stateDir, controlName)
	if err := removeStale(path); err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	// A socket is made with the mode of its descriptor, so that it is never open to others for a moment.
	listen := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		return errors.Join(c.Control(func(fd uintptr) { err = unix.Fchmod(int(fd), 0o600) }), err)
	}}
	l, err := listen.Listen(context.Background(), "unix", path)
	if err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	errorLog, err := zap.NewStdLogAt(log, zap.DebugLevel)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("spool: %w", err), l.Close())
	}
	s := &spoolServer{spool: &localSpool{operator, ledger}, log: log, path: path, listener: l, lists: make(chan struct{}, controlLists)}
	s.closing, s.stop = context.WithCancel(context.Background())
	s.http = &http.Server{
		Handler: s.handler(), ReadHeaderTimeout: controlHead, ReadTimeout: controlHead, MaxHeaderBytes: 16 << 10, ErrorLog: errorLog,
		BaseContext: func(net.Listener) context.Context { return s.closing },
		ConnContext: func(ctx context.Context, conn net.Conn) context.Context {
			return context.WithValue(ctx, peerKey{}, peerUser(conn))
		},
	}
	return s, nil
}

// removeStale takes away a socket, and nothing else.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("%s is in the way: it is no socket", path)
	}
	return errors.Join(err, os.Remove(path))
}

// start begins to serve.
func (s *spoolServer) start() {
	s.serving.Go(func() {
		if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("spool: serving", zap.Error(err))
		}
	})
}

// close removes the socket, ends lists and waits for what is being done; when ctx ends, or after controlClose, it cuts that
// off: a reader that has stopped reading holds up no shutdown.
func (s *spoolServer) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, controlClose)
	defer cancel()
	s.stop()
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = s.http.Close()
	}
	if closed := s.listener.Close(); closed != nil && !errors.Is(closed, net.ErrClosed) {
		err = errors.Join(err, closed) // of a server that was never started
	}
	s.serving.Wait()
	return err
}

func (s *spoolServer) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /spool", s.list)
	mux.HandleFunc("GET /answers", s.answers)
	mux.HandleFunc("POST /retry", func(w http.ResponseWriter, r *http.Request) { s.act(w, r, spoolRetry) })
	mux.HandleFunc("POST /drop", func(w http.ResponseWriter, r *http.Request) { s.act(w, r, spoolDrop) })
	return mux
}

// list sends the chosen events as lines of JSON. A list that ends early ends the connection with it, so that the reader
// cannot take it for a whole one.
func (s *spoolServer) list(w http.ResponseWriter, r *http.Request) {
	select {
	case s.lists <- struct{}{}:
		defer func() { <-s.lists }()
	default:
		http.Error(w, "too many lists at once", http.StatusServiceUnavailable)
		return
	}
	values := r.URL.Query()
	query := spoolQuery{Match: values.Get("match"), Instance: values.Get("instance"), Quarantine: values.Get("quarantine") != "", Events: values.Get("events") != ""}
	w.Header().Set("Content-Type", "application/x-ndjson")
	control, encoder, n := http.NewResponseController(w), json.NewEncoder(w), 0
	err := control.Flush()
	if err == nil {
		err = s.spool.each(query, func(e *spoolEntry) error {
			if n++; n%spoolFlushEach == 1 {
				if err := errors.Join(r.Context().Err(), control.SetWriteDeadline(time.Now().Add(controlStall))); err != nil {
					return err
				}
			}
			return encoder.Encode(e)
		})
	}
	if err == nil {
		return
	}
	if conn, _, hijacked := control.Hijack(); hijacked == nil {
		_ = conn.Close()
	}
}

func (s *spoolServer) answers(w http.ResponseWriter, r *http.Request) {
	id, err := cdr.ParseUUID(r.URL.Query().Get("id"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	answers, err := s.spool.answers(id)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	sendJSON(w, answers)
}

func (s *spoolServer) act(w http.ResponseWriter, r *http.Request, verb spoolVerb) {
	var refs []spoolRef
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, controlBody)).Decode(&refs); err != nil {
		http.Error(w, "reading the request: "+err.Error(), http.StatusBadRequest)
		return
	}
	if len(refs) > spoolBatch {
		http.Error(w, fmt.Sprintf("more than %d copies in a request", spoolBatch), http.StatusBadRequest)
		return
	}
	outcome, err := s.spool.act(verb, refs)
	user, _ := r.Context().Value(peerKey{}).(int64)
	s.log.Info("tollgate spool "+string(verb), zap.Int64("uid", user), zap.Int("copies", outcome.Done), zap.Int("not done", outcome.Failed))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	sendJSON(w, outcome)
}

func sendJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

// peerKey is the context's key of the user who asks.
type peerKey struct{}

// peerUser is the user id at the other end, -1 if it is not known.
func peerUser(conn net.Conn) int64 {
	user := int64(-1)
	raw, err := conn.(*net.UnixConn).SyscallConn()
	if err != nil {
		return user
	}
	_ = raw.Control(func(fd uintptr) {
		if cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			user = int64(cred.Uid)
		}
	})
	return user
}
