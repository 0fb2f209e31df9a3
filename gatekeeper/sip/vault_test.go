package sip

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"tollgate/bootclock"
	"tollgate/cdr"
	"tollgate/gatekeeper"
)

// vault is a journal in memory. It is as durable as the test says: at once, or when let is called.
type vault struct {
	mu     sync.Mutex
	chains map[cdr.UUID][][]byte
	order  []cdr.UUID
	full   bool
	slow   bool
	busy   bool // somebody is telling
	queue  []func(error)
	age    time.Duration // how much longer ago everything of the former run was
	upFor  time.Duration
}

var errNoRoom = errors.New("no room")

func journalled(r *rig, _ *gatekeeper.Settings, _ *Settings) {
	r.vault = &vault{chains: map[cdr.UUID][][]byte{}}
}

func (v *vault) Begin(call cdr.UUID, record []byte, done func(error)) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.full {
		return errNoRoom
	}
	v.order = append(v.order, call)
	v.chains[call] = [][]byte{slices.Clone(record)}
	v.tell(done)
	return nil
}

func (v *vault) Append(call cdr.UUID, record []byte, done func(error)) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.chains[call] != nil {
		v.chains[call] = append(v.chains[call], slices.Clone(record))
	}
	v.tell(done)
}

func (v *vault) End(call cdr.UUID) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.chains, call)
}

func (v *vault) tell(done func(error)) {
	if done == nil {
		return
	}
	v.queue = append(v.queue, done)
	if !v.slow {
		v.start(nil)
	}
}

// start tells those that wait, one after the other. The caller holds the lock.
func (v *vault) start(err error) {
	if v.busy {
		return
	}
	v.busy = true
	go func() { // still waits for it
		v.mu.Lock()
		defer v.mu.Unlock()
		for len(v.queue) > 0 && !v.slow {
			done := v.queue[0]
			v.queue = v.queue[1:]
			v.mu.Unlock()
			done(err)
			v.mu.Lock()
		}
		v.busy = false
	}()
}

// still waits until nobody is being told.
func (v *vault) still(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		v.mu.Lock()
		busy := v.busy
		v.mu.Unlock()
		if !busy {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the journal does not come to rest")
		}
	}
}

// fill takes the room away.
func (v *vault) fill() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.full = true
}

// wait makes what is written from now on not durable before let.
func (v *vault) wait() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.slow = true
}

// let tells all that wait how it went, once there is somebody.
func (v *vault) let(t *testing.T, err error) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		v.mu.Lock()
		if len(v.queue) > 0 {
			v.slow = false
			v.start(err)
			v.mu.Unlock()
			v.still(t)
			return
		}
		v.mu.Unlock()
		if time.Now().After(deadline) {
			t.Fatal("nothing waits for the journal")
		}
	}
}

// crash replaces the gatekeeper by another one that knows only what the journal has. down is what happens in between.
func (r *rig) crash(down func()) {
	r.t.Helper()
	r.front.closeListeners()
	r.front.readers.Wait()
	alive := time.Now()
	r.vault.mu.Lock()
	r.vault.queue, r.vault.slow = nil, false
	r.vault.mu.Unlock()
	r.vault.still(r.t)
	r.books.mu.Lock()
	r.books.held = nil
	r.books.mu.Unlock()
	r.books.work.Wait()
	if down != nil {
		down()
	}
	r.now = time.Now() // the new wheel begins there
	r.open()
	for _, id := range slices.Clone(r.vault.order) {
		chain := r.vault.chains[id]
		if chain == nil {
			continue
		}
		saved, err := gatekeeper.ReadCall(id, chain, bootclock.ID())
		if err != nil {
			r.t.Fatal(err)
		}
		if age := r.vault.age; age > 0 {
			for _, at := range []*time.Time{&saved.Call.Setup, &saved.Call.Alerting, &saved.Call.Connected} {
				if !at.IsZero() {
					*at = at.Add(-age)
				}
			}
		}
		if err := r.front.Restore(saved, alive.Add(-r.vault.age+r.vault.upFor)); err != nil {
			r.t.Fatal(err)
		}
	}
	r.read()
}
