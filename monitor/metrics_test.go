package monitor

import (
	"bufio"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/zap"

	"tollgate/acctstack"
	"tollgate/gatekeeper/limits"
	"tollgate/gatekeeper/sip/blocklist"
	"tollgate/radius"
)

// statuses are a stack's instances.
type statuses []acctstack.Status

func (s statuses) Statuses() []acctstack.Status { return s }

// idle are the sources of a gatekeeper that has done nothing yet.
func idle() Sources {
	return Sources{
		Calls:     func() Calls { return Calls{} },
		Datagrams: func() Datagrams { return Datagrams{} },
		Tables:    func() Tables { return Tables{} },
		Answers:   func() map[string]uint64 { return map[string]uint64{"2xx": 0, "4xx": 0} },
		Refusals:  func() map[string]uint64 { return map[string]uint64{"untrusted": 0, "limit": 0} },
		Blocks:    func() blocklist.Stats { return blocklist.Stats{} },
		Gateways:  gatewayList{{Addr: netip.MustParseAddrPort("192.0.2.10:5060")}, {Addr: netip.MustParseAddrPort("[2001:db8::20]:5070")}},
		Limits:    limits.New().Stats,
		Instances: statuses{
			{Counters: acctstack.Counters{Instance: "RadAcct"}}, {Counters: acctstack.Counters{Instance: "RadAcct:backup"}},
			{Counters: acctstack.Counters{Instance: "FileAcct"}},
		},
		Keeping:  func() []Keeping { return nil },
		Journal:  func() Journal { return Journal{} },
		StateDir: "/",

		Maintained: func() bool { return false },
		RADIUS: func() []RADIUS {
			return []RADIUS{
				{Instance: "RadAcct", Stats: radius.Stats{Servers: []radius.ServerStats{{Server: "10.0.0.1:1813"}, {Server: "10.0.0.2:1813"}}}},
				{Instance: "RadAcct:backup", Stats: radius.Stats{Servers: []radius.ServerStats{{Server: "10.0.0.1:1813"}}}},
			}
		},
	}
}

// series are the lines of a scrape by name and labels.
func series(t *testing.T, s *Server) map[string]string {
	t.Helper()
	status, body := get(t, s, "/metrics")
	if status != 200 {
		t.Fatalf("status %d: %s", status, body)
	}
	found := map[string]string{}
	for lines := bufio.NewScanner(strings.NewReader(body)); lines.Scan(); {
		if text := lines.Text(); !strings.HasPrefix(text, "#") {
			at := strings.LastIndexByte(text, ' ')
			found[text[:at]] = text[at+1:]
		}
	}
	return found
}

