package sqldb

import (
	"context"
	"fmt"
	"time"

	"tollgate/cdr"
)

// Once makes an event count once only, however often it is handed over: its id goes into the table tollgate_events of
// the operator's database, in the transaction of its query, and an event whose id is there is stored. The zero Once does
// not, and makes no table.
type Once struct {
	Instance string        // half of the key, so that two instances may share a database
	Keep     time.Duration // how long an id stays at least; 0: for ever
}

func (o *Once) on() bool { return o.Instance != "" }

// What makes the table, with the index by which old ids are found. The id comes first in the key: ids are UUIDs that
// begin with a time, so new rows go to the end of both trees.
const makeEvents = `CREATE TABLE IF NOT EXISTS tollgate_events (id BLOB NOT NULL, instance TEXT NOT NULL, stored INTEGER NOT NULL,
PRIMARY KEY (id, instance)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS tollgate_events_stored ON tollgate_events (instance, stored)`

// The statements over the table; times are seconds since 1970.
var (
	markEvent    = &Query{SQL: "INSERT INTO tollgate_events (id, instance, stored) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"}
	forgetEvents = &Query{SQL: "DELETE FROM tollgate_events WHERE (id, instance) IN " +
		"(SELECT id, instance FROM tollgate_events WHERE instance = ? AND stored < ? ORDER BY stored LIMIT ?)"}
)

const (
	// forgetFirst is how long after the start no id is removed: what a restart hands over again must be found.
	forgetFirst = time.Hour
	forgetPause = time.Minute            // between two looks when there was nothing more to remove
	forgetSoon  = 100 * time.Millisecond // between two batches
	forgetBatch = 200                    // ids, a millisecond or two of the writer's time
)

// beginOnce makes the table, and finds a table of that name that is not ours.
func (s *session) beginOnce(ctx context.Context) error {
	if !s.once.on() {
		return nil
	}
	_, err := s.conn.ExecContext(ctx, makeEvents)
	for _, q := range []*Query{markEvent, forgetEvents} {
		if err == nil {
			_, err = s.prepare(q)
		}
	}
	if err != nil {
		return fmt.Errorf("the table tollgate_events: %w", err)
	}
	return nil
}

// mark enters the event's id into the open transaction. It tells false if the id is there: the event is stored.
func (s *session) mark(id cdr.UUID) (fresh bool, err error) {
	if !s.once.on() {
		return true, nil
	}
	n, err := s.exec(markEvent, append(s.args[:0], id[:], s.once.Instance, time.Now().Unix()))
	return n > 0, err
}

// forget removes a batch of the instance's ids that were entered before that time. It does not wait for a database
// that is locked: events would wait behind it.
func (s *session) forget(before time.Time) (int64, error) {
	ctx := context.Background()
	if _, err := s.conn.ExecContext(ctx, "PRAGMA busy_timeout=0"); err != nil {
		return 0, err
	}
	n, err := s.exec(forgetEvents, append(s.args[:0], s.once.Instance, before.Unix(), forgetBatch))
	if _, pragmaErr := s.conn.ExecContext(ctx, s.busy); pragmaErr != nil {
		return n, pragmaErr
	}
	return n, err
}

// forget lets the session remove a batch of old ids, and tells when to look again. An error is no event's, and the same
// batch is tried again: a database that stays in trouble says so at the next event.
func (d *DB) forget() (pause time.Duration) {
	if d.session == nil {
		return forgetPause
	}
	n, err := d.session.forget(time.Now().Add(-d.once.Keep))
	if err == nil && n == forgetBatch {
		return forgetSoon
	}
	return forgetPause
}
