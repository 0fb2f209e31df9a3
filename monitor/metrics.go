package monitor

import (
	"tollgate/acctstack"
	"tollgate/radius"
)

func callMetrics() []metric[Calls] {
	return []metric[Calls]{
		gauge("calls_current", "Calls in the call table.", nil, func(c *Calls) float64 { return float64(c.Current) }),
		gauge("calls_active", "Calls that are connected.", nil, func(c *Calls) float64 { return float64(c.Active) }),
		gauge("calls_peak", "The most calls at once since the start.", nil, func(c *Calls) float64 { return float64(c.Peak) }),
		counter("calls", "Calls admitted to the call table.", nil, func(c *Calls) uint64 { return c.Total }),
		counter("calls_connected", "Calls that were connected at some time.", nil, func(c *Calls) uint64 { return c.Connected }),
		counter("calls_refused", "Calls refused because their start was not recorded.", nil, func(c *Calls) uint64 { return c.Refused }),
		counter("calls_lost", "Ended calls that no module has and that nothing is kept of.", nil, func(c *Calls) uint64 { return c.Lost }),
		counter("calls_overload", "Calls turned away by MaxPending.", nil, func(c *Calls) uint64 { return c.Overload }),
		counter("calls_no_room", "Calls turned away because the journal could not take them.", nil, func(c *Calls) uint64 { return c.NoRoom }),
		counter("calls_unjournalled", "Calls granted without the journal, and entries that it could not write.", nil,
			func(c *Calls) uint64 { return c.Unjournalled }),
		counter("calls_restored", "Calls of a former run that went on in this one.", nil, func(c *Calls) uint64 { return c.Restored }),
	}
}

func datagramMetrics() []metric[Datagrams] {
	return []metric[Datagrams]{
		counter("sip_datagrams_received", "SIP datagrams received.", nil, func(d *Datagrams) uint64 { return d.Received }),
		counter("sip_datagrams_sent", "SIP datagrams sent.", nil, func(d *Datagrams) uint64 { return d.Sent }),
		counter("sip_send_errors", "SIP datagrams that the system did not send.", nil, func(d *Datagrams) uint64 { return d.SendErrors }),
		counter("sip_datagrams_malformed", "Datagrams that were no SIP message.", nil, func(d *Datagrams) uint64 { return d.Malformed }),
		counter("sip_stray_responses", "SIP responses to no request of ours.", nil, func(d *Datagrams) uint64 { return d.Strays }),
	}
}

// instanceMetrics are those of a status; its age, which needs the time, and its state come beside.
func instanceMetrics() []metric[acctstack.Status] {
	labels := []string{"instance"}
	return []metric[acctstack.Status]{
		counter("events_stored", "Events that the backend of the instance has.", labels, func(s *acctstack.Status) uint64 { return s.Stored }),
		counter("events_failed", "Attempts that failed as far as their walk knows.", labels, func(s *acctstack.Status) uint64 { return s.Failed }),
		counter("events_late", "Answers that came after Timeout.", labels, func(s *acctstack.Status) uint64 { return s.Late }),
		gauge("attempts_open", "Attempts that are still open past Timeout.", labels, func(s *acctstack.Status) float64 { return float64(s.Open) }),
		gauge("instance_state_since_timestamp_seconds", "When the instance came into its state, in Unix time; 0 if it never changed.", labels,
			func(s *acctstack.Status) float64 {
				if s.Since.IsZero() {
					return 0
				}
				return float64(s.Since.UnixMilli()) / 1e3
			}),
		gauge("backlog_events", "Events kept for the instance, without those in quarantine.", labels,
			func(s *acctstack.Status) float64 { return float64(s.Backlog) }),
		gauge("backlog_quarantined_events", "Events of the instance that were set aside.", labels,
			func(s *acctstack.Status) float64 { return float64(s.Quarantined) }),
	}
}

func keepingMetrics() []metric[Keeping] {
	labels := []string{"instance"}
	return []metric[Keeping]{
		counter("backlog_kept", "Events that were kept for the instance.", labels, func(k *Keeping) uint64 { return k.Kept }),
		counter("backlog_quarantined", "Kept events that went into quarantine.", labels, func(k *Keeping) uint64 { return k.Quarantined }),
		counter("backlog_dropped", "Kept events that the operator dropped.", labels, func(k *Keeping) uint64 { return k.Dropped }),
	}
}

