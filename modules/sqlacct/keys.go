package sqlacct

import (
	"fmt"
	"strings"

	"tollgate/acctstack"
	"tollgate/config"
)

// drivers are GnuGk's. Only the first is built in.
var drivers = []string{"SQLite", "PostgreSQL", "MySQL", "ODBC", "Firebird", "Oracle", "redis"}

func keys() []config.Key {
	query := func(name, doc, example string) config.Key {
		return config.Key{Name: name, Kind: config.Template, Doc: doc, Example: example}
	}
	return []config.Key{
		{Name: "Driver", Kind: config.String, Default: drivers[0], Check: checkDriver,
			Doc: "The kind of database; SQLite, embedded, is the only one so far."},
		{Name: "Database", Kind: config.Path, Example: "cdr.db",
			Doc: "The database file, relative to StateDir; it is created with mode 0600 if missing."},
		{Name: "Sync", Kind: config.Enum, Default: "always", Values: []string{"always", "none"},
			Doc: "always forces each transaction to the disk before its events count as stored, so that they survive a power failure; with none a power failure can lose what was stored last."},
		{Name: "BusyTimeout", Kind: config.Duration, Unit: "s", Default: "5", Min: 0, Max: 60,
			Doc: "How long a database that another program has locked is waited for."},
		{Name: "OnceOnly", Kind: config.Bool, Default: "1",
			Doc: "1 stores an event that is delivered twice only once, by its id in the table tollgate_events, which is made if missing; 0 makes no table."},
		{Name: "OnceOnlyKeep", Kind: config.Duration, Unit: "d", Default: "30", Max: 36500,
			Doc: "How long the ids in tollgate_events are kept, at least 1h, 0 for ever; an event delivered again later than that is stored again."},
		acctstack.TimestampKey("The form of times in the queries; empty means the global format."),
		query("InitQuery", "Statements that run at each start and must bear repetition, separated by semicolons; no placeholders.",
			"CREATE TABLE IF NOT EXISTS calls (session_id TEXT PRIMARY KEY, username TEXT, duration INTEGER, cause INTEGER)"),
		query("StartQuery", "The query of start events.", "INSERT INTO calls (session_id, username) VALUES (%s, %u)"),
		query("StartQueryAlt", "Runs if StartQuery fails or affects no row.", ""),
		query("AlertQuery", "The query of alert events.", ""),
		query("UpdateQuery", "The query of update and connect events.", "UPDATE calls SET duration = %d WHERE session_id = %s"),
		query("StopQuery", "The query of stop events.", "UPDATE calls SET duration = %d, cause = %c WHERE session_id = %s"),
		query("StopQueryAlt", "Runs if StopQuery fails or affects no row.",
			"INSERT INTO calls (session_id, username, duration, cause) VALUES (%s, %u, %d, %c)"),
		query("RegisterQuery", "The query of register events.", ""),
		query("UnregisterQuery", "The query of unregister events.", ""),
		query("OnQuery", "The query of the gatekeeper's start.", ""),
		query("OffQuery", "The query of the gatekeeper's end.", ""),
	}
}

func foreign() []config.Foreign {
	const reason = "the embedded SQLite has no server, login or pool"
	var keys []config.Foreign
	for _, name := range []string{"Library", "Host", "Username", "Password", "ConnectTimeout", "ReadTimeout", "MinPoolSize", "MaxPoolSize"} {
		keys = append(keys, config.Foreign{Name: name, Reason: reason})
	}
	return append(keys, config.Foreign{Name: "CacheTimeout", Reason: "GnuGk accepts it, but it has no use there either"})
}

func checkDriver(raw string) error {
	if strings.EqualFold(raw, drivers[0]) {
		return nil
	}
	for _, name := range drivers[1:] {
		if strings.EqualFold(raw, name) {
			return fmt.Errorf("%s is not built in yet; %s is", name, drivers[0])
		}
	}
	return fmt.Errorf("%q is unknown; allowed: %s", raw, drivers[0])
}
