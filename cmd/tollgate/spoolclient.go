package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"tollgate/cdr"
)

// Times that a gatekeeper under load keeps easily.
const (
	controlDial   = 5 * time.Second
	controlAnswer = 2 * time.Minute
)

// errNoGatekeeper is the news that no gatekeeper listens on the control socket.
var errNoGatekeeper = errors.New("no gatekeeper is running there")

// remoteSpool is the spool of a gatekeeper that runs.
type remoteSpool struct {
	http http.Client
}

// dialSpool finds the gatekeeper of a StateDir; errNoGatekeeper if there is none.
func dialSpool(stateDir string) (*remoteSpool, error) {
	path := filepath.Join(stateDir, controlName)
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{Timeout: controlDial}).DialContext(ctx, "unix", path)
	}
	conn, err := dial(context.Background(), "", "")
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return nil, errNoGatekeeper
	case err != nil:
		return nil, fmt.Errorf("asking the gatekeeper: %w", err)
	}
	_ = conn.Close()
	return &remoteSpool{http.Client{Transport: &http.Transport{DialContext: dial, ResponseHeaderTimeout: controlAnswer}}}, nil
}

// each is localSpool.each over there.
func (s *remoteSpool) each(q spoolQuery, f func(*spoolEntry) error) error {
	values := url.Values{"match": {q.Match}, "instance": {q.Instance}}
	if q.Quarantine {
		values.Set("quarantine", "1")
	}
	if q.Events {
		values.Set("events", "1")
	}
	body, err := s.ask(http.MethodGet, "/spool?"+values.Encode(), nil)
	if err != nil {
		return err
	}
	defer body.Close()
	for decoder := json.NewDecoder(body); ; {
		var e spoolEntry
		if err := decoder.Decode(&e); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("the gatekeeper's list ends early: %w", err)
		}
		if err := f(&e); err != nil {
			return err
		}
	}
}

// answers is localSpool.answers over there.
func (s *remoteSpool) answers(id cdr.UUID) (answers []spoolAnswer, err error) {
	err = s.read(http.MethodGet, "/answers?id="+id.String(), nil, &answers)
	return answers, err
}

// act is localSpool.act over there. One request takes spoolBatch copies at most.
func (s *remoteSpool) act(verb spoolVerb, refs []spoolRef) (outcome spoolOutcome, err error) {
	body, err := json.Marshal(refs)
	if err != nil {
		return outcome, err
	}
	err = s.read(http.MethodPost, "/"+string(verb), body, &outcome)
	return outcome, err
}

// close gives the connections up.
func (s *remoteSpool) close() error {
	s.http.CloseIdleConnections()
	return nil
}

func (s *remoteSpool) read(method, path string, body []byte, into any) error {
	answer, err := s.ask(method, path, body)
	if err != nil {
		return err
	}
	defer answer.Close()
	if err := json.NewDecoder(answer).Decode(into); err != nil {
		return fmt.Errorf("reading the gatekeeper's answer: %w", err)
	}
	_, err = io.Copy(io.Discard, answer) // or the connection could not be used again
	return err
}

func (s *remoteSpool) ask(method, path string, body []byte) (io.ReadCloser, error) {
	req, err := http.NewRequest(method, "http://gatekeeper"+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	resp, err := s.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("asking the gatekeeper: %w", err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp.Body, nil
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 4096))
	return nil, fmt.Errorf("the gatekeeper refuses: %s", strings.TrimSpace(string(text)))
}
