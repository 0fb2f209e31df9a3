package syslogacct

import (
	"fmt"
	"strings"

	"tollgate/acctstack"
	"tollgate/config"
)

func keys() []config.Key {
	keys := []config.Key{
		{Name: "Server", Kind: config.String, Default: "unix:/dev/log", Check: checkServer,
			Doc: "Where messages go: unix:PATH of the local daemon's socket, or udp:HOST:PORT."},
		{Name: "SyslogFacility", Kind: config.String, Default: "LOG_USER", Check: checkFacility,
			Doc: "LOG_USER, LOG_DAEMON, LOG_AUTH, or LOG_LOCAL0 to LOG_LOCAL7; LOG_ may be left out."},
		{Name: "SyslogLevel", Kind: config.String, Default: "LOG_INFO", Check: checkLevel,
			Doc: "LOG_EMERG, LOG_ALERT, LOG_CRIT, LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_INFO or LOG_DEBUG; LOG_ may be left out."},
		{Name: "Ident", Kind: config.String, Default: "tollgate", Check: checkIdent,
			Doc: "The program's name in the messages; GnuGk's is GnuGk."},
	}
	keys = append(keys,
		config.Key{Name: "QueueWait", Kind: config.Duration, Unit: "ms", Default: "250", Min: 0, Max: 10000,
			Doc: "How long an event may wait while the local daemon's queue is full; after one has waited in vain, events fail at once until the daemon takes one again; 0 never waits."},
		config.Key{Name: "Escape", Kind: config.Bool, Default: "1",
			Doc: "Whether separators, quotes and control characters in values are written %XX; 0 is GnuGk's form, in which a caller can forge messages."},
	)
	for _, e := range events {
		keys = append(keys, config.Key{Name: e.key, Kind: config.Template, Default: e.text,
			Doc: "The message of " + e.kind.String() + " events, values in double quotes; empty sends none."})
	}
	return append(keys, acctstack.TimestampKey("The form of times in the texts; empty means the global format."))
}

// name is a word of syslog(3) and its number.
type name struct {
	word  string // without LOG_
	value int
}

// The facilities that GnuGk accepts, and the levels, with the numbers of RFC 5424 6.2.1.
var (
	facilities = []name{{"USER", 1 << 3}, {"DAEMON", 3 << 3}, {"AUTH", 4 << 3}, {"LOCAL0", 16 << 3}, {"LOCAL1", 17 << 3},
		{"LOCAL2", 18 << 3}, {"LOCAL3", 19 << 3}, {"LOCAL4", 20 << 3}, {"LOCAL5", 21 << 3}, {"LOCAL6", 22 << 3}, {"LOCAL7", 23 << 3}}
	levels = []name{{"EMERG", 0}, {"ALERT", 1}, {"CRIT", 2}, {"ERR", 3}, {"WARNING", 4}, {"NOTICE", 5}, {"INFO", 6}, {"DEBUG", 7}}
)

func parseFacility(text string) (int, error) { return lookUp(text, facilities) }

func parseLevel(text string) (int, error) { return lookUp(text, levels) }

func lookUp(text string, names []name) (int, error) {
	word := strings.TrimPrefix(strings.ToUpper(strings.TrimSpace(text)), "LOG_")
	known := make([]string, len(names))
	for i, n := range names {
		if n.word == word {
			return n.value, nil
		}
		known[i] = "LOG_" + n.word
	}
	return 0, fmt.Errorf("%q is none of %s", text, strings.Join(known, " "))
}

// maxIdent is the longest TAG of RFC 3164 4.1.3.
const maxIdent = 32

func checkIdent(raw string) error {
	if raw == "" || len(raw) > maxIdent {
		return fmt.Errorf("%q must have 1 to %d characters", raw, maxIdent)
	}
	for _, c := range []byte(raw) {
		if c <= ' ' || c > '~' || strings.IndexByte("[]:<>", c) >= 0 {
			return fmt.Errorf("%q may hold no blank, bracket, colon or control character", raw)
		}
	}
	return nil
}

func checkFacility(raw string) error {
	_, err := parseFacility(raw)
	return err
}

func checkLevel(raw string) error {
	_, err := parseLevel(raw)
	return err
}

func checkServer(raw string) error {
	_, err := parseServer(raw)
	return err
}
