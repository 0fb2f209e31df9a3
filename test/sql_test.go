package test

import (
	"database/sql"
	"path/filepath"
	"strings"

	_ "modernc.org/sqlite" // the driver
)

// query runs a query on the database of [SQLAcct] and gives each row as its values joined by bars, NULL as NULL.
func (g *gatekeeper) query(text string) []string {
	g.t.Helper()
	path := filepath.Join(g.path(g.config.get("Gatekeeper::Main", "StateDir")), g.config.get("SQLAcct", "Database"))
	db, err := sql.Open("sqlite", "file:"+path+"?mode=ro&_pragma=busy_timeout(5000)")
	if err != nil {
		g.t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query(text)
	if err != nil {
		g.t.Fatalf("%s: %v", text, err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		g.t.Fatal(err)
	}
	var lines []string
	for rows.Next() {
		values, into := make([]sql.NullString, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			g.t.Fatal(err)
		}
		fields := make([]string, len(values))
		for i, v := range values {
			if fields[i] = v.String; !v.Valid {
				fields[i] = "NULL"
			}
		}
		lines = append(lines, strings.Join(fields, "|"))
	}
	if err := rows.Err(); err != nil {
		g.t.Fatal(err)
	}
	return lines
}
