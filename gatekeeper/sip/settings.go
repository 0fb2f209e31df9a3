package sip

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"tollgate/config"
	"tollgate/gatekeeper/sip/blocklist"
	"tollgate/gatekeeper/sip/routes"
)

// Settings are the operator's choices about SIP that may change while calls are up.
type Settings struct {
	Routes       *routes.Table
	Trusted      []netip.Prefix
	RefuseStatus int

	NextTarget      time.Duration // how long a target may say nothing while there is another one
	FailoverOn      []int         // final answers behind which the next target is asked; a class as its hundreds
	FollowRedirects bool

	SessionExpires    time.Duration // the longest session interval (RFC 4028), and how long a call may go without a sign of life; 0: any
	MinSE             time.Duration // the shortest session interval
	KeepAlive         time.Duration // between two OPTIONS inside a dialog; 0: none
	KeepAliveFailures int           // in a row

	Health routes.Settings
	Block  blocklist.Settings
}

// Keys are the keys of [SIP].
func Keys() []config.Key {
	return []config.Key{
		{Name: "Listen", Kind: config.String, Default: "udp:127.0.0.1:5060", Check: checkListen,
			Doc: "The addresses that SIP peers reach, as udp:ADDRESS:PORT, separated by commas."},
		{Name: "TrustedPeers", Kind: config.String, Default: "127.0.0.0/8,::1", Check: checkTrusted,
			Doc: "Addresses and networks whose calls need no credentials; an INVITE from anywhere else is answered 403."},
		{Name: "RefuseStatus", Kind: config.Int, Default: "503", Min: 400, Max: 699,
			Doc: "The status that answers an INVITE whose start could not be accounted."},
		{Name: "NextTargetAfter", Kind: config.Duration, Unit: "s", Default: "5", Min: 1, Max: 32,
			Doc: "How long a target may say nothing at all before the next one of its route is tried."},
		{Name: "FailoverOn", Kind: config.String, Default: "408,503", Check: checkFailover,
			Doc: "The final answers of a target behind which the next one of its route is tried: statuses, and classes such as 5xx, separated by commas."},
		{Name: "Redirects", Kind: config.Enum, Default: "relay", Values: []string{"relay", "follow"},
			Doc: "What becomes of a 3xx: relay gives it to the caller, follow sends the call to the addresses that its Contacts name, wherever they are, within the same record."},
		{Name: "SessionExpires", Kind: config.Duration, Unit: "s", Default: "1800", Min: 0, Max: 86400,
			Doc: "The longest session interval that calls may agree on (RFC 4028), and how long one without such an agreement goes on before both sides are asked whether they are still there; 0 asks for no interval and asks nobody."},
		{Name: "MinSE", Kind: config.Duration, Unit: "s", Default: "90", Min: 90, Max: 86400,
			Doc: "The shortest session interval; a request for less is answered 422."},
		{Name: "KeepAlive", Kind: config.Duration, Unit: "s", Default: "0", Min: 0, Max: 86400,
			Doc: "How often both sides of a connected call are asked with an OPTIONS inside the call whether they are still in it; 0 asks only at the end of the session interval."},
		{Name: "KeepAliveFailures", Kind: config.Int, Default: "3", Min: 1, Max: 100,
			Doc: "How many OPTIONS of KeepAlive in a row a side may leave without an answer before its call ends; an answer that it knows no such call ends it at once."},
		{Name: "GatewayFailures", Kind: config.Int, Default: "2", Min: 1, Max: 100,
			Doc: "How many requests in a row a gateway of [SIP::Routes] may leave without any answer before it is down: it is skipped where its route has another one."},
		{Name: "GatewayRetry", Kind: config.Duration, Unit: "s", Default: "10", Min: 1, Max: 3600,
			Doc: "How often a gateway that is down is asked with OPTIONS; any answer but 408 and 503 brings it back."},
		{Name: "GatewayProbe", Kind: config.Duration, Unit: "s", Default: "0", Min: 0, Max: 3600,
			Doc: "How often each gateway is asked with OPTIONS, so that it is known to be down before a call finds out; 0 asks only those that are down."},
		{Name: "BlockAfter", Kind: config.Int, Default: "20", Min: 0, Max: 1000000,
			Doc: "How many refusals within BlockWithin make that an address, which is no trusted peer, is not answered at all for BlockTime; 0 blocks nobody."},
		{Name: "BlockWithin", Kind: config.Duration, Unit: "s", Default: "60", Min: 1, Max: 86400,
			Doc: "The time that BlockAfter counts in."},
		{Name: "BlockTime", Kind: config.Duration, Unit: "s", Default: "600", Min: 1, Max: 604800,
			Doc: "How long an address is blocked."},
	}
}

