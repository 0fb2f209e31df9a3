package gatekeeper

import (
	"errors"
	"sync"
	"time"

	"tollgate/acctstack"
	"tollgate/cdr"
	"tollgate/wheel"
)

// Line is a front's side of one call. The gatekeeper calls it with the call's shard locked.
type Line interface {
	// Proceed lets the call go on: it is admitted.
	Proceed()
	// Drop ends the call on the wire: it refuses what was not admitted, cancels what was not answered, hangs up what was.
	Drop(why Release)
}

// Release is why the gatekeeper itself ends a call.
type Release struct {
	Cause   int    // Q.850
	Text    string // for the peers
	Refusal bool   // the verdict on the start was bad: the call was never admitted
}

// Shard owns a part of the calls, and their timers. Whoever holds its lock may run steps of its calls; a step never
// blocks. The front keeps its own state of these calls under the same lock.
type Shard struct {
	sync.Mutex
	Wheel *wheel.Wheel

	gk      *Gatekeeper
	calls   *Call // linked
	closed  bool  // no event begins here any more
	entry   []byte
	scratch []byte
}

func newShard(g *Gatekeeper) *Shard {
	return &Shard{gk: g, Wheel: wheel.New(time.Now)}
}

// Tick moves the shard's timers on.
func (s *Shard) Tick(now time.Time) {
	s.Lock()
	defer s.Unlock()
	s.Wheel.Advance(now)
}

// Reasons for which a call is not even entered in the table.
var (
	ErrDraining = errors.New("no new calls")
	ErrOverload = errors.New("too many calls wait for admission")
)

// Admit enters a call, which then waits for Begin. setup has all that the front knows of the call; the shard fills in the
// ids. An error means that there is no call.
func (s *Shard) Admit(line Line, setup cdr.Record) (*Call, error) {
	g := s.gk
	if g.Maintained() {
		return nil, ErrDraining
	}
	settings := g.settings.Load()
	if g.pending.Load() >= settings.MaxPending {
		g.overload.Add(1)
		return nil, ErrOverload
	}
	ticket, err := g.limits.Enter(setup.Caller.Address.Addr(), setup.User, setup.Setup)
	if err != nil {
		return nil, err
	}
	c := &Call{ticket: ticket, id: cdr.NewUUID(setup.Setup), shard: s, line: line, Record: setup}
	c.Number, c.SessionID = g.numbers.Add(1), g.sessionID()
	c.Released = cdr.ReleasedByUnknown
	s.link(c)
	g.countCall(c.Setup)
	g.calls.Add(1)
	s.Wheel.Set(&c.timeout, settings.SignalTimeout, c, timerSignal)
	return c, nil
}

// Reject records a request that was refused before it became a call. Anybody can send what is refused, so that past
// MaxPending events under way there is no record; nor is there one behind the end of the last call at shutdown.
func (s *Shard) Reject(record cdr.Record, cause int) {
	g := s.gk
	if s.closed || !g.accounting.Wants(acctstack.Reject) {
		return
	}
	if g.rejecting.Load() >= g.settings.Load().MaxPending {
		g.overload.Add(1)
		return
	}
	record.SessionID = g.sessionID()
	record.Disconnected = time.Now()
	record.Now = record.Disconnected
	record.Cause, record.CauseTranslated, record.Released = cause, cause, cdr.ReleasedByGatekeeper
	record.LastCDR = true
	ev := &acctstack.Event{Stamp: g.stamp(record.Now), Kind: acctstack.Reject, Seq: 1, Record: &record}
	g.rejecting.Add(1)
	g.rejects.Add(1)
	g.accounting.Submit(ev, rejectReceiver{g})
}

func (s *Shard) link(c *Call) {
	if c.next = s.calls; c.next != nil {
		c.next.prev = c
	}
	s.calls = c
}

func (s *Shard) unlink(c *Call) {
	if c.prev != nil {
		c.prev.next = c.next
	} else {
		s.calls = c.next
	}
	if c.next != nil {
		c.next.prev = c.prev
	}
	c.prev, c.next = nil, nil
}
