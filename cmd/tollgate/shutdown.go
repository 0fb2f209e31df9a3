package main

import (
	"context"
	"errors"
	"os"
	"sync"
	"syscall"
	"time"

	"go.uber.org/zap"

	"tollgate/monitor"
)

// closeTime is how long modules may take for the last events at shutdown.
const closeTime = 30 * time.Second

// settleTime is how long peers have for their answers when the last call has been ended: three repetitions.
const settleTime = 4 * time.Second

// shutdown ends the calls as OnShutdown says, then everything else in the order that lets every record out. A further
// signal ends a drain at once; no record is lost by it.
func (d *daemon) shutdown(signals <-chan os.Signal) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var hurry sync.WaitGroup
	hurry.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case sig := <-signals:
				if sig != syscall.SIGHUP {
					cancel()
				}
			}
		}
	})
	d.reloading.Lock() // no reload any more
	// A backend that hangs must not hold up the end for ever: the service manager would kill us with events that other
	// modules could still have stored.
	abort := time.AfterFunc(d.config.drain.Wait+closeTime, d.accounting.Abort)
	defer abort.Stop()
	d.monitor.Enter(monitor.Draining)
	d.endCalls(ctx)
	cancel()
	hurry.Wait()
	d.report()
	err := errors.Join(d.closeAccounting(), d.control.close(context.Background()), d.status.Close(), d.closeMonitor(), d.journal.Close(),
		d.stateDir.Close())
	d.log.Info("stopped")
	return err
}

// endCalls leaves the calls for the next run, or ends them, as OnShutdown says.
func (d *daemon) endCalls(ctx context.Context) {
	if d.config.drain.Keep {
		d.gatekeeper.DisconnectUnjournalled()
		d.settle(d.front.SettleEnded)
		d.front.Close()
		d.gatekeeper.Suspend()
		return
	}
	d.gatekeeper.Shutdown(ctx, d.config.drain)
	d.settle(d.front.Settle)
	d.gatekeeper.Off()
	d.front.Close()
}

// report writes the counters of this run to the log.
func (d *daemon) report() {
	stats, sip := d.gatekeeper.Stats(), d.front.Counters()
	d.log.Info("calls", zap.Uint64("total", stats.Total), zap.Uint64("connected", stats.Successful), zap.Int("peak", stats.Peak),
		zap.Uint64("stored by no module", stats.Lost), zap.Uint64("turned away by MaxPending", stats.Overload),
		zap.Uint64("turned away by the journal", stats.NoRoom), zap.Uint64("not in the journal", stats.Unjournalled), zap.Uint64("restored", stats.Restored))
	d.log.Info("datagrams", zap.Uint64("received", sip.Received), zap.Uint64("sent", sip.Sent), zap.Uint64("not sent", sip.SendErrors),
		zap.Uint64("malformed", sip.Malformed), zap.Uint64("strays", sip.Strays))
	for _, c := range d.accounting.Counters() {
		d.log.Info("events", zap.String("module", c.Instance), zap.Uint64("stored", c.Stored), zap.Uint64("failed", c.Failed),
			zap.Uint64("late", c.Late), zap.Int64("open", c.Open))
	}
}

// settle lets BYEs, CANCELs and refusals that were lost be repeated.
func (d *daemon) settle(wait func(context.Context)) {
	ctx, cancel := context.WithTimeout(context.Background(), settleTime)
	defer cancel()
	wait(ctx)
}

func (d *daemon) closeMonitor() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	return d.monitor.Close(ctx)
}

func (d *daemon) closeAccounting() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	return d.accounting.Close(ctx)
}
