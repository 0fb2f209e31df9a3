package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite" of database/sql

	"tollgate/cdr"
)

// SQLite says which database file to use and how.
type SQLite struct {
	Path string // created if missing; its folder must exist
	Init string // statements to run after each opening, each repeatable (CREATE TABLE IF NOT EXISTS ...)
	Sync bool   // force each commit to the disk (synchronous=FULL), else only checkpoints (NORMAL)
	// Busy is how long a database that another program has locked is waited for.
	Busy time.Duration
}

// dsn is the data source name in the form of modernc.org/sqlite.
func (c *SQLite) dsn() string {
	sync := "NORMAL"
	if c.Sync {
		sync = "FULL"
	}
	q := url.Values{"_pragma": {
		fmt.Sprintf("busy_timeout(%d)", c.Busy.Milliseconds()),
		"journal_mode(WAL)",
		"synchronous(" + sync + ")",
	}}
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: c.Path}).EscapedPath(), RawQuery: q.Encode()}
	return u.String()
}

// session is the one open connection with its prepared statements. One goroutine at a time uses it.
type session struct {
	db         *sql.DB
	conn       *sql.Conn
	info       fs.FileInfo // of the database file, to notice that it was replaced
	once       Once
	busy       string // the statement that sets the wait for locks
	statements map[*Query]*sql.Stmt
	args       []any
	buf        []byte
}

// open opens the database, runs Init and prepares the statements.
func (c *SQLite) open(once Once, statements map[string]*Query) (*session, error) {
	if err := c.checkPath(); err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite", c.dsn())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Path, err)
	}
	db.SetMaxOpenConns(1)
	s := &session{db: db, statements: make(map[*Query]*sql.Stmt), once: once,
		busy: fmt.Sprintf("PRAGMA busy_timeout=%d", c.Busy.Milliseconds())}
	err = s.begin(c)
	for name, q := range statements {
		if err != nil {
			break
		}
		if _, err = s.prepare(q); err != nil {
			err = fmt.Errorf("%s: %w", name, err)
		}
	}
	if err != nil {
		s.close()
		return nil, fmt.Errorf("%s: %w", c.Path, err)
	}
	return s, nil
}

// checkPath finds the mistakes that SQLite reports as "unable to open database file (14)" only, and makes an empty file
// that nobody else can read, since CDRs are personal data.
func (c *SQLite) checkPath() error {
	f, err := os.OpenFile(c.Path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		if _, dirErr := os.Stat(filepath.Dir(c.Path)); dirErr != nil {
			return dirErr
		}
		f, err = os.OpenFile(c.Path, os.O_RDWR|os.O_CREATE, 0o600)
	}
	if err != nil {
		return err
	}
	return f.Close()
}

func (s *session) begin(c *SQLite) error {
	ctx := context.Background()
	var err error
	if s.conn, err = s.db.Conn(ctx); err != nil {
		return err
	}
	if strings.TrimSpace(c.Init) != "" {
		if _, err := s.conn.ExecContext(ctx, c.Init); err != nil {
			return fmt.Errorf("the initial statements: %w", err)
		}
	}
	if err := s.beginOnce(ctx); err != nil {
		return err
	}
	s.info, err = os.Stat(c.Path)
	return err
}

func (s *session) close() error {
	var err error
	for _, st := range s.statements {
		err = errors.Join(err, st.Close())
	}
	if s.conn != nil {
		err = errors.Join(err, s.conn.Close())
	}
	return errors.Join(err, s.db.Close())
}

// prepare gives the prepared statement of q.
func (s *session) prepare(q *Query) (*sql.Stmt, error) {
	if st := s.statements[q]; st != nil {
		return st, nil
	}
	st, err := s.conn.PrepareContext(context.Background(), q.SQL)
	if err != nil {
		return nil, err
	}
	s.statements[q] = st
	return st, nil
}

// control runs a statement of the transaction's own; nil is none.
func (s *session) control(q *Query) error {
	if q == nil {
		return nil
	}
	st, err := s.prepare(q)
	if err == nil {
		_, err = st.Exec()
	}
	return err
}

// run executes q and counts the rows that it changed or returned.
func (s *session) run(q *Query, src cdr.Source) (int64, error) {
	s.args, s.buf = q.Values(s.args[:0], s.buf, src)
	return s.exec(q, s.args)
}

// exec is run with values.
func (s *session) exec(q *Query, args []any) (int64, error) {
	s.args = args
	st, err := s.prepare(q)
	if err != nil {
		return 0, err
	}
	if q.rows {
		return count(st, args)
	}
	result, err := st.Exec(args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

func count(st *sql.Stmt, args []any) (n int64, err error) {
	rows, err := st.Query(args...)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	for rows.Next() {
		n++
	}
	return n, rows.Err()
}
