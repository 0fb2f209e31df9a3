package radius

import "sync/atomic"

// counters of one server.
type counters struct {
	requests, retransmissions, responses, rejections, timeouts, refused atomic.Uint64
	badAuthenticators, malformed, late                                  atomic.Uint64
}

// Stats are a client's counters at one moment.
type Stats struct {
	Servers []ServerStats // in the order of the configuration
	LeftOut uint64        // attributes that did not fit into their packets
}

// ServerStats are the counters of one server, those of RFC 4670's client MIB and some more.
type ServerStats struct {
	Server            string // HOST:PORT
	Suspect           bool
	Pending           int    // requests that wait for an answer now
	Sockets           int    // source ports that are open
	Requests          uint64 // new requests, without repetitions
	Retransmissions   uint64
	Responses         uint64 // answers that somebody waited for
	Rejections        uint64 // of these, those that refused the record
	Timeouts          uint64 // transmissions without an answer in time
	Refused           uint64 // ICMP errors
	BadAuthenticators uint64
	Malformed         uint64 // and packets that are no answer to an Accounting-Request
	Late              uint64 // authentic answers that nobody waited for any more: late ones, duplicates
}

// Stats reads the counters.
func (c *Client) Stats() Stats {
	stats := Stats{LeftOut: c.leftOut.Load()}
	for _, s := range c.servers {
		stats.Servers = append(stats.Servers, s.snapshot())
	}
	return stats
}

func (s *server) snapshot() ServerStats {
	s.mu.Lock()
	suspect, sockets := s.suspect, len(s.sockets)
	s.mu.Unlock()
	return ServerStats{
		Server: s.name, Suspect: suspect, Pending: len(s.window), Sockets: sockets,
		Requests: s.requests.Load(), Retransmissions: s.retransmissions.Load(),
		Responses: s.responses.Load(), Rejections: s.rejections.Load(),
		Timeouts: s.timeouts.Load(), Refused: s.refused.Load(),
		BadAuthenticators: s.badAuthenticators.Load(), Malformed: s.malformed.Load(), Late: s.late.Load(),
	}
}
