-- Tables for [SQLAcct] with SQLite. Load them once:
--
--   sqlite3 /var/lib/tollgate/cdr.db < sqlite.sql
--
-- or write the statements into InitQuery, on one line. All times are UTC. The section that goes with them:
--
--   [SQLAcct]
--   Database=/var/lib/tollgate/cdr.db
--   TimestampFormat=UTC MySQL
--   StartQuery=INSERT INTO calls (session_id, event_id, gatekeeper, number, call_id, sip_call_id, username, calling, called, dialed, caller_ip, caller_port, setup_time) VALUES (%s, %{event-uuid}, %g, %n, %{CallId}, %{SIP-Call-ID}, %u, %{Calling-Station-Id}, %{Called-Station-Id}, %{Dialed-Number}, %{caller-ip}, %{caller-port}, %{setup-time})
--   AlertQuery=UPDATE calls SET alerting_time = %{alerting-time}, callee_ip = %{callee-ip}, callee_port = %{callee-port}, updated = %{event-time} WHERE session_id = %s
--   UpdateQuery=UPDATE calls SET connect_time = %{connect-time}, callee_ip = %{callee-ip}, callee_port = %{callee-port}, called = %{Called-Station-Id}, codec = %{caller-audio-codec}, duration = %d, updated = %{event-time} WHERE session_id = %s AND disconnect_time IS NULL
--   StopQuery=UPDATE calls SET alerting_time = %{alerting-time}, connect_time = %{connect-time}, disconnect_time = %{disconnect-time}, callee_ip = %{callee-ip}, callee_port = %{callee-port}, called = %{Called-Station-Id}, codec = %{caller-audio-codec}, duration = %d, cause = %c, released_by = %r, updated = %{event-time} WHERE session_id = %s AND disconnect_time IS NULL
--   StopQueryAlt=INSERT INTO calls (session_id, event_id, gatekeeper, number, call_id, sip_call_id, username, calling, called, dialed, caller_ip, caller_port, callee_ip, callee_port, codec, setup_time, alerting_time, connect_time, disconnect_time, duration, cause, released_by, updated) VALUES (%s, %{event-uuid}, %g, %n, %{CallId}, %{SIP-Call-ID}, %u, %{Calling-Station-Id}, %{Called-Station-Id}, %{Dialed-Number}, %{caller-ip}, %{caller-port}, %{callee-ip}, %{callee-port}, %{caller-audio-codec}, %{setup-time}, %{alerting-time}, %{connect-time}, %{disconnect-time}, %d, %c, %r, %{event-time})
--   RegisterQuery=INSERT INTO registrations (endpoint_id, gatekeeper, username, aliases, ip, port, vendor, since) VALUES (%{epid}, %g, %u, %{aliases}, %{endpoint-ip}, %{endpoint-port}, %{endpoint-vendor}, %{event-time}) ON CONFLICT (endpoint_id) DO UPDATE SET ip = excluded.ip, port = excluded.port, aliases = excluded.aliases, vendor = excluded.vendor, since = excluded.since
--   UnregisterQuery=DELETE FROM registrations WHERE endpoint_id = %{epid}
--   OnQuery=INSERT INTO gatekeeper_log (event_id, gatekeeper, what, at) VALUES (%{event-uuid}, %g, 'on', %{event-time})
--   OffQuery=INSERT INTO gatekeeper_log (event_id, gatekeeper, what, at) VALUES (%{event-uuid}, %g, 'off', %{event-time})
--
-- The table tollgate_events, by which an event that is delivered twice is stored once, is made by the gatekeeper itself
-- (OnceOnly=0 does without).
--
-- Values are bound as parameters: quotes around a placeholder are allowed, never needed. A bare placeholder without a
-- value is NULL.

-- One row for each call: made by its start, completed by its stop. A stop whose start is missing makes the row.
CREATE TABLE IF NOT EXISTS calls (
    session_id      TEXT PRIMARY KEY,           -- Acct-Session-Id
    event_id        TEXT NOT NULL UNIQUE,       -- of the event that made the row
    gatekeeper      TEXT NOT NULL,
    number          INTEGER NOT NULL,           -- of the call in one run of the gatekeeper
    call_id         TEXT NOT NULL,              -- 16 bytes in hex, with blanks
    sip_call_id     TEXT,
    username        TEXT,
    calling         TEXT,
    called          TEXT,                       -- where the call was routed to
    dialed          TEXT,                       -- as the caller dialled it
    caller_ip       TEXT,
    caller_port     INTEGER,
    callee_ip       TEXT,
    callee_port     INTEGER,
    codec           TEXT,
    setup_time      TEXT,
    alerting_time   TEXT,
    connect_time    TEXT,                       -- NULL: never connected
    disconnect_time TEXT,                       -- NULL: the call is running
    duration        INTEGER NOT NULL DEFAULT 0, -- connected seconds
    cause           INTEGER,                    -- Q.850
    released_by     INTEGER,                    -- -1 unknown, 0 gatekeeper, 1 caller, 2 callee
    updated         TEXT
);

CREATE INDEX IF NOT EXISTS calls_by_user ON calls (username, setup_time);
CREATE INDEX IF NOT EXISTS calls_running ON calls (setup_time) WHERE disconnect_time IS NULL;

-- Who is registered now.
CREATE TABLE IF NOT EXISTS registrations (
    endpoint_id TEXT PRIMARY KEY,
    gatekeeper  TEXT NOT NULL,
    username    TEXT,
    aliases     TEXT,
    ip          TEXT,
    port        INTEGER,
    vendor      TEXT,
    since       TEXT
);

-- When the gatekeeper came and went.
CREATE TABLE IF NOT EXISTS gatekeeper_log (
    event_id   TEXT PRIMARY KEY,
    gatekeeper TEXT NOT NULL,
    what       TEXT NOT NULL,
    at         TEXT NOT NULL
);
