// Package sqldb runs the operator's SQL for accounting. A query is text with %-placeholders; values never become part of
// the SQL text: each is a bound parameter of a prepared statement.
package sqldb
