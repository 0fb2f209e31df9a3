package main

import (
	"context"
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
	d.front.Watch(d)
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
		Modules: d.accounting, Spool: d.keeping, Maintenance: maintenance{d}, Gateways: d.front, Blocks: d.front, Limits: d.gatekeeper.Limits,
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
	pacer, pace := newPacer(), time.NewTicker(paceEvery)
	defer pace.Stop()
	for {
		select {
		case <-pace.C:
			pacer.adjust()
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
