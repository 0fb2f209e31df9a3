package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"go.uber.org/zap"

	"tollgate/acctstack"
	"tollgate/config"
	"tollgate/gatekeeper"
	"tollgate/gatekeeper/sip"
	"tollgate/journal"
	"tollgate/monitor"
	"tollgate/statusport"
)

// closeTime is how long modules may take for the last events at shutdown.
const closeTime = 30 * time.Second

// settleTime is how long peers have for their answers when the last call has been ended: three repetitions.
const settleTime = 4 * time.Second

// daemon is the running gatekeeper. start wires it in the order in which a call goes through it.
type daemon struct {
	loader   loader
	log      *zap.Logger
	stateDir *os.File // holds the lock

	journal    *journal.Journal
	keeping    *acctstack.Keeping
	accounting *acctstack.Current
	gatekeeper *gatekeeper.Gatekeeper
	front      *sip.Front
	status     *statusport.Server
	stream     *stream
	monitor    *monitor.Server
	control    *spoolServer

	reloading sync.Mutex
	config    *configuration // in force, under reloading
	watched   atomic.Pointer[monitor.Server]
	granting  atomic.Bool   // calls are taken whatever the journal says
	quit      chan struct{} // closed by the status port's shutdown
	quitOnce  sync.Once
}

// stream is the way to the status port's clients. Modules and calls have it before there is a status port.
type stream struct {
	server atomic.Pointer[statusport.Server]
}

// Broadcast is for StatusAcct.
func (s *stream) Broadcast(level int, line []byte) {
	if server := s.server.Load(); server != nil {
		server.Broadcast(level, line)
	}
}

// Wanted and CDR are for the gatekeeper.
func (s *stream) Wanted() bool {
	server := s.server.Load()
	return server != nil && server.HasClients()
}

// CDR shows a CDR line.
func (s *stream) CDR(line []byte) {
	if server := s.server.Load(); server != nil {
		server.CDR(line)
	}
}

func newDaemon(l loader) *daemon {
	d := &daemon{log: l.log, stream: &stream{}, quit: make(chan struct{})}
	l.status = d.stream
	d.loader = l
	return d
}

// start brings the gatekeeper up; the status port opens last, so that an open one means ready. Everything that can fail
// comes before the first new event and the first new call. What was opened before a failure is closed again.
func (d *daemon) start(c *configuration) (err error) {
	var undo []func()
	defer func() {
		if err != nil {
			for _, f := range slices.Backward(undo) {
				f()
			}
		}
	}()
	collect := withoutGC()
	defer collect()
	d.config = c
	d.granting.Store(c.calls.GrantUnjournalled || c.calls.Unjournalled)
	if d.stateDir, err = openStateDir(c.stateDir); err != nil {
		return err
	}
	undo = append(undo, func() { _ = d.stateDir.Close() })
	if d.journal, err = journal.Open(journal.Options{Dir: journalDir(c.stateDir), Settings: c.journal, Log: d.log}); err != nil {
		return err
	}
	undo = append(undo, func() { _ = d.journal.Close() })
	if err := d.startStack(c); err != nil {
		return err
	}
	undo = append(undo, func() { _ = d.closeAccounting() })

	identity := gatekeeper.Identity{Name: c.name, Address: c.home[0], Epoch: d.journal.Epoch()}
	around := gatekeeper.Surroundings{Accounting: d.accounting, Sink: d.stream, Journal: d.journal}
	d.gatekeeper = gatekeeper.New(identity, c.calls, around, 4*runtime.GOMAXPROCS(0), d.log)
	d.front = sip.New(d.gatekeeper, c.sip, product, d.log.Named("sip"))
	if err := d.front.Listen(c.listen); err != nil {
		return err
	}
	undo = append(undo, func() { d.front.Close(); d.gatekeeper.Suspend() })
	restored, err := d.restore()
	if err != nil {
		return err
	}
	collect()
	if err := d.listenOperator(c, &undo); err != nil {
		return err
	}
	if restored == 0 {
		d.gatekeeper.On()
	}
	d.front.Start()
	d.journal.Serving()
	d.keeping.Deliver()
	d.control.start()
	d.status.Start()
	d.monitor.Enter(monitor.Serving)
	return nil
}

// startStack makes the accounting stack, with what former runs have kept for it.
func (d *daemon) startStack(c *configuration) error {
	d.keeping = acctstack.NewKeeping(d.journal, d.journal, d, acctstack.Options{DeliveryRate: c.journal.DeliveryRate, Times: c.calls.CDRTimes}, d.log)
	stack, problems := d.build(c)
	if err := problems.Err(); err != nil {
		return err
	}
	if err := stack.Start(); err != nil {
		return err
	}
	d.accounting = acctstack.NewCurrent(stack, d.log)
	return nil
}

// build makes the stack of a configuration, whose modules have the journal.
func (d *daemon) build(c *configuration) (*acctstack.Stack, config.Problems) {
	setup := c.stack
	setup.Keeping, setup.Notes = d.keeping, d.journal.Notes
	return acctstack.Build(setup)
}