func journalMetrics() []metric[Journal] {
	return []metric[Journal]{
		gauge("journal_size_bytes", "What the journal's files take, without the ledger's.", nil, func(j *Journal) float64 { return float64(j.Bytes) }),
		gauge("journal_live_bytes", "Of the journal's files, what is still needed.", nil, func(j *Journal) float64 { return float64(j.Live) }),
		gauge("journal_ledger_bytes", "What the ledger's files take.", nil, func(j *Journal) float64 { return float64(j.LedgerBytes) }),
		gauge("journal_reserved_bytes", "Room set aside for what calls and kept events have still to write.", nil,
			func(j *Journal) float64 { return float64(j.Reserved) }),
		gauge("journal_short_bytes", "Room that should be set aside and that the disk does not have.", nil,
			func(j *Journal) float64 { return float64(j.Short) }),
		gauge("journal_live_calls", "Calls that the journal has.", nil, func(j *Journal) float64 { return float64(j.Calls) }),
		gauge("journal_kept_events", "Events that the journal keeps.", nil, func(j *Journal) float64 { return float64(j.Events) }),
		gauge("journal_waiting_records", "Records that are not on the disk yet.", nil, func(j *Journal) float64 { return float64(j.Waiting) }),
		counter("journal_commits", "Writes that were made durable.", nil, func(j *Journal) uint64 { return j.Commits }),
		counter("journal_commit_errors", "Records that were not on the disk when they should have been.", nil,
			func(j *Journal) uint64 { return j.CommitErrors }),
		counter("journal_lost_records", "Records that could not be written at all.", nil, func(j *Journal) uint64 { return j.Lost }),
		counter("journal_lost_answers", "Answers of modules that could not be written to the ledger.", nil,
			func(j *Journal) uint64 { return j.LedgerLost }),
		gauge("journal_damages", "Places that were torn, damaged or missing when the journal was opened.", nil,
			func(j *Journal) float64 { return float64(j.Damages) }),
		gauge("journal_failing", "1 while nothing can be written.", nil, func(j *Journal) float64 { return bit(j.Failing) }),
	}
}

func freeMetrics() []metric[int64] {
	return []metric[int64]{
		gauge("state_free_bytes", "Free space in the file system of StateDir.", nil, func(n *int64) float64 { return float64(*n) }),
	}
}

// radiusMetrics are the counters of RFC 4670's accounting client MIB and some more.
func radiusMetrics() []metric[radius.ServerStats] {
	labels := []string{"instance", "server"}
	return []metric[radius.ServerStats]{
		gauge("radius_server_suspect", "1 while the server is tried only after the others.", labels, func(s *radius.ServerStats) float64 { return bit(s.Suspect) }),
		gauge("radius_pending_requests", "Requests that wait for an answer.", labels, func(s *radius.ServerStats) float64 { return float64(s.Pending) }),
		gauge("radius_sockets", "Source ports that are open.", labels, func(s *radius.ServerStats) float64 { return float64(s.Sockets) }),
		counter("radius_requests", "Requests, without repetitions.", labels, func(s *radius.ServerStats) uint64 { return s.Requests }),
		counter("radius_retransmissions", "Requests sent again.", labels, func(s *radius.ServerStats) uint64 { return s.Retransmissions }),
		counter("radius_responses", "Answers that somebody waited for.", labels, func(s *radius.ServerStats) uint64 { return s.Responses }),
		counter("radius_rejections", "Answers that refused the record.", labels, func(s *radius.ServerStats) uint64 { return s.Rejections }),
		counter("radius_timeouts", "Transmissions without an answer in time.", labels, func(s *radius.ServerStats) uint64 { return s.Timeouts }),
		counter("radius_refused", "ICMP errors.", labels, func(s *radius.ServerStats) uint64 { return s.Refused }),
		counter("radius_bad_authenticators", "Answers with a wrong authenticator.", labels, func(s *radius.ServerStats) uint64 { return s.BadAuthenticators }),
		counter("radius_malformed", "Packets that are no answer to an Accounting-Request.", labels, func(s *radius.ServerStats) uint64 { return s.Malformed }),
		counter("radius_late", "Authentic answers that nobody waited for any more.", labels, func(s *radius.ServerStats) uint64 { return s.Late }),
	}
}

func radiusClientMetrics() []metric[RADIUS] {
	return []metric[RADIUS]{
		counter("radius_attributes_left_out", "Attributes that did not fit into their packets.", []string{"instance"},
			func(s *RADIUS) uint64 { return s.LeftOut }),
	}
}
