package sip

import (
	"context"
	crand "crypto/rand"
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"tollgate/gatekeeper"
	"tollgate/gatekeeper/sip/blocklist"
	"tollgate/gatekeeper/sip/routes"
	"tollgate/wheel"
)

// Front is the SIP side of the gatekeeper: its sockets, and a shard of transactions and calls for each of the
// gatekeeper's shards.
type Front struct {
	gk        *gatekeeper.Gatekeeper
	log       *zap.Logger
	settings  atomic.Pointer[Settings]
	listeners []*listener
	shards    []*shard
	seed      maphash.Seed // of all tables: peers cannot aim at a bucket
	product   string       // for Server

	readers sync.WaitGroup
	clock   sync.WaitGroup
	stop    chan struct{}
	stats   counters
	probes  probes
	health  *routes.Health
	blocked *blocklist.List
	watcher GatewayWatcher // nil: none
}

type counters struct {
	received, sent, sendErrors, malformed, strays atomic.Uint64

	refusals [reasons]atomic.Uint64            // by blocklist.Reason
	answers  [len(answerClasses)]atomic.Uint64 // by the hundreds of the status
}

// Counters are what the front's sockets have seen.
type Counters struct {
	Received, Sent, SendErrors uint64
	Malformed                  uint64 // datagrams that were no SIP message, answered 400 or dropped
	Strays                     uint64 // answers to no request of ours
}

// New makes the front on the gatekeeper's shards. product names the program in Server headers.
func New(gk *gatekeeper.Gatekeeper, settings *Settings, product string, log *zap.Logger) *Front {
	f := &Front{gk: gk, log: log, seed: maphash.MakeSeed(), product: product, stop: make(chan struct{}),
		health: routes.NewHealth(), blocked: blocklist.New()}
	f.Configure(settings)
	for i, s := range gk.Shards() {
		f.shards = append(f.shards, newShard(f, s, i))
	}
	return f
}

// Configure swaps the settings; calls that are under way keep the targets that they have.
func (f *Front) Configure(s *Settings) {
	f.health.Configure(s.Health)
	f.health.Watch(s.Routes.Targets())
	f.blocked.Configure(s.Block)
	f.settings.Store(s)
}

// Listen binds the addresses. Nothing is read before Start.
func (f *Front) Listen(addrs []netip.AddrPort) error {
	for _, addr := range addrs {
		l, err := listen(addr, min(runtime.GOMAXPROCS(0), len(f.shards)))
		if err != nil {
			f.closeListeners()
			return fmt.Errorf("sip: %w", err)
		}
		f.listeners = append(f.listeners, l)
	}
	return nil
}

// Addresses are those that Listen bound.
func (f *Front) Addresses() []netip.AddrPort {
	var addrs []netip.AddrPort
	for _, l := range f.listeners {
		addrs = append(addrs, l.addr)
	}
	return addrs
}

// Start begins to read and to run the timers.
func (f *Front) Start() {
	for _, l := range f.listeners {
		for _, conn := range l.conns {
			f.readers.Go(func() { f.read(l, conn) })
		}
	}
	f.clock.Go(f.tick)
}

// Settle waits until the peers have answered every request and acknowledged every refusal, so that what ended the calls
// has reached them although datagrams were lost; or until ctx ends, as a peer may be gone.
func (f *Front) Settle(ctx context.Context) { f.settle(ctx, true) }

// SettleEnded is Settle for calls that have ended; what is under way of others is left alone.
func (f *Front) SettleEnded(ctx context.Context) { f.settle(ctx, false) }

func (f *Front) settle(ctx context.Context, all bool) {
	ticker := time.NewTicker(wheel.Tick)
	defer ticker.Stop()
	for _, s := range f.shards {
		for !s.settled(all) {
			select {
			case <-ctx.Done():
				f.hangUpUnacked()
				return
			case <-ticker.C:
			}
		}
	}
}

// hangUpUnacked sends the BYEs that still wait for an ACK.
func (f *Front) hangUpUnacked() {
	for _, s := range f.shards {
		s.Lock()
		var waiting []*dialog
		for _, sess := range s.sessions {
			for ; sess != nil; sess = sess.next {
				if sess.hangingUp != "" {
					waiting = slices.AppendSeq(waiting, sess.dialogs())
				}
			}
		}
		for _, d := range waiting {
			d.acknowledged()
		}
		s.Unlock()
	}
}

