package sip

import (
	"net/netip"
	"time"

	"tollgate/gatekeeper/sip/blocklist"
	"tollgate/gatekeeper/sip/routes"
)

// What an operator sees of the front, and may change of it.

// GatewayWatcher is told when a gateway goes down or comes back. It must not wait: shards may be locked.
type GatewayWatcher interface {
	GatewayChanged(addr netip.AddrPort, down bool)
}

// Watch names who is told of gateways. It belongs before Start.
func (f *Front) Watch(w GatewayWatcher) { f.watcher = w }

func (f *Front) gatewayChanged(addr netip.AddrPort, down bool) {
	if f.watcher != nil {
		f.watcher.GatewayChanged(addr, down)
	}
}

// Gateways are the targets of all routes with what is known of them.
func (f *Front) Gateways() []routes.State { return f.health.States() }

// Blocked lists the addresses that are not answered for a while.
func (f *Front) Blocked() []blocklist.Entry { return f.blocked.Entries(time.Now()) }

// Unblock answers an address again; it tells whether it was blocked.
func (f *Front) Unblock(addr netip.Addr) bool { return f.blocked.Unblock(addr) }

// BlockStats are the counters of the blocks.
func (f *Front) BlockStats() blocklist.Stats { return f.blocked.Stats() }

// reasons is how many values a blocklist.Reason has.
const reasons = blocklist.Hops + 1

// Refusals are how many requests were refused since the start, by the word of their reason; every reason is there. That a
// refusal began a block is no reason: BlockStats has the blocks.
func (f *Front) Refusals() map[string]uint64 {
	counts := make(map[string]uint64, reasons)
	for why := range reasons {
		if why != blocklist.Blocked {
			counts[why.String()] = f.stats.refusals[why].Load()
		}
	}
	return counts
}

// answerClasses are the classes of answers that end an INVITE (RFC 3261 7.2), by their hundreds.
var answerClasses = [...]string{2: "2xx", 3: "3xx", 4: "4xx", 5: "5xx", 6: "6xx"}

// Answers are the final answers that callers got to INVITEs that made a call, by the class of the status; every class is there.
func (f *Front) Answers() map[string]uint64 {
	counts := make(map[string]uint64, len(answerClasses))
	for hundreds, class := range answerClasses {
		if class != "" {
			counts[class] = f.stats.answers[hundreds].Load()
		}
	}
	return counts
}

// Sizes are what the shards hold at the moment. Under a flood of requests from trusted peers Servers grows first, as every
// request is remembered for 32 s behind its answer (RFC 3261 17.2, timers H and J); that of INVITEs, which are sent on, makes
// Clients grow with it. Sessions grows only with calls, which [Limits] bounds.
type Sizes struct {
	Servers  int // transactions of requests that came
	Clients  int // transactions of requests that were sent
	Sessions int // Call-IDs of calls
}

// Sizes locks one shard after the other, each for a moment.
func (f *Front) Sizes() Sizes {
	var n Sizes
	for _, s := range f.shards {
		s.Lock()
		n.Servers += len(s.servers)
		n.Clients += len(s.clients)
		n.Sessions += len(s.sessions)
		s.Unlock()
	}
	return n
}
