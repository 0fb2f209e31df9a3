package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"go.uber.org/zap"
	"golang.org/x/sys/unix"

	"tollgate/acctstack"
	"tollgate/cdr"
	"tollgate/config"
	"tollgate/journal"
)

// inspectMost is how many events are looked up one by one in the files of a journal before it is opened instead.
const inspectMost = 1000

// journalDir is where a gatekeeper has its journal.
func journalDir(stateDir string) string { return filepath.Join(stateDir, "journal") }

// openLeftSpool opens what a gatekeeper that does not run has left. Whoever opens its journal takes the gatekeeper's place:
// none can start meanwhile, and the next one takes this moment for the last at which its former calls were known to be up.
// So a question reads the files beside, and with calls in them that is all that can be done.
func openLeftSpool(stateDir string, file *config.File, acts bool, stderr io.Writer) (spoolStore, error) {
	view, err := journal.Inspect(journalDir(stateDir))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%w, and none has left a journal", errNoGatekeeper)
	case err != nil:
		return nil, err
	case acts && len(view.Calls) > 0:
		return nil, fmt.Errorf("%w, and %s of it are to go on: start it first, then it can be told", errNoGatekeeper, count(len(view.Calls), "call"))
	case !acts && (len(view.Calls) > 0 || len(view.Kept) <= inspectMost):
		return &inspectedSpool{localSpool{inspected{view}, inspected{view}}}, nil
	}
	return openJournalOf(stateDir, file, stderr)
}

func openJournalOf(stateDir string, file *config.File, stderr io.Writer) (spoolStore, error) {
	settings, err := journal.ParseSettings(declarations().Section(file, "Journal"))
	if err != nil {
		return nil, err
	}
	log, err := newLog("text", "warn", stderr)
	if err != nil {
		return nil, err
	}
	if err := becomeOwner(stateDir); err != nil {
		return nil, err
	}
	lock, err := openStateDir(stateDir)
	if err != nil {
		return nil, fmt.Errorf("%w; it may be starting or stopping: try again", err)
	}
	j, err := journal.Open(journal.Options{Dir: journalDir(stateDir), Settings: settings, Log: log})
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return &leftSpool{localSpool{operator: &leftOperator{j, log}, ledger: ledgerOf{j}}, j, lock}, nil
}

// becomeOwner takes the user and group of StateDir: what root made there the gatekeeper could not open.
func becomeOwner(stateDir string) error {
	var owner unix.Stat_t
	if err := unix.Stat(stateDir, &owner); err != nil {
		return fmt.Errorf("StateDir %s: %w", stateDir, err)
	}
	user, group := int(owner.Uid), int(owner.Gid)
	if os.Geteuid() == user {
		return nil
	}
	if os.Geteuid() != 0 {
		return fmt.Errorf("StateDir %s belongs to another user: run this as the one with the number %d, or as root", stateDir, user)
	}
	if err := errors.Join(unix.Setgroups(nil), syscall.Setgid(group), syscall.Setuid(user)); err != nil {
		return fmt.Errorf("becoming the owner of StateDir %s: %w", stateDir, err)
	}
	return nil
}

// leftSpool is an opened journal.
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

// inspectedSpool answers questions from the files of a journal.
type inspectedSpool struct{ localSpool }

func (s *inspectedSpool) close() error { return nil }

// inspected reads the files; it can change nothing.
type inspected struct{ view *journal.Inspection }

var errReadOnly = errors.New("the journal is read only here")

// Kept lists all copies.
func (i inspected) Kept() []acctstack.Kept { return i.view.Kept }

// Load reads a kept event.
func (i inspected) Load(id cdr.UUID) (*acctstack.Event, error) { return i.view.Event(id) }

// Retry is refused.
func (inspected) Retry(cdr.UUID, string) error { return errReadOnly }

// Drop is refused.
func (inspected) Drop(cdr.UUID, string) error { return errReadOnly }

// Answers are those of the ledger; none where there is no ledger.
func (i inspected) Answers(id cdr.UUID) ([]spoolAnswer, error) {
	return spoolAnswers(i.view.Answers(id))
}

// ledgerOf is the ledger of an open journal.
type ledgerOf struct{ *journal.Journal }

// Answers are those to an event; none where no ledger is kept.
func (l ledgerOf) Answers(id cdr.UUID) ([]spoolAnswer, error) {
	return spoolAnswers(l.Journal.Answers(id))
}

func spoolAnswers(found []journal.Answer, err error) ([]spoolAnswer, error) {
	if errors.Is(err, journal.ErrNoLedger) || errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	answers := make([]spoolAnswer, len(found))
	for i, a := range found {
		answers[i] = spoolAnswer{Time: a.Time, Instance: a.Instance, Result: a.Result.String(), Error: a.Error}
	}
	return answers, err
}