func checkListen(raw string) error {
	_, err := ParseListen(raw)
	return err
}

func checkTrusted(raw string) error {
	_, err := parseTrusted(raw)
	return err
}

// ParseSettings reads [SIP] and [SIP::Routes].
func ParseSettings(main, table *config.Section) (*Settings, config.Problems) {
	s := &Settings{
		RefuseStatus:    int(main.Int("RefuseStatus")),
		NextTarget:      main.Duration("NextTargetAfter"),
		FollowRedirects: main.Text("Redirects") == "follow",
		SessionExpires:  main.Duration("SessionExpires"), MinSE: main.Duration("MinSE"),
		KeepAlive: main.Duration("KeepAlive"), KeepAliveFailures: int(main.Int("KeepAliveFailures")),
		Health: routes.Settings{Failures: int(main.Int("GatewayFailures")), Interval: main.Duration("GatewayProbe"),
			Retry: main.Duration("GatewayRetry")},
		Block: blocklist.Settings{After: int(main.Int("BlockAfter")), Within: main.Duration("BlockWithin"), Time: main.Duration("BlockTime")},
	}
	s.FailoverOn, _ = parseFailover(main.Text("FailoverOn")) // Check has parsed it
	var problems config.Problems
	s.Routes, problems = routes.Parse(table)
	trusted, err := parseTrusted(main.Text("TrustedPeers"))
	if err != nil {
		problems = append(problems, main.Problem("TrustedPeers", "%v", err))
	}
	s.Trusted = trusted
	if listen, err := ParseListen(main.Text("Listen")); err == nil {
		problems = append(problems, s.Routes.Unreachable(listen, table)...)
	}
	if len(table.Entries) == 0 {
		problems = append(problems, table.Warning("", "no route: every call will be answered 404; add one as in *=sip:127.0.0.1:5070"))
	}
	return s, problems
}

func checkFailover(raw string) error {
	_, err := parseFailover(raw)
	return err
}

// parseFailover reads "408,503,5xx".
func parseFailover(raw string) ([]int, error) {
	var list []int
	for _, item := range splitList(raw) {
		class, isClass := strings.CutSuffix(strings.ToLower(item), "xx")
		n, err := strconv.Atoi(class)
		switch {
		case err != nil, isClass && (n < 3 || n > 5), !isClass && (n < 300 || n > 599):
			return nil, fmt.Errorf("%q is neither a status from 300 to 599 nor a class such as 5xx", item)
		}
		list = append(list, n)
	}
	return list, nil
}

// failsOver tells whether the next target is asked behind that final answer.
func (s *Settings) failsOver(status int) bool {
	return slices.Contains(s.FailoverOn, status) || slices.Contains(s.FailoverOn, status/100)
}

// nextTarget is NextTarget, for settings that were not read too.
func (s *Settings) nextTarget() time.Duration { return cmp.Or(s.NextTarget, 5*time.Second) }

// keepAliveFailures is KeepAliveFailures, for settings that were not read too.
func (s *Settings) keepAliveFailures() uint8 { return uint8(cmp.Or(s.KeepAliveFailures, 3)) }

func splitList(raw string) []string {
	return strings.FieldsFunc(raw, func(c rune) bool { return c == ',' || c == ' ' || c == '\t' })
}

func cutScheme(item string) (scheme, rest string, ok bool) {
	scheme, rest, ok = strings.Cut(item, ":")
	return strings.ToLower(scheme), rest, ok
}

func parseTrusted(raw string) ([]netip.Prefix, error) {
	var prefixes []netip.Prefix
	for _, item := range splitList(raw) {
		prefix, err := netip.ParsePrefix(item)
		if err != nil {
			addr, err := netip.ParseAddr(item)
			if err != nil {
				return nil, fmt.Errorf("%q is neither an address nor a network such as 192.0.2.0/24", item)
			}
			prefix = netip.PrefixFrom(addr, addr.BitLen())
		}
		prefixes = append(prefixes, prefix)
	}
	return prefixes, nil
}

func (s *Settings) trusts(addr netip.Addr) bool {
	for _, p := range s.Trusted {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}
