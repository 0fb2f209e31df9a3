package sqldb

import (
	"errors"
	"fmt"

	"tollgate/acctstack"
	"tollgate/crashpoint"
)

// The statements of a transaction.
var (
	begin     = &Query{SQL: "BEGIN IMMEDIATE"}
	commit    = &Query{SQL: "COMMIT"}
	rollback  = &Query{SQL: "ROLLBACK"}
	savepoint = &Query{SQL: "SAVEPOINT event"}
	release   = &Query{SQL: "RELEASE event"}
	takeBack  = &Query{SQL: "ROLLBACK TO event"}
)

// frame is what one attempt at a job runs in: all of it is stored, or nothing. The zero frame is a statement alone, which
// is a transaction by itself.
type frame struct {
	begin, end *Query
	undo       []*Query
}

var (
	inGroup = &frame{begin: savepoint, end: release, undo: []*Query{takeBack, release}}
	alone   = &frame{begin: begin, end: commit, undo: []*Query{rollback}}
	bare    = &frame{}
)

// runTogether runs the jobs in one transaction. A job that fails takes nothing away from the others. An error means that
// none was stored as far as is known, and began that the transaction may still be open.
func (s *session) runTogether(jobs []*job) (began bool, err error) {
	if err := s.control(begin); err != nil {
		return false, err
	}
	for _, j := range jobs {
		if err := s.runFramed(inGroup, j); err != nil {
			return true, err
		}
	}
	return true, s.commit(commit)
}

// runAlone runs the job in a transaction of its own. An error means that it may still be open.
func (s *session) runAlone(j *job) error {
	f := alone
	if !s.once.on() {
		f = bare
	}
	return s.runFramed(f, j)
}

// runFramed runs the job's query and, if it fails or affects no row, its stand-in. Trouble of the database is no reason
// for the stand-in, which would meet it too, or take a row for missing that could not be read. The error is the frame's:
// the job has no answer then.
func (s *session) runFramed(f *frame, j *job) error {
	answer, err := s.try(f, j, j.statement.Query, 1)
	if err != nil {
		return err
	}
	j.err = answer
	if answer == nil || j.statement.Alt == nil || !errors.Is(answer, ErrNoRows) && !acctstack.IsPermanent(answer) {
		return nil
	}
	second, err := s.try(f, j, j.statement.Alt, 0)
	if err != nil {
		return err
	}
	if j.err = second; second != nil {
		j.err = fmt.Errorf("%v; then its alternative: %w", answer, second)
	}
	return nil
}

// try runs q in a frame of its own; fewer rows than needed are ErrNoRows. An event that is stored already needs no query.
// The answer is the job's and classified, err the frame's.
func (s *session) try(f *frame, j *job, q *Query, needed int64) (answer, err error) {
	if err := s.control(f.begin); err != nil {
		return classify(err), nil
	}
	fresh, err := s.mark(j.source.Stamp.ID)
	if err == nil && fresh {
		crashpoint.Hit("sqldb.query.before")
		var n int64
		if n, err = s.run(q, j.source); err == nil && n < needed {
			err = ErrNoRows
		}
	}
	if err != nil {
		return classify(err), s.takeBack(f)
	}
	if f == inGroup {
		return nil, s.control(f.end)
	}
	return nil, s.commit(f.end)
}

// takeBack undoes the frame.
func (s *session) takeBack(f *frame) error {
	for _, q := range f.undo {
		err := s.control(q)
		if err != nil && q == rollback && isPlain(err) {
			continue // the failed query has rolled back already, by OR ROLLBACK or for want of space
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// commit is control for what makes a transaction last.
func (s *session) commit(q *Query) error {
	crashpoint.Hit("sqldb.commit.before")
	err := s.control(q)
	crashpoint.Hit("sqldb.commit.after")
	return err
}
