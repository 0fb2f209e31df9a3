package monitor

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"tollgate/gatekeeper/limits"
	"tollgate/gatekeeper/sip/blocklist"
	"tollgate/gatekeeper/sip/routes"
)

type gatewayList []routes.State

func (g gatewayList) Gateways() []routes.State { return g }

// numbered are n gateways, of which those are down that have one of the numbers.
func numbered(n int, down ...int) gatewayList {
	list := make(gatewayList, n)
	for i := range list {
		list[i].Addr = netip.MustParseAddrPort(fmt.Sprintf("192.0.2.1:%d", 1000+i))
	}
	for _, i := range down {
		list[i].Down = true
	}
	return list
}

// Every number of a source has its own metric.
func TestTrafficMetrics(t *testing.T) {
	s := start(t, Sources{
		Tables:     func() Tables { return Tables{Servers: 1, Clients: 2, Sessions: 3} },
		Answers:    func() map[string]uint64 { return map[string]uint64{"2xx": 4, "4xx": 5} },
		Refusals:   func() map[string]uint64 { return map[string]uint64{"untrusted": 6, "limit": 7} },
		Blocks:     func() blocklist.Stats { return blocklist.Stats{Sources: 8, Blocked: 9, Blocks: 10, Dropped: 11} },
		Gateways:   numbered(3, 1),
		Maintained: func() bool { return true },
		Limits: func() limits.Stats {
			return limits.Stats{Calls: 12, Sources: 13, Users: 14, Refused: []limits.Refusals{{Key: limits.MaxCalls, Count: 15}, {Key: limits.CallRate, Count: 16}}}
		},
	}, nil)
	found := series(t, s)
	for name, value := range map[string]string{
		"sip_server_transactions": "1", "sip_client_transactions": "2", "sip_sessions": "3",
		`call_answers_total{class="2xx"}`: "4", `call_answers_total{class="4xx"}`: "5",
		`sip_refusals_total{reason="untrusted"}`: "6", `sip_refusals_total{reason="limit"}`: "7",
		"sip_refused_sources": "8", "sip_blocked_sources": "9", "sip_blocks_total": "10", "sip_datagrams_blocked_total": "11",
		"limit_calls": "12", "limit_sources": "13", "limit_users": "14",
		`limit_refusals_total{key="MaxCalls"}`: "15", `limit_refusals_total{key="CallRate"}`: "16",
		`gateways{state="up"}`: "2", `gateways{state="down"}`: "1", "maintenance": "1",
		`gateway_up{gateway="192.0.2.1:1000"}`: "1", `gateway_up{gateway="192.0.2.1:1001"}`: "0", `gateway_up{gateway="192.0.2.1:1002"}`: "1",
	} {
		expect(t, found, "tollgate_"+name, value)
	}
}

// However many gateways there are, the number of series is bounded, and none that is down is hidden.
func TestManyGateways(t *testing.T) {
	for _, tt := range []struct {
		name   string
		list   gatewayList
		series int
		other  string // "": there is no such series
	}{
		{"none", nil, 0, ""},
		{"as many as have a series", numbered(maxGateways, 3), maxGateways, ""},
		{"one more", numbered(maxGateways+1, 3), maxGateways + 1, "1"},
		{"many", numbered(5000), maxGateways + 1, "1"},
		{"many, the last one down", numbered(5000, 4999), maxGateways + 1, "0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n, found := 0, series(t, start(t, Sources{Gateways: tt.list}, nil))
			for name := range found {
				if strings.HasPrefix(name, "tollgate_gateway_up{") {
					n++
				}
			}
			if other := found[`tollgate_gateway_up{gateway="other"}`]; n != tt.series || other != tt.other {
				t.Errorf("%d series, other is %q, want %d and %q", n, other, tt.series, tt.other)
			}
		})
	}
}
