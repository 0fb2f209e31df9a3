package main

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"tollgate/bootclock"
	"tollgate/cdr"
	"tollgate/gatekeeper"
	"tollgate/journal"
)

// startHeap is how far the heap may grow during the start before garbage is collected: nearly all that is allocated while a
// former run's calls are read stays, and looking through it again and again would take a quarter of the time.
const startHeap = 1 << 30

// withoutGC puts the collector to rest until the function that it gives is called, as long as the heap is no larger than
// startHeap, or than GOMEMLIMIT if that is less.
func withoutGC() (end func()) {
	limit := debug.SetMemoryLimit(-1)
	debug.SetMemoryLimit(min(limit, startHeap))
	percent := debug.SetGCPercent(-1)
	return sync.OnceFunc(func() {
		debug.SetMemoryLimit(limit)
		debug.SetGCPercent(percent)
	})
}

// restore lets the calls of the former run go on, and tells how many there were. Their records are decided in the
// background. What cannot be read is written to the log and given up; only what a newer program has written is an error.
func (d *daemon) restore() (int, error) {
	type chain struct {
		call    cdr.UUID
		records [][]byte
	}
	began, alive, boot := time.Now(), lastAlive(d.journal), bootclock.ID()
	chains := make(chan []chain, 16) // in bundles: a switch of goroutines costs as much as a call
	var restored, failed atomic.Int64
	var newer atomic.Pointer[error]
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for bundle := range chains {
				for _, c := range bundle {
					err := d.restoreCall(c.call, c.records, alive, boot)
					switch {
					case err == nil:
						restored.Add(1)
					case errors.Is(err, gatekeeper.ErrNewer):
						newer.Store(&err)
					default:
						failed.Add(1)
						d.log.Error("restoring a call of the former run", zap.Error(err))
					}
				}
			}
		})
	}
	var bundle []chain
	for call, records := range d.journal.Calls {
		if bundle = append(bundle, chain{call, cloneAll(records)}); len(bundle) == 64 {
			chains <- bundle
			bundle = nil
		}
	}
	chains <- bundle
	close(chains)
	workers.Wait()
	if err := newer.Load(); err != nil {
		return 0, *err
	}
	n := int(restored.Load())
	if n > 0 {
		d.log.Info("the calls of the former run go on", zap.Int("calls", n), zap.Int64("damaged", failed.Load()), zap.Time("last alive", alive),
			zap.Duration("took", time.Since(began)))
	}
	return n, nil
}

func (d *daemon) restoreCall(call cdr.UUID, records [][]byte, alive time.Time, boot string) error {
	saved, err := gatekeeper.ReadCall(call, records, boot)
	if errors.Is(err, gatekeeper.ErrNewer) {
		return err
	}
	if err != nil {
		d.journal.End(call)
		return fmt.Errorf("%w; its entries: %x", err, records)
	}
	return d.front.Restore(saved, alive)
}

// cloneAll copies records, which the journal reads the next call into. They share one piece of memory.
func cloneAll(records [][]byte) [][]byte {
	whole := slices.Concat(records...)
	copies := make([][]byte, len(records))
	for i, record := range records {
		copies[i], whole = whole[:len(record):len(record)], whole[len(record):]
	}
	return copies
}

// lastAlive is when the former run was last known to be running, on the clock of this one.
func lastAlive(j *journal.Journal) time.Time {
	a := j.LastAlive()
	if a.BootID != "" && a.BootID == bootclock.ID() {
		return time.Now().Add(a.Boot - bootclock.Now())
	}
	return a.Time
}
