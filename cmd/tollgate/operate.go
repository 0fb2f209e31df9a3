package main

import (
	"errors"
	"net/netip"

	"go.uber.org/zap"

	"tollgate/acctstack"
	"tollgate/gatekeeper"
	"tollgate/monitor"
	"tollgate/radius"
)

// StateChanged tells the status port and the monitor of a module's change of state.
func (d *daemon) StateChanged(now acctstack.Status, before acctstack.State) {
	if status := d.stream.server.Load(); status != nil {
		status.StateChanged(now, before)
	}
	if m := d.watched.Load(); m != nil {
		m.StateChanged(now, before)
	}
}

// GatewayChanged tells the status port that a gateway went down or came back.
func (d *daemon) GatewayChanged(addr netip.AddrPort, down bool) {
	if status := d.stream.server.Load(); status != nil {
		status.GatewayChanged(addr, down)
	}
}

// maintenance is the status port's MaintenanceMode. A reload leaves it as it is, a restart ends it.
type maintenance struct{ *daemon }

// Maintain turns new calls away, or takes them again.
func (m maintenance) Maintain(on bool) {
	m.gatekeeper.Maintain(on)
	if on {
		m.log.Warn("maintenance mode: new calls are turned away", zap.Int("calls up", m.gatekeeper.Stats().Current))
	} else {
		m.log.Info("maintenance mode is off")
	}
}

// Maintained tells whether new calls are turned away.
func (m maintenance) Maintained() bool { return m.gatekeeper.Maintained() }

// sources are what the monitor reads.
func (d *daemon) sources() monitor.Sources {
	return monitor.Sources{
		Calls:     func() monitor.Calls { return monitoredCalls(d.gatekeeper.Stats()) },
		Datagrams: func() monitor.Datagrams { return monitor.Datagrams(d.front.Counters()) },
		Tables:    func() monitor.Tables { return monitor.Tables(d.front.Sizes()) },
		Answers:   d.front.Answers,
		Refusals:  d.front.Refusals,
		Blocks:    d.front.BlockStats,
		Gateways:  d.front,
		Limits:    d.gatekeeper.Limits,
		Instances: d.accounting,
		Keeping:   d.monitoredKeeping,
		Journal:   d.monitoredJournal,
		RADIUS:    d.monitoredRADIUS,
		StateDir:  d.config.stateDir,
		Refusing:  d.refusing,

		Maintained: d.gatekeeper.Maintained,
	}
}

func monitoredCalls(s gatekeeper.Stats) monitor.Calls {
	return monitor.Calls{
		Current: s.Current, Active: s.Active, Peak: s.Peak, Total: s.Total, Connected: s.Successful, Refused: s.Refused, Lost: s.Lost,
		Overload: s.Overload, NoRoom: s.NoRoom, Unjournalled: s.Unjournalled, Restored: s.Restored,
	}
}

func (d *daemon) monitoredJournal() monitor.Journal {
	s := d.journal.Stats()
	return monitor.Journal{
		Bytes: s.Bytes, Live: s.Live, LedgerBytes: s.LedgerBytes, Reserved: s.Reserved, Short: s.Short, Calls: s.Calls, Events: s.Events,
		Waiting: s.Waiting, Commits: uint64(s.Commits), CommitErrors: s.CommitErrors, Lost: s.Lost, LedgerLost: s.LedgerLost,
		Damages: s.Torn + s.Corrupt + s.Missing + int(s.Nonsense), Failing: s.Failing,
	}
}

func (d *daemon) monitoredKeeping() []monitor.Keeping {
	var all []monitor.Keeping
	for _, s := range d.accounting.Statuses() {
		all = append(all, monitor.Keeping{Instance: s.Instance, Kept: s.Counters.Kept, Quarantined: s.Counters.Quarantined, Dropped: s.Dropped})
	}
	return all
}

// monitoredRADIUS are the counters of the modules that talk RADIUS.
func (d *daemon) monitoredRADIUS() []monitor.RADIUS {
	var all []monitor.RADIUS
	for name, module := range d.accounting.Modules {
		if client, ok := module.(interface{ Stats() radius.Stats }); ok {
			all = append(all, monitor.RADIUS{Instance: name, Stats: client.Stats()})
		}
	}
	return all
}

// refusing tells why no call can be taken at the moment.
func (d *daemon) refusing() error {
	s := d.journal.Stats()
	switch {
	case d.gatekeeper.Maintained():
		return errors.New("maintenance mode")
	case d.granting.Load():
		return nil
	case s.Failing:
		return errors.New("the journal cannot write")
	case s.NoRoom:
		return errors.New("the journal has no room")
	}
	return nil
}
