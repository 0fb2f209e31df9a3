package monitor

import (
	"github.com/prometheus/client_golang/prometheus"

	"tollgate/gatekeeper/limits"
	"tollgate/gatekeeper/sip/blocklist"
	"tollgate/gatekeeper/sip/routes"
)

// maxGateways is how many gateways have a series of their own. A table of routes may name thousands; all others are one series.
const maxGateways = 256

// otherGateways is the label of the series of all gateways past maxGateways. No address can be written so.
const otherGateways = "other"

// traffic collects what concerns the calls that come and whom they go to.
type traffic struct {
	sources Sources

	tables     []metric[Tables]
	blocks     []metric[blocklist.Stats]
	limits     []metric[limits.Stats]
	maintained []metric[bool]
	answers    *prometheus.Desc
	refusals   *prometheus.Desc
	exceeded   *prometheus.Desc
	gateways   *prometheus.Desc
	gateway    *prometheus.Desc
}

func newTraffic(sources Sources) *traffic {
	desc := func(name, help, label string) *prometheus.Desc {
		return prometheus.NewDesc(namespace+"_"+name, help, []string{label}, nil)
	}
	return &traffic{
		sources: sources, tables: tableMetrics(), blocks: blockMetrics(), limits: limitMetrics(), maintained: maintenanceMetrics(),
		answers:  desc("call_answers_total", "Final answers that callers got to INVITEs that made a call, by the class of the status.", "class"),
		refusals: desc("sip_refusals_total", "Requests that made no call because they were refused.", "reason"),
		exceeded: desc("limit_refusals_total", "Calls refused by the key of [Limits].", "key"),
		gateways: desc("gateways", "Gateways of [SIP::Routes] that are in the state.", "state"),
		gateway: desc("gateway_up", "1 unless the gateway is down; other stands for all past the first 256 of the file: 0 if one of them is down.",
			"gateway"),
	}
}

// Describe names every metric that Collect may send.
func (t *traffic) Describe(out chan<- *prometheus.Desc) {
	describe(out, t.tables)
	describe(out, t.blocks)
	describe(out, t.limits)
	describe(out, t.maintained)
	for _, d := range []*prometheus.Desc{t.answers, t.refusals, t.exceeded, t.gateways, t.gateway} {
		out <- d
	}
}

// Collect reads the sources.
func (t *traffic) Collect(out chan<- prometheus.Metric) {
	if t.sources.Tables != nil {
		tables := t.sources.Tables()
		collect(out, t.tables, &tables)
	}
	if t.sources.Answers != nil {
		sendCounts(out, t.answers, t.sources.Answers())
	}
	if t.sources.Refusals != nil {
		sendCounts(out, t.refusals, t.sources.Refusals())
	}
	if t.sources.Blocks != nil {
		blocks := t.sources.Blocks()
		collect(out, t.blocks, &blocks)
	}
	if t.sources.Limits != nil {
		stats := t.sources.Limits()
		collect(out, t.limits, &stats)
		for _, r := range stats.Refused {
			send(out, t.exceeded, prometheus.CounterValue, float64(r.Count), r.Key)
		}
	}
	if t.sources.Gateways != nil {
		t.collectGateways(out, t.sources.Gateways.Gateways())
	}
	if t.sources.Maintained != nil {
		on := t.sources.Maintained()
		collect(out, t.maintained, &on)
	}
}

// sendCounts sends a counter for each value of the label.
func sendCounts(out chan<- prometheus.Metric, desc *prometheus.Desc, counts map[string]uint64) {
	for value, n := range counts {
		send(out, desc, prometheus.CounterValue, float64(n), value)
	}
}

// collectGateways sends the first gateways of the file one by one, and the others together.
func (t *traffic) collectGateways(out chan<- prometheus.Metric, list []routes.State) {
	down, othersDown := 0, false
	for i := range list {
		if list[i].Down {
			down++
		}
		if i < maxGateways {
			send(out, t.gateway, prometheus.GaugeValue, bit(!list[i].Down), list[i].Addr.String())
		} else {
			othersDown = othersDown || list[i].Down
		}
	}
	if len(list) > maxGateways {
		send(out, t.gateway, prometheus.GaugeValue, bit(!othersDown), otherGateways)
	}
	send(out, t.gateways, prometheus.GaugeValue, float64(len(list)-down), "up")
	send(out, t.gateways, prometheus.GaugeValue, float64(down), "down")
}

func tableMetrics() []metric[Tables] {
	return []metric[Tables]{
		gauge("sip_server_transactions", "Requests that came and are still remembered, for 32 s behind their answer.", nil,
			func(t *Tables) float64 { return float64(t.Servers) }),
		gauge("sip_client_transactions", "Requests that were sent and are still remembered.", nil,
			func(t *Tables) float64 { return float64(t.Clients) }),
		gauge("sip_sessions", "Call-IDs of calls.", nil, func(t *Tables) float64 { return float64(t.Sessions) }),
	}
}

func blockMetrics() []metric[blocklist.Stats] {
	return []metric[blocklist.Stats]{
		gauge("sip_refused_sources", "Sources whose refusals are being counted.", nil, func(s *blocklist.Stats) float64 { return float64(s.Sources) }),
		gauge("sip_blocked_sources", "Sources that are not answered.", nil, func(s *blocklist.Stats) float64 { return float64(s.Blocked) }),
		counter("sip_blocks", "Blocks of sources that have begun.", nil, func(s *blocklist.Stats) uint64 { return s.Blocks }),
		counter("sip_datagrams_blocked", "SIP datagrams of blocked sources, which were not answered.", nil,
			func(s *blocklist.Stats) uint64 { return s.Dropped }),
	}
}

func limitMetrics() []metric[limits.Stats] {
	return []metric[limits.Stats]{
		gauge("limit_calls", "Calls that count for [Limits].", nil, func(s *limits.Stats) float64 { return float64(s.Calls) }),
		gauge("limit_sources", "Sources that [Limits] remembers.", nil, func(s *limits.Stats) float64 { return float64(s.Sources) }),
		gauge("limit_users", "Users that [Limits] remembers.", nil, func(s *limits.Stats) float64 { return float64(s.Users) }),
	}
}

func maintenanceMetrics() []metric[bool] {
	return []metric[bool]{
		gauge("maintenance", "1 while new calls are turned away by MaintenanceMode, or because the program ends.", nil, func(on *bool) float64 { return bit(*on) }),
	}
}
