package seglog_test

import (
	"fmt"
	"slices"
	"sync"

	"tollgate/journal/seglog"
)

// model knows what was appended to a log and what its waiters were told.
type model struct {
	mu      sync.Mutex
	records []*modelRecord
	told    []int // in the order of the telling
	moves   map[seglog.Position]seglog.Position
}

type modelRecord struct {
	text     string
	at       seglog.Position
	told     bool
	err      error
	removed  bool // its segment was, or that was tried
	replayed bool // by an Open before: it is durable
}

func newModel() *model { return &model{moves: map[seglog.Position]seglog.Position{}} }

func (m *model) moved(from, to seglog.Position) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.records {
		if r.at == from {
			r.at = to
			return
		}
	}
	m.moves[from] = to // before the append has returned
}

// add appends a record and gives a channel that is closed once it is told.
func (m *model) add(append func([]byte, func(error)) (seglog.Position, error), size int) (<-chan struct{}, error) {
	m.mu.Lock()
	i := len(m.records)
	r := &modelRecord{text: numbered(i+1, max(size, 6))[i]}
	m.records = slices.Insert(m.records, i, r)
	m.mu.Unlock()
	told := make(chan struct{})
	at, err := append([]byte(r.text), func(err error) {
		m.mu.Lock()
		defer m.mu.Unlock()
		r.told, r.err = true, err
		m.told = slices.Insert(m.told, len(m.told), i)
		close(told)
	})
	m.mu.Lock()
	defer m.mu.Unlock()
	if err != nil {
		r.err, r.removed = err, true // it is not in the log
		return nil, err
	}
	if to, ok := m.moves[at]; ok {
		at = to
	}
	r.at = at
	return told, nil
}

// remove notes that the segment may be gone.
func (m *model) remove(segment uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.records {
		if r.at.Segment == segment {
			r.removed = true
		}
	}
}

// check compares what a log replays with what it must and may: all that was told nil, in order; nothing that was not
// appended. Records may come twice.
func (m *model) check(replayed []string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	known := map[string]bool{}
	for _, r := range m.records {
		known[r.text] = true
	}
	for _, text := range replayed {
		if !known[text] {
			return fmt.Errorf("record %.20q was invented", text)
		}
	}
	next := 0
	for i, r := range m.records {
		if r.removed || !r.replayed && (!r.told || r.err != nil) {
			continue
		}
		at := slices.Index(replayed[next:], r.text)
		if at < 0 {
			return fmt.Errorf("record %d is lost, or not in its place, of %d replayed: %.6q", i, len(replayed), replayed)
		}
		next += at + 1
	}
	if !slices.IsSorted(m.told) {
		return fmt.Errorf("told out of order: %v", m.told)
	}
	return nil
}

// reopened goes on from what was replayed.
func (m *model) reopened(c *contents) {
	m.mu.Lock()
	defer m.mu.Unlock()
	at := map[string]seglog.Position{}
	for i, text := range c.records {
		at[text] = c.positions[i]
	}
	for _, r := range m.records {
		p, found := at[r.text]
		r.at, r.replayed, r.removed = p, found, !found
	}
	m.told = nil
	clear(m.moves)
}
