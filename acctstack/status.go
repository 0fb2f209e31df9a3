package acctstack

import "time"

// State is how an instance is doing.
type State uint8

// The states.
const (
	Up       State = iota // it stores events, or has not been asked yet
	Down                  // its attempts fail
	Draining              // it stores events again, and events that were kept are still on their way to it
)

// String is the state's name on the status port and in metrics.
func (s State) String() string {
	switch s {
	case Down:
		return "down"
	case Draining:
		return "draining"
	}
	return "up"
}

// Status is what can be told of an instance at one moment.
type Status struct {
	Counters
	State       State
	Since       time.Time // of the state
	Reason      string    // the last error; "" if the state is Up
	Backlog     int       // events kept for it, without those in quarantine
	Oldest      time.Time // when the oldest of them happened; zero if there is none
	Quarantined int       // copies in quarantine now; Counters.Quarantined is how many ever went there
}

// Watcher is told of each change of an instance's state, with the state before. It must not wait, nor call back.
type Watcher interface {
	StateChanged(now Status, before State)
}
