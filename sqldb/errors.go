package sqldb

import (
	"errors"
	"strings"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"tollgate/acctstack"
)

// code is the class of SQLite's error, 0 of others. What the code has above eight bits says more of the same.
func code(err error) int {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return sqlite3.SQLITE_OK
	}
	return e.Code() & 0xff
}

// isPlain tells an error in the statement itself.
func isPlain(err error) bool { return code(err) == sqlite3.SQLITE_ERROR }

// classify marks the errors that the event would meet again, whatever becomes of the database: a violated constraint, a
// value of the wrong type or too long, a query that is wrong. All others are the database's trouble (locked, full,
// read-only, damaged, gone), and so is a missing table: the queries were prepared at the start, so it was there.
func classify(err error) error {
	switch code(err) {
	case sqlite3.SQLITE_ERROR:
		if strings.Contains(err.Error(), "no such table:") {
			return err
		}
		return acctstack.Permanent(err)
	case sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_RANGE:
		return acctstack.Permanent(err)
	}
	return err
}

// sick tells errors after which the connection is of no more use: another one may find the database mended.
func sick(err error) bool {
	switch code(err) {
	case sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN:
		return true
	}
	return false
}
