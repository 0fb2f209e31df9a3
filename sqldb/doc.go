// Package sqldb runs the operator's SQL for accounting. A query is text with %-placeholders; values never become part of
// the SQL text: each is a bound parameter of a prepared statement.
//
// With Once, an event is stored once, however often it is handed over: its id is entered into the table tollgate_events in
// the transaction of its query, so that both are there or neither is. A commit whose answer was lost, by a crash or an
// error of the disk, is thus found when the event comes again.
//
// Errors are of two kinds. What the event would meet again in a database that is well is permanent (acctstack.Permanent);
// all that is wrong with the database itself is worth another try.
package sqldb