// listenOperator binds what operators and their tools reach: the control socket, the monitor, the status port. They are
// served from Start on, the monitor at once.
func (d *daemon) listenOperator(c *configuration, undo *[]func()) (err error) {
	if d.control, err = newSpoolServer(c.stateDir, d.keeping, ledgerOf{d.journal}, d.log); err != nil {
		return err
	}
	*undo = append(*undo, func() { _ = d.control.close(context.Background()) })
	server, err := monitor.New(monitor.Options{Settings: c.monitor, Version: version, Sources: d.sources(), Log: d.log.Named("monitor")})
	if err != nil {
		return err
	}
	if err := server.Listen(); err != nil {
		return err
	}
	server.Start()
	*undo = append(*undo, func() { _ = server.Close(context.Background()) })
	d.watched.Store(server)
	d.monitor = server
	if err := d.listenStatus(c); err != nil {
		return err
	}
	*undo = append(*undo, func() { _ = d.status.Close() })
	return nil
}

// listenStatus binds the status port; its clients are served from Start on.
func (d *daemon) listenStatus(c *configuration) (err error) {
	d.status, err = statusport.New(statusport.Options{
		Addresses: c.status, Version: version, Calls: d.gatekeeper, Stats: d.gatekeeper.Stats, Control: control{d},
		Modules: d.accounting, Spool: d.keeping,
		Log: d.log.Named("status"),
	}, c.statport)
	if err != nil {
		return err
	}
	if err := d.status.Listen(); err != nil {
		return err
	}
	d.stream.server.Store(d.status)
	return nil
}

// serve runs until a signal or the status port ends it, then shuts down.
func (d *daemon) serve(signals <-chan os.Signal) error {
	for {
		select {
		case <-d.quit:
			return d.shutdown(signals)
		case sig := <-signals:
			if sig != syscall.SIGHUP {
				d.log.Info("stopping", zap.Stringer("signal", sig))
				return d.shutdown(signals)
			}
			for _, p := range d.reload() {
				d.log.Warn("reload: " + p.String())
			}
		}
	}
}

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

// reload reads the file again and puts it in force as a whole, or not at all. Warnings go with a reload that was done.
func (d *daemon) reload() config.Problems {
	problems := d.tryReload()
	d.monitor.Reloaded(problems.Err() == nil)
	return problems
}

func (d *daemon) tryReload() config.Problems {
	if !d.reloading.TryLock() {
		return config.Problems{{File: d.loader.path, Text: "another reload or a shutdown is under way"}}
	}
	defer d.reloading.Unlock()
	again := d.loader
	again.running = d.config
	c, problems := again.load()
	if problems.Err() != nil {
		return problems
	}
	stack, _ := d.build(c) // load has told its problems
	if err := stack.Start(); err != nil {
		return append(problems, config.Problem{File: d.loader.path, Text: err.Error()})
	}
	problems = append(problems, d.fixed(c)...)
	d.accounting.Swap(stack)
	d.gatekeeper.Configure(c.calls)
	d.granting.Store(c.calls.GrantUnjournalled || c.calls.Unjournalled)
	d.front.Configure(c.sip)
	d.status.Reconfigure(c.statport)
	c.listen, c.status, c.home, c.name, c.stateDir = d.config.listen, d.config.status, d.config.home, d.config.name, d.config.stateDir
	c.journal, c.monitor = d.config.journal, d.config.monitor
	d.config = c
	d.log.Info("reloaded", zap.String("file", d.loader.path))
	return problems
}

// fixed warns of changes that need a restart.
func (d *daemon) fixed(c *configuration) config.Problems {
	var problems config.Problems
	warn := func(what string, changed bool) {
		if changed {
			problems = append(problems, config.Problem{File: d.loader.path, Warning: true, Text: fmt.Sprintf("%s has changed: this needs a restart", what)})
		}
	}
	warn("[SIP] Listen", !slices.Equal(c.listen, d.config.listen))
	warn("Home or StatusPort", !slices.Equal(c.status, d.config.status) || !slices.Equal(c.home, d.config.home))
	warn("Name", c.name != d.config.name)
	warn("StateDir", c.stateDir != d.config.stateDir)
	now, then := c.journal, d.config.journal
	now.WhenFull, now.NoCalls = then.WhenFull, then.NoCalls // the gatekeeper's settings have them
	warn("[Journal]", now != then)
	warn("[Monitor]", c.monitor != d.config.monitor)
	return problems
}

// control is what the status port may ask of the program.
type control struct{ d *daemon }

// Reload is the command reload.
func (c control) Reload() config.Problems { return c.d.reload() }

// Shutdown is the command shutdown.
func (c control) Shutdown() {
	c.d.quitOnce.Do(func() {
		c.d.log.Info("stopping: shutdown on the status port")
		close(c.d.quit)
	})
}
