package sqldb

import (
	"fmt"

	"tollgate/cdr"
)

// The statements of a group of events.
var (
	beginGroup  = &Query{SQL: "BEGIN IMMEDIATE"}
	commitGroup = &Query{SQL: "COMMIT"}
	savepoint   = &Query{SQL: "SAVEPOINT event"}
	release     = &Query{SQL: "RELEASE event"}
	rollback    = &Query{SQL: "ROLLBACK TO event"}
)

// runTogether runs the jobs in one transaction. A job that fails takes nothing away from the others. An error means that
// none was stored, and began that the transaction may still be open.
func (s *session) runTogether(jobs []*job) (began bool, err error) {
	if err := s.control(beginGroup); err != nil {
		return false, err
	}
	for _, j := range jobs {
		if err := s.runSaved(j); err != nil {
			return true, err
		}
	}
	return true, s.control(commitGroup)
}

// runSaved runs one job in a savepoint. An error is one of the transaction, not of the job.
func (s *session) runSaved(j *job) error {
	if err := s.control(savepoint); err != nil {
		return err
	}
	if j.err = s.runStatement(j.statement, j.source); j.err != nil {
		if err := s.control(rollback); err != nil {
			return fmt.Errorf("%w (after: %v)", err, j.err)
		}
	}
	return s.control(release)
}

// runStatement runs the query and, if it fails or affects no row, its stand-in.
func (s *session) runStatement(st Statement, src cdr.Source) error {
	n, err := s.run(st.Query, src)
	if err == nil && n > 0 {
		return nil
	}
	if err == nil {
		err = ErrNoRows
	}
	if st.Alt == nil {
		return classify(err)
	}
	if _, altErr := s.run(st.Alt, src); altErr != nil {
		return fmt.Errorf("%v; then its alternative: %w", err, classify(altErr))
	}
	return nil
}
