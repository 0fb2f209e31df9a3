package sqldb

import (
	"reflect"
	"strings"
	"testing"

	"tollgate/acctstack"
	"tollgate/acctstack/stacktest"
	"tollgate/cdr"
)

func timeFormat(t testing.TB) *cdr.TimeFormat {
	t.Helper()
	f, err := cdr.ParseTimeFormat("UTC MySQL")
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestParse(t *testing.T) {
	tests := []struct {
		name, text string
		sql        string
		values     []any // for the stop of call 7
	}{
		{"no placeholder", "SELECT 1", "SELECT 1", nil},
		{"bare numbers", "INSERT INTO c VALUES (%n, %d,%{caller-port})", "INSERT INTO c VALUES (?, ?,?)", []any{int64(7), int64(65), int64(5062)}},
		{"bare text", "UPDATE c SET a = %u WHERE s=%s", "UPDATE c SET a = ? WHERE s=?", []any{"alice", "5f5e100100000007"}},
		{"bare time", "INSERT INTO c VALUES (%{connect-time})", "INSERT INTO c VALUES (?)", []any{"2026-03-05 14:30:19"}},
		{"bare without a value is NULL", "INSERT INTO c VALUES (%{caller-epid})", "INSERT INTO c VALUES (?)", []any{nil}},
		{"quoted without a value is empty", "INSERT INTO c VALUES ('%{caller-epid}')", "INSERT INTO c VALUES (?)", []any{""}},
		{"quoted number is text", "INSERT INTO c VALUES ('%d')", "INSERT INTO c VALUES (?)", []any{"65"}},
		{"a literal with several", "SELECT 'it''s %u: %d s, 100%%'", "SELECT ?", []any{"it's alice: 65 s, 100%"}},
		{"a long name of one letter", "SELECT %{d}", "SELECT ?", []any{int64(65)}},
		{"literals stay", "SELECT 'a''b', 'x'", "SELECT 'a''b', 'x'", nil},
		{"LIKE patterns", "SELECT 1 WHERE a LIKE 'a%' AND b LIKE '%_%' AND c LIKE '%''%'", "SELECT 1 WHERE a LIKE 'a%' AND b LIKE '%_%' AND c LIKE '%''%'", nil},
		{"a LIKE pattern with a value", "SELECT 1 WHERE a LIKE '%%%u%'", "SELECT 1 WHERE a LIKE ?", []any{"%alice%"}},
		{"double percent in a literal", "SELECT strftime('%%Y-%%m','now')", "SELECT strftime('%Y-%m','now')", nil},
		{"modulo", "SELECT 7 % 2, 7%%2, 7%2, %d % 60", "SELECT 7 % 2, 7%2, 7%2, ? % 60", []any{int64(65)}},
		{"comments go", "SELECT /* %x ? ' */ 1 -- %{nothing}\n, %d", "SELECT   1   , ?", []any{int64(65)}},
		{"quoted names", `SELECT "a;b?", [c'd], ` + "`e--f` FROM t", `SELECT "a;b?", [c'd], ` + "`e--f` FROM t", nil},
		{"one semicolon", "SELECT 1 ; -- the end\n ", "SELECT 1", nil},
		{"a cast", "SELECT %d::int", "SELECT ?::int", []any{int64(65)}},
		{"operators around", "SELECT 'x'||%u||'y',-%d,(%c)", "SELECT 'x'||?||'y',-?,(?)", []any{"alice", int64(65), int64(16)}},
		{"hostile letters", "SELECT 'ü%uß', ünïcode", "SELECT ?, ünïcode", []any{"üaliceß"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			q, err := Parse(test.text, cdr.CallScope, timeFormat(t))
			if err != nil {
				t.Fatal(err)
			}
			if q.SQL != test.sql {
				t.Errorf("got  %s\nwant %s", q.SQL, test.sql)
			}
			values, _ := q.Values(nil, nil, stacktest.Event(acctstack.Stop, 7).Source())
			if len(values)+len(test.values) > 0 && !reflect.DeepEqual(values, test.values) {
				t.Errorf("got the values %#v, want %#v", values, test.values)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	tests := []struct{ name, text, reason string }{
		{"wrong case", "INSERT INTO c VALUES ('%{ConfID}')", "did you mean %{ConfId}?"},
		{"misspelt, bare", "SELECT %{caller-adress}, %{calle-ip}", "did you mean %{calle"},
		{"of another event", "SELECT '%{endpoint-ip}'", "%{endpoint-ip} is no placeholder here"},
		{"unknown letter", "SELECT %z", "for the operator % write a blank"},
		{"brace not closed", "SELECT '%{d'", "%{d is no placeholder"},
		{"in a quoted name", `SELECT "col_%d" FROM t`, "name of a table or column"},
		{"in back quotes", "SELECT `col_%d` FROM t", "name of a table or column"},
		{"in brackets", "SELECT [col_%d] FROM t", "name of a table or column"},
		{"attached to a name", "SELECT col_%d FROM t", "%d is attached to col_"},
		{"attached before a name", "SELECT %{d}x", "%{d} is attached to x"},
		{"attached to a number", "SELECT 1%d", "%d is attached to 1"},
		{"side by side", "SELECT %d%c", "attached"},
		{"attached to a literal", "SELECT %d'x'", "attached"},
		{"after FROM", "SELECT 1 FROM %u", "%u after FROM"},
		{"after INTO and a comment", "INSERT INTO /* x */ '%u' VALUES (1)", "'%u' after INTO"},
		{"after UPDATE", "UPDATE %u SET a=1", "%u after UPDATE"},
		{"after JOIN", "SELECT 1 FROM a JOIN %u", "%u after JOIN"},
		{"after TABLE", "CREATE TABLE %u (a)", "%u after TABLE"},
		{"before a dot", "SELECT %u.a FROM t", "beside a dot"},
		{"behind a dot", "SELECT a FROM t.%u", "beside a dot"},
		{"in a hex literal", "SELECT x'%u'", "directly after x"},
		{"own parameters", "SELECT ?, :a, @b, $c", "a ? of your own"},
		{"own named parameter", "SELECT 1 WHERE a=:name", ":name"},
		{"two statements", "DELETE FROM a; DELETE FROM b", "one statement"},
		{"nothing", "  -- nothing\n", "no statement"},
		{"only a semicolon", ";", "no statement"},
		{"quote", "SELECT 'it", "without its other"},
		{"name", `SELECT "it`, "without its other"},
		{"bracket", "SELECT [it", "without its ]"},
		{"comment", "SELECT 1 /* it", "without its */"},
		{"a transaction", "commit", "COMMIT: transactions"},
		{"NUL", "SELECT 1\x00", "NUL"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			q, err := Parse(test.text, cdr.CallScope, timeFormat(t))
			if err == nil {
				t.Fatalf("accepted as %s", q.SQL)
			}
			if !strings.Contains(err.Error(), test.reason) {
				t.Errorf("got %q, not one with %q", err, test.reason)
			}
		})
	}
}

func TestParseNamesEveryMistake(t *testing.T) {
	_, err := Parse("SELECT %z, '%{ConfID}', ? FROM %u", cdr.CallScope, timeFormat(t))
	if err == nil || strings.Count(err.Error(), "\n") != 3 {
		t.Errorf("got %v", err)
	}
}

func TestParseWarns(t *testing.T) {
	q, err := Parse("SELECT strftime('%Y','now')", cdr.CallScope, timeFormat(t))
	if err != nil || len(q.Warnings) != 1 || !strings.Contains(q.Warnings[0], "write %%Y") {
		t.Errorf("got %v, %q", err, q.Warnings)
	}
}

func TestReturnsRows(t *testing.T) {
	for text, want := range map[string]bool{
		"SELECT 1": true, "/* x */ select 1": true, "VALUES (1)": true, "INSERT INTO a VALUES (1)": false,
		"INSERT INTO a VALUES (1) RETURNING b": true, "UPDATE a SET b=1": false, "UPDATE a SET b='RETURNING'": false,
		"WITH x AS (SELECT 1) SELECT * FROM x": true, "WITH x AS (SELECT 1) INSERT INTO a SELECT * FROM x": false,
		"WITH x AS (SELECT 1) DELETE FROM a": false, "WITH x AS (SELECT 1) SELECT replace(a,'b','c') FROM x": true,
	} {
		q, err := Parse(text, cdr.CallScope, timeFormat(t))
		if err != nil || q.rows != want {
			t.Errorf("%s: %v, %v", text, q.rows, err)
		}
	}
}

// FuzzParse checks what keeps values out of the SQL text, whatever the operator writes.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"INSERT INTO c VALUES ('%s', %d, '%{CallId} it''s %u')", "SELECT 'a%' || \"%%\" -- %d\n/* %u */; ", "UPDATE t SET a=%{x}%u'%",
		"SELECT [%d], `%u`, x'%c', 7%%2, ?", "%", "%{", "'%{a%d}'", "''''", "%d;;", "SELECT '%%%%%d'",
	} {
		f.Add(seed)
	}
	const mark = "\x01mark\x02"
	ev := stacktest.Event(acctstack.Stop, 1)
	ev.Record.User, ev.Record.CalledStation, ev.Record.SessionID = mark, mark, mark
	times := timeFormat(f)
	f.Fuzz(func(t *testing.T, text string) {
		q, err := Parse(text, cdr.CallScope, times)
		if err != nil {
			return
		}
		values, _ := q.Values(nil, nil, ev.Source())
		if len(values) != len(q.Params) {
			t.Errorf("%d values for %d parameters", len(values), len(q.Params))
		}
		all, err := tokens(q.SQL)
		if err != nil {
			t.Fatalf("the rewritten query %q cannot be read: %v", q.SQL, err)
		}
		marks := 0
		for _, token := range all {
			switch {
			case token.kind == symbol && token.text == "?":
				marks++
			case token.kind == semicolon:
				t.Errorf("a semicolon is left in %q", q.SQL)
			}
		}
		if marks != len(q.Params) {
			t.Errorf("%d ? for %d parameters in %q", marks, len(q.Params), q.SQL)
		}
		if strings.Contains(q.SQL, mark) && !strings.Contains(text, mark) {
			t.Errorf("a value is in the text %q", q.SQL)
		}
		if strings.Contains(strings.ReplaceAll(text, "%%", ""), "%u") && !strings.Contains(text, "%%") && strings.Contains(q.SQL, "%u") {
			t.Errorf("a placeholder is in the text %q", q.SQL)
		}
	})
}
