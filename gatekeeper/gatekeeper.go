package gatekeeper

import (
	"cmp"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"tollgate/acctstack"
	"tollgate/bootclock"
	"tollgate/cdr"
	"tollgate/gatekeeper/limits"
)

// Accounting is the stack as the gatekeeper sees it.
type Accounting interface {
	Wants(kind acctstack.Kind) bool
	Submit(ev *acctstack.Event, to acctstack.Receiver)
	// Hold keeps the present stack for an event that must wait; its Submit comes later, and comes once.
	Hold() (submit func(ev *acctstack.Event, to acctstack.Receiver))
}

// CDRSink takes the CDR lines of the status port. Neither method may wait.
type CDRSink interface {
	// Wanted tells whether anybody would see a line.
	Wanted() bool
	CDR(line []byte)
}

// Identity is how the gatekeeper names itself in its records.
type Identity struct {
	Name    string
	Address netip.Addr
	// Epoch begins every Acct-Session-Id of this run: Unix seconds that no former run had. 0: the present time.
	Epoch uint32
}

// Surroundings are what calls are sent to.
type Surroundings struct {
	Accounting Accounting
	Sink       CDRSink
	Journal    Journal // nil: nothing survives a crash
}

// Gatekeeper is what all shards share: who we are, the operator's settings, the way to the accounting stack, counters.
type Gatekeeper struct {
	identity   Identity
	accounting Accounting
	sink       CDRSink
	journal    Journal
	log        *zap.Logger
	settings   atomic.Pointer[Settings]
	limits     *limits.Guard
	shards     []*Shard

	boot      string // bootclock.ID
	started   time.Time
	sessions  atomic.Uint32 // counts session ids
	numbers   atomic.Uint64 // the last call's
	total     atomic.Uint64 // calls that were admitted
	connected atomic.Uint64 // calls that were ever connected
	current   atomic.Int64
	active    atomic.Int64
	pending   atomic.Int64
	overload  atomic.Uint64 // INVITEs turned away, and refusals left unrecorded, by MaxPending
	lost      atomic.Uint64 // ends of calls that no module stored
	// unjournalled counts entries, first ones of calls included, that the journal could not write.
	unjournalled atomic.Uint64
	noRoom       atomic.Uint64
	refused      atomic.Uint64
	restored     atomic.Uint64
	draining     atomic.Bool // for good
	maintained   atomic.Bool // until Maintain says otherwise
	suspended    atomic.Bool // calls are left as they are: nothing goes out any more

	peakMu sync.Mutex
	peak   int
	peakAt time.Time

	calls     sync.WaitGroup // calls whose stop is still to be decided
	rejects   sync.WaitGroup // reject events under way
	rejecting atomic.Int64   // their number
}

// New makes a gatekeeper with that many shards.
func New(identity Identity, settings *Settings, around Surroundings, shards int, log *zap.Logger) *Gatekeeper {
	g := &Gatekeeper{identity: identity, accounting: around.Accounting, sink: around.Sink, journal: around.Journal, log: log,
		boot: bootclock.ID(), started: time.Now(), limits: limits.New()}
	g.identity.Epoch = cmp.Or(identity.Epoch, uint32(g.started.Unix()))
	g.peakAt = g.started
	g.Configure(settings)
	for range shards {
		g.shards = append(g.shards, newShard(g))
	}
	return g
}

// Shards are the owners of calls. A front spreads its calls over them.
func (g *Gatekeeper) Shards() []*Shard { return g.shards }

// Configure swaps the settings.
func (g *Gatekeeper) Configure(s *Settings) {
	if s.Limits != nil {
		g.limits.Configure(s.Limits)
	}
	g.settings.Store(s)
}

// Limits are the counters of the limits.
func (g *Gatekeeper) Limits() limits.Stats { return g.limits.Stats() }

// Maintain closes the gatekeeper to new calls, or opens it again; those that are up go on (GnuGk's MaintenanceMode).
func (g *Gatekeeper) Maintain(on bool) { g.maintained.Store(on) }

// Maintained tells whether new calls are turned away.
func (g *Gatekeeper) Maintained() bool { return g.maintained.Load() || g.draining.Load() }

// sessionID makes an Acct-Session-Id as GnuGk does: the start of the process in Unix seconds and a counter, each as
// eight hexadecimal digits.
func (g *Gatekeeper) sessionID() string {
	return fmt.Sprintf("%08x%08x", g.identity.Epoch, g.sessions.Add(1))
}

// stamp is what every event carries.
func (g *Gatekeeper) stamp(at time.Time) cdr.Stamp {
	return cdr.Stamp{ID: cdr.NewUUID(at), Time: at, Name: g.identity.Name, Address: g.identity.Address}
}

// On sends the event on and waits for its verdict.
func (g *Gatekeeper) On() { g.systemEvent(acctstack.On) }

// Off sends the event off and waits for its verdict. It belongs behind the last stop.
func (g *Gatekeeper) Off() { g.systemEvent(acctstack.Off) }

func (g *Gatekeeper) systemEvent(kind acctstack.Kind) {
	if !g.accounting.Wants(kind) {
		return
	}
	ev := &acctstack.Event{Stamp: g.stamp(time.Now()), Kind: kind, Seq: 1}
	ev.SessionID = fmt.Sprintf("%08x%08x", g.identity.Epoch, 0) // on and off frame the same run
	r := &receiver{g: g}
	r.done.Add(1)
	g.accounting.Submit(ev, r)
	r.done.Wait()
}

// receiver waits for the verdict on on or off, which has no consequences.
type receiver struct {
	g    *Gatekeeper
	done sync.WaitGroup
}

// Decided notes a bad verdict.
func (r *receiver) Decided(ev *acctstack.Event, v acctstack.Verdict) {
	r.g.note(ev, &v)
	r.done.Done()
}

// rejectReceiver takes the verdicts on reject events, which have no consequences either.
type rejectReceiver struct{ g *Gatekeeper }

// Decided notes a bad verdict.
func (r rejectReceiver) Decided(ev *acctstack.Event, v acctstack.Verdict) {
	r.g.note(ev, &v)
	r.g.rejecting.Add(-1)
	r.g.rejects.Done()
}

func (g *Gatekeeper) note(ev *acctstack.Event, v *acctstack.Verdict) {
	if !v.OK {
		g.log.Warn("event failed", zap.String("event", ev.Kind.String()), zap.Error(v.Blamed().Err))
	}
}

// Stats are the present counters.
func (g *Gatekeeper) Stats() Stats {
	g.peakMu.Lock()
	defer g.peakMu.Unlock()
	return Stats{
		Started: g.started, Current: int(g.current.Load()), Active: int(g.active.Load()),
		Total: g.total.Load(), Successful: g.connected.Load(), Peak: g.peak, PeakAt: g.peakAt,
		Refused: g.refused.Load(), Lost: g.lost.Load(), Overload: g.overload.Load(),
		NoRoom: g.noRoom.Load(), Unjournalled: g.unjournalled.Load(), Restored: g.restored.Load(),
	}
}

// countCall notes a new call and the peak.
func (g *Gatekeeper) countCall(now time.Time) {
	n := int(g.current.Add(1))
	g.peakMu.Lock()
	if n > g.peak {
		g.peak, g.peakAt = n, now
	}
	g.peakMu.Unlock()
}
