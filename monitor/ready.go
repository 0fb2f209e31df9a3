package monitor

import "net/http"

// Phase is where the program is in its life.
type Phase int32

// The phases.
const (
	Starting Phase = iota
	Serving        // calls are taken
	Draining       // the program is on its way to its end
)

// Enter tells that the program has come to a phase.
func (s *Server) Enter(p Phase) { s.phase.Store(int32(p)) }

// notReady says why no call is taken, "" if calls are.
func (s *Server) notReady() string {
	switch Phase(s.phase.Load()) {
	case Starting:
		return "starting"
	case Draining:
		return "draining"
	}
	if s.opts.Sources.Refusing == nil {
		return ""
	}
	if err := s.opts.Sources.Refusing(); err != nil {
		return "refusing calls: " + err.Error()
	}
	return ""
}

func (s *Server) ready(w http.ResponseWriter, _ *http.Request) {
	if reason := s.notReady(); reason != "" {
		answer(w, http.StatusServiceUnavailable, reason)
		return
	}
	answer(w, http.StatusOK, "ready")
}
