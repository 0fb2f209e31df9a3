package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"go.uber.org/zap"

	"tollgate/cdr"
	"tollgate/config"
	"tollgate/journal"
)

// journalDir is where a gatekeeper has its journal.
func journalDir(stateDir string) string { return filepath.Join(stateDir, "journal") }

// openLeftSpool opens what a gatekeeper that does not run has left in its StateDir, with the directory's lock, so that none can
// start meanwhile.
func openLeftSpool(stateDir string, file *config.File, stderr io.Writer) (spoolStore, error) {
	dir := journalDir(stateDir)
	if _, err := os.Stat(dir); err != nil {
		return nil, fmt.Errorf("%w, and no gatekeeper has left a journal: %w", errNoGatekeeper, err)
	}
	schema := config.Schema{{Name: "Journal", Keys: journal.Keys()}}
	settings, err := journal.ParseSettings(schema.Section(file, "Journal"))
	if err != nil {
		return nil, err
	}
	log, err := newLog("text", "warn", stderr)
	if err != nil {
		return nil, err
	}
	lock, err := openStateDir(stateDir)
	if err != nil {
		return nil, fmt.Errorf("%w; it may be starting or stopping: try again", err)
	}
	j, err := journal.Open(journal.Options{Dir: dir, Settings: settings, Log: log})
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	left := &leftSpool{localSpool{operator: &leftOperator{j, log}, ledger: ledgerOf{j}}, j, lock}
	return left, nil
}

// leftSpool is the spool of a gatekeeper that does not run.
type leftSpool struct {
	localSpool
	journal *journal.Journal
	lock    *os.File
}

func (s *leftSpool) close() error { return errors.Join(s.journal.Close(), s.lock.Close()) }

// leftOperator does what the running gatekeeper would.
type leftOperator struct {
	*journal.Journal
	log *zap.Logger
}

// Retry releases a copy from quarantine. The gatekeeper tries all copies when it starts.
func (o *leftOperator) Retry(id cdr.UUID, instance string) error {
	o.Release(id, instance)
	return nil
}

// Drop takes a copy away and logs that.
func (o *leftOperator) Drop(id cdr.UUID, instance string) error {
	o.Done(id, instance)
	o.log.Warn("kept event dropped by the operator", zap.String("module", instance), zap.Stringer("id", id))
	return nil
}

// ledgerOf is the ledger of a journal.
type ledgerOf struct{ *journal.Journal }

// Answers are those to an event; none where no ledger is kept.
func (l ledgerOf) Answers(id cdr.UUID) ([]spoolAnswer, error) {
	found, err := l.Journal.Answers(id)
	if errors.Is(err, journal.ErrNoLedger) {
		return nil, nil
	}
	answers := make([]spoolAnswer, len(found))
	for i, a := range found {
		answers[i] = spoolAnswer{Time: a.Time, Instance: a.Instance, Result: a.Result.String(), Error: a.Error}
	}
	return answers, err
}
