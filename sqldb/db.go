package sqldb

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"tollgate/acctstack"
	"tollgate/cdr"
)

const (
	maxQueue = 1024 // jobs that wait for the writer; past it Do waits for a place
	maxGroup = 128  // jobs in one transaction
)

// ErrNoRows is a statement that ran without error but changed and returned nothing.
var ErrNoRows = errors.New("no row was changed or returned")

// Statement is a query with its stand-in.
type Statement struct {
	Query *Query
	Alt   *Query // runs if Query fails or affects no row; its own success needs no row (GnuGk's StartQueryAlt); nil for none
}

// DB is an open SQLite database. One goroutine of its own writes; events that wait at the same time share a transaction,
// each in a savepoint, so that one commit serves them all.
type DB struct {
	config     SQLite
	once       Once
	statements map[string]*Query
	jobs       chan *job
	done       sync.WaitGroup

	// The writer's own.
	session *session // nil: could not be opened again
	group   []*job
}

// The states of a job.
const (
	waiting int32 = iota
	taken         // the writer has it, its end is coming
	left          // its context ended before the writer took it
)

// job is one event on its way to the database.
type job struct {
	statement Statement
	source    cdr.Source
	state     atomic.Int32
	err       error // valid once done is closed
	done      chan struct{}
}

// Open opens the database, creating the file if it is missing, and prepares the statements, so that a mistake in one is
// found now. The names of the statements are for errors.
func Open(config SQLite, once Once, statements map[string]*Query) (*DB, error) {
	s, err := config.open(once, statements)
	if err != nil {
		return nil, err
	}
	d := &DB{config: config, once: once, statements: statements, jobs: make(chan *job, maxQueue), session: s}
	d.done.Go(d.write)
	return d, nil
}

// Close waits for the writer and closes the database. No Do may be running.
func (d *DB) Close() error {
	close(d.jobs)
	d.done.Wait()
	if d.session == nil {
		return nil
	}
	return d.session.close()
}

// Do runs the statement with the values of src and returns once its transaction is committed. With Once, an event that was
// stored before is stored: its statement does not run. ctx ends the wait for the
// writer; a statement that runs is brought to its end, so that the answer is always the truth. Errors that no repetition
// can mend are marked by acctstack.Permanent.
func (d *DB) Do(ctx context.Context, st Statement, src cdr.Source) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	j := &job{statement: st, source: src, done: make(chan struct{})}
	select {
	case d.jobs <- j:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-j.done:
		return j.err
	case <-ctx.Done():
		if j.state.CompareAndSwap(waiting, left) {
			return ctx.Err()
		}
		<-j.done
		return j.err
	}
}

// write is the writer.
func (d *DB) write() {
	old := time.NewTimer(forgetFirst)
	defer old.Stop()
	if !d.once.on() || d.once.Keep == 0 {
		old.Stop()
	}
	for {
		select {
		case j, ok := <-d.jobs:
			if !ok {
				return
			}
			d.serve(j)
		case <-old.C:
			old.Reset(d.forget())
		}
	}
}

// serve runs j and what waits behind it.
func (d *DB) serve(j *job) {
	d.collect(j)
	d.runGroup()
	unfit := false
	for i, j := range d.group {
		unfit = unfit || sick(j.err)
		close(j.done)
		d.group[i] = nil
	}
	if unfit && d.session != nil {
		d.drop()
	}
}

// collect takes j and what waits behind it.
func (d *DB) collect(j *job) {
	d.group = d.group[:0]
	for {
		if j.state.CompareAndSwap(waiting, taken) {
			d.group = append(d.group, j)
		}
		if len(d.group) == maxGroup {
			return
		}
		select {
		case next, ok := <-d.jobs:
			if !ok {
				return
			}
			j = next
		default:
			return
		}
	}
}

func (d *DB) runGroup() {
	if len(d.group) == 0 {
		return
	}
	if err := d.reopenMoved(); err != nil {
		d.failAll(err)
		return
	}
	if len(d.group) == 1 {
		d.runAlone()
		return
	}
	began, err := d.session.runTogether(d.group)
	if err == nil {
		return
	}
	if began {
		d.drop() // whether the transaction is still open is not known
	}
	if !acctstack.IsPermanent(classify(err)) {
		d.failAll(err)
		return
	}
	// One of them broke the transaction for all, by a deferred constraint or OR ROLLBACK. Alone each gets its own answer.
	d.runAlone()
}

// runAlone runs each job in a transaction of its own.
func (d *DB) runAlone() {
	for _, j := range d.group {
		if j.err = d.reopenMoved(); j.err != nil {
			continue
		}
		if err := d.session.runAlone(j); err != nil {
			j.err = classify(err)
			d.drop()
		}
	}
}

// drop closes the session; the next group opens one. What closing says about a broken session helps nobody.
func (d *DB) drop() {
	d.session.close()
	d.session = nil
}

func (d *DB) failAll(err error) {
	for _, j := range d.group {
		j.err = err
	}
}

// reopenMoved opens the database again if its session was dropped, or its file deleted or replaced: SQLite would go on
// writing to the old one, which nobody can see. Its errors are not classified: even a table that is missing in a new file
// is the database's trouble.
func (d *DB) reopenMoved() error {
	if d.session != nil {
		info, err := os.Stat(d.config.Path)
		if err == nil && os.SameFile(info, d.session.info) {
			return nil
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil // it is there, but cannot be looked at
		}
		d.drop()
	}
	s, err := d.config.open(d.once, d.statements)
	if err != nil {
		return err
	}
	d.session = s
	return nil
}