// settled tells whether the shard waits for no peer.
func (s *shard) settled(all bool) bool {
	s.Lock()
	defer s.Unlock()
	for _, tx := range s.clients {
		if tx.pending() && tx.probe == nil && (all || tx.method == methodBye) {
			return false
		}
	}
	for _, tx := range s.servers {
		if all && tx.method == methodInvite && tx.state == serverCompleted {
			return false
		}
	}
	for _, sess := range s.sessions {
		for ; sess != nil; sess = sess.next {
			if sess.hangingUp != "" {
				return false
			}
		}
	}
	return true
}

// Close stops reading and waits for the readers and the clock. Calls should have ended before.
func (f *Front) Close() {
	f.closeListeners()
	f.readers.Wait()
	close(f.stop)
	f.clock.Wait()
}

func (f *Front) closeListeners() {
	for _, l := range f.listeners {
		l.close()
	}
}

func (f *Front) tick() {
	ticker := time.NewTicker(wheel.Tick)
	defer ticker.Stop()
	for {
		select {
		case <-f.stop:
			return
		case now := <-ticker.C:
			for _, s := range f.shards {
				s.Tick(now)
			}
			f.askGateways(now)
		}
	}
}

// Counters is a snapshot of what the sockets have seen.
func (f *Front) Counters() Counters {
	return Counters{Received: f.stats.received.Load(), Sent: f.stats.sent.Load(), SendErrors: f.stats.sendErrors.Load(),
		Malformed: f.stats.malformed.Load(), Strays: f.stats.strays.Load()}
}

// datagram hands a message to the shard of its Call-ID.
func (f *Front) datagram(m *message, raw []byte, from netip.AddrPort, l *listener) {
	if f.blocked.Blocked(from.Addr(), time.Now()) && !f.settings.Load().trusts(from.Addr()) {
		return
	}
	if err := m.parse(raw); err != nil {
		if err != errEmpty {
			f.malformed(m, err, from, l)
		}
		return
	}
	s := f.shardOf(m.callID)
	s.Lock()
	defer s.Unlock()
	if m.request {
		s.handleRequest(m, from, l)
	} else {
		s.handleResponse(m)
	}
}

// shardOf is the shard of all messages with a Call-ID.
func (f *Front) shardOf(callID []byte) *shard {
	return f.shards[maphash.Bytes(f.seed, callID)%uint64(len(f.shards))]
}

// malformed answers a request that could be read as far as its Via (RFC 3261 8.2, 16.3), and drops the rest.
func (f *Front) malformed(m *message, err error, from netip.AddrPort, l *listener) {
	f.stats.malformed.Add(1)
	if m.request && !f.settings.Load().knows(from.Addr()) {
		f.refused(m, from, blocklist.Malformed)
	}
	if !m.request || m.method == methodAck || len(m.via.host) == 0 {
		return
	}
	status := 400
	if err == errVersion {
		status = 505
	}
	s := f.shards[0]
	s.Lock()
	defer s.Unlock()
	s.stateless(m, from, l, reply{status: status, reason: err.Error()})
}

// shard is the part of the front that goes with one of the gatekeeper's shards, under its lock.
type shard struct {
	*gatekeeper.Shard
	front  *Front
	number int
	random *rand.ChaCha8

	servers  map[uint64]*serverTx
	clients  map[uint64]*clientTx
	sessions map[uint64]*session // by Call-ID; further ones are linked
	out      []byte              // for the datagram that is being written
	spare    []*message
}

func newShard(f *Front, s *gatekeeper.Shard, number int) *shard {
	var seed [32]byte
	_, _ = crand.Read(seed[:]) // never fails (crypto/rand)
	return &shard{Shard: s, front: f, number: number, random: rand.NewChaCha8(seed),
		servers: map[uint64]*serverTx{}, clients: map[uint64]*clientTx{}, sessions: map[uint64]*session{}}
}

// stored indexes a request that was kept; give it back with release.
func (s *shard) stored(raw []byte) *message {
	m := &message{}
	if n := len(s.spare); n > 0 {
		m, s.spare = s.spare[n-1], s.spare[:n-1]
	}
	_ = m.parse(raw) // it was parsed before
	return m
}

func (s *shard) release(m *message) { s.spare = append(s.spare, m) }