func TestNamesFollowPrometheusRules(t *testing.T) {
	s := start(t, idle(), nil)
	problems, err := testutil.GatherAndLint(s.registry)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// An alert on a series that is missing until the first event never fires.
func TestEverySeriesExistsFromTheStart(t *testing.T) {
	s := start(t, idle(), nil)
	found := series(t, s)
	for _, name := range []string{"calls_current", "calls_active", "calls_peak", "calls_total", "calls_connected_total", "calls_refused_total",
		"calls_lost_total", "calls_overload_total", "calls_no_room_total", "calls_unjournalled_total", "calls_restored_total",
		"sip_datagrams_received_total", "sip_datagrams_sent_total", "sip_send_errors_total", "sip_datagrams_malformed_total",
		"sip_stray_responses_total", "journal_size_bytes", "journal_live_bytes", "journal_ledger_bytes", "journal_reserved_bytes",
		"journal_short_bytes", "journal_kept_events", "journal_waiting_records", "journal_lost_answers_total", "journal_damages",
		"journal_failing", "journal_commits_total",
		"journal_commit_errors_total", "journal_lost_records_total", "journal_live_calls", "ready",
		"maintenance", "sip_server_transactions", "sip_client_transactions", "sip_sessions", "sip_refused_sources", "sip_blocked_sources",
		"sip_blocks_total", "sip_datagrams_blocked_total", "limit_calls", "limit_sources", "limit_users",
		`call_answers_total{class="2xx"}`, `call_answers_total{class="4xx"}`, `sip_refusals_total{reason="untrusted"}`,
		`sip_refusals_total{reason="limit"}`, `limit_refusals_total{key="MaxCalls"}`, `limit_refusals_total{key="CallRatePerUser"}`,
		`gateways{state="down"}`,
		`config_reloads_total{result="ok"}`, `config_reloads_total{result="failed"}`} {
		expect(t, found, "tollgate_"+name, "0")
	}
	for series, want := range map[string]string{
		`gateways{state="up"}`: "2", `gateway_up{gateway="192.0.2.10:5060"}`: "1", `gateway_up{gateway="[2001:db8::20]:5070"}`: "1",
	} {
		expect(t, found, "tollgate_"+series, want)
	}
	for _, instance := range []string{"RadAcct", "RadAcct:backup", "FileAcct"} {
		for _, name := range []string{"events_stored_total", "events_failed_total", "events_late_total", "attempts_open",
			"instance_state_changes_total", "instance_state_since_timestamp_seconds", "backlog_events", "backlog_quarantined_events",
			"backlog_oldest_age_seconds", "backlog_kept_total", "backlog_quarantined_total", "backlog_dropped_total"} {
			expect(t, found, "tollgate_"+name+`{instance="`+instance+`"}`, "0")
		}
		for state, want := range map[string]string{"up": "1", "down": "0", "draining": "0"} {
			expect(t, found, `tollgate_instance_state{instance="`+instance+`",state="`+state+`"}`, want)
		}
	}
	for _, name := range []string{"radius_server_suspect", "radius_pending_requests", "radius_sockets", "radius_requests_total",
		"radius_retransmissions_total", "radius_responses_total", "radius_rejections_total", "radius_timeouts_total", "radius_refused_total",
		"radius_bad_authenticators_total", "radius_malformed_total", "radius_late_total"} {
		expect(t, found, "tollgate_"+name+`{instance="RadAcct",server="10.0.0.2:1813"}`, "0")
		expect(t, found, "tollgate_"+name+`{instance="RadAcct:backup",server="10.0.0.1:1813"}`, "0")
	}
	expect(t, found, `tollgate_radius_attributes_left_out_total{instance="RadAcct:backup"}`, "0")
	for _, name := range []string{"go_goroutines", "process_start_time_seconds", "tollgate_config_last_reload_success_timestamp_seconds",
		"tollgate_state_free_bytes"} {
		if found[name] == "" || found[name] == "0" {
			t.Errorf("%s is %q", name, found[name])
		}
	}
}

func expect(t *testing.T, found map[string]string, name, want string) {
	t.Helper()
	if got, ok := found[name]; !ok || got != want {
		t.Errorf("%s is %q, want %s", name, got, want)
	}
}

func TestValues(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	sources := Sources{
		Calls: func() Calls {
			return Calls{Current: 1, Active: 2, Peak: 3, Total: 4, Connected: 5, Refused: 6, Lost: 7, Overload: 8, NoRoom: 9, Unjournalled: 10, Restored: 11}
		},
		Datagrams: func() Datagrams { return Datagrams{Received: 1, Sent: 2, SendErrors: 3, Malformed: 4, Strays: 5} },
		Instances: statuses{
			{Counters: acctstack.Counters{Instance: "RadAcct", Stored: 1, Failed: 2, Late: 3, Open: 4}, State: acctstack.Draining,
				Since: now.Add(-time.Minute), Backlog: 5, Oldest: now.Add(-90 * time.Second), Quarantined: 6},
			{Counters: acctstack.Counters{Instance: "SQLAcct"}, Oldest: now.Add(time.Hour)}, // the clock was set back
			{Counters: acctstack.Counters{Instance: "RadAcct", Stored: 99}},
		},
		Keeping: func() []Keeping { return []Keeping{{"RadAcct", 1, 2, 3}, {"Gone", 9, 9, 9}} },
		Journal: func() Journal {
			return Journal{Bytes: 1 << 20, Reserved: 2, Short: 3, Commits: 4, CommitErrors: 5, Lost: 6, Calls: 7, Live: 8, LedgerBytes: 9, Events: 10,
				Waiting: 11, LedgerLost: 12, Damages: 13, Failing: true}
		},
		RADIUS: func() []RADIUS {
			return []RADIUS{{Instance: "RadAcct", Stats: radius.Stats{LeftOut: 1, Servers: []radius.ServerStats{
				{Server: "a:1", Suspect: true, Pending: 2, Sockets: 3, Requests: 4, Retransmissions: 5, Responses: 6, Rejections: 7, Timeouts: 8,
					Refused: 9, BadAuthenticators: 10, Malformed: 11, Late: 12}, {Server: "a:1"}, {Server: "\xff:1"}}}}, {Instance: "RadAcct"}}
		},
	}
	s := start(t, sources, nil)
	s.StateChanged(acctstack.Status{Counters: acctstack.Counters{Instance: "RadAcct"}}, acctstack.Up)
	s.StateChanged(acctstack.Status{Counters: acctstack.Counters{Instance: "RadAcct"}}, acctstack.Down)
	s.Reloaded(true)
	s.Reloaded(false)
	s.Reloaded(false)
	c := newCollector(sources, s.own)
	c.now = func() time.Time { return now }
	const want = `# HELP tollgate_backlog_oldest_age_seconds How long ago the oldest event that is kept for the instance happened; 0 if there is none.
# TYPE tollgate_backlog_oldest_age_seconds gauge
tollgate_backlog_oldest_age_seconds{instance="RadAcct"} 90
tollgate_backlog_oldest_age_seconds{instance="SQLAcct"} 0
`
	if err := testutil.CollectAndCompare(c, strings.NewReader(want), "tollgate_backlog_oldest_age_seconds"); err != nil {
		t.Error(err)
	}
	found := series(t, s)
	for name, value := range map[string]string{
		"calls_current": "1", "calls_active": "2", "calls_peak": "3", "calls_total": "4", "calls_connected_total": "5", "calls_refused_total": "6",
		"calls_lost_total": "7", "calls_overload_total": "8", "calls_no_room_total": "9", "calls_unjournalled_total": "10", "calls_restored_total": "11",
		"sip_datagrams_received_total": "1", "sip_datagrams_sent_total": "2", "sip_send_errors_total": "3", "sip_datagrams_malformed_total": "4",
		"sip_stray_responses_total": "5", "journal_size_bytes": "1.048576e+06", "journal_reserved_bytes": "2", "journal_short_bytes": "3",
		"journal_live_bytes": "8", "journal_ledger_bytes": "9", "journal_kept_events": "10", "journal_waiting_records": "11",
		"journal_lost_answers_total": "12", "journal_damages": "13", "journal_failing": "1",
		"journal_commits_total": "4", "journal_commit_errors_total": "5", "journal_lost_records_total": "6", "journal_live_calls": "7",
		`events_stored_total{instance="RadAcct"}`: "1", `events_failed_total{instance="RadAcct"}`: "2", `events_late_total{instance="RadAcct"}`: "3",
		`attempts_open{instance="RadAcct"}`: "4", `backlog_events{instance="RadAcct"}`: "5", `backlog_quarantined_events{instance="RadAcct"}`: "6",
		`instance_state{instance="RadAcct",state="draining"}`: "1", `instance_state{instance="RadAcct",state="up"}`: "0",
		`instance_state{instance="SQLAcct",state="up"}`: "1", `instance_state_since_timestamp_seconds{instance="RadAcct"}`: "1.79552154e+09",
		`instance_state_changes_total{instance="RadAcct"}`: "2", `instance_state_changes_total{instance="SQLAcct"}`: "0",
		`backlog_kept_total{instance="RadAcct"}`: "1", `backlog_quarantined_total{instance="RadAcct"}`: "2", `backlog_dropped_total{instance="RadAcct"}`: "3",
		`backlog_kept_total{instance="SQLAcct"}`: "0", `radius_attributes_left_out_total{instance="RadAcct"}`: "1",
		`radius_server_suspect{instance="RadAcct",server="a:1"}`: "1", `radius_late_total{instance="RadAcct",server="a:1"}`: "12",
		`radius_requests_total{instance="RadAcct",server="a:1"}`: "4", `radius_requests_total{instance="RadAcct",server="?:1"}`: "0",
		`config_reloads_total{result="ok"}`: "1", `config_reloads_total{result="failed"}`: "2",
	} {
		expect(t, found, "tollgate_"+name, value)
	}
}

// The labels of every series have names and values that the configuration knows.
func TestLabelsAreClosed(t *testing.T) {
	s := start(t, idle(), nil)
	allowed := map[string][]string{
		"instance": {"RadAcct", "RadAcct:backup", "FileAcct"}, "server": {"10.0.0.1:1813", "10.0.0.2:1813"},
		"gateway": {"192.0.2.10:5060", "[2001:db8::20]:5070"}, "class": {"2xx", "4xx"}, "reason": {"untrusted", "limit"},
		"key":   {"MaxCalls", "CallRate", "MaxCallsPerSource", "CallRatePerSource", "MaxCallsPerUser", "CallRatePerUser"},
		"state": {"up", "down", "draining"}, "result": {"ok", "failed"}, "version": {"1.2.3"}, "goversion": nil,
	}
	families, err := s.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if !strings.HasPrefix(family.GetName(), "tollgate_") {
			continue
		}
		for _, m := range family.GetMetric() {
			for _, label := range m.GetLabel() {
				values, known := allowed[label.GetName()]
				if !known || values != nil && !slices.Contains(values, label.GetValue()) {
					t.Errorf("%s has %s=%q", family.GetName(), label.GetName(), label.GetValue())
				}
			}
		}
	}
}

func TestSourcesMayBeMissing(t *testing.T) {
	s := start(t, Sources{}, nil)
	for name := range series(t, s) {
		if strings.HasPrefix(name, "tollgate_calls") || strings.HasPrefix(name, "tollgate_journal") || strings.Contains(name, "instance=") {
			t.Errorf("%s has no source", name)
		}
	}
}

// README.md lists every metric, and none that does not exist.
func TestREADME(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, idle(), nil)
	families, err := s.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	exist := map[string]bool{}
	for _, family := range families {
		if strings.HasPrefix(family.GetName(), "tollgate_") {
			exist[family.GetName()] = true
		}
	}
	listed := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| `(tollgate_[a-z_]+)`").FindAllStringSubmatch(string(text), -1) {
		listed[row[1]] = true
		if !exist[row[1]] {
			t.Errorf("README.md lists %s, which does not exist", row[1])
		}
	}
	for name := range exist {
		if !listed[name] {
			t.Errorf("README.md does not list %s", name)
		}
	}
}

func BenchmarkScrape(b *testing.B) {
	s, err := New(Options{Sources: idle(), Log: zap.NewNop()})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.registry.Gather(); err != nil {
			b.Fatal(err)
		}
	}
}
