package acctstack

import (
	"context"
	"errors"
	"net/netip"

	"go.uber.org/zap"

	"tollgate/config"
)

// Module stores one event. Nil means that the backend has it; ErrNext means "not for me"; any other error is worth
// another try unless it is wrapped by Permanent. Store honours ctx, is safe for concurrent use, and names the event and
// call in its errors. It is called only for kinds that its Factory supports and the operator enabled.
type Module interface {
	Store(ctx context.Context, ev *Event) error
}

// Starter is a module that opens something before the first event: a file, a socket, a pool. An error refuses the
// start or the reload. A backend on the network that is away is no error here.
type Starter interface {
	Start() error
}

// Closer is a module that has something to flush or close. It is called once, after the last Store has returned, and
// waits for every goroutine of the module.
type Closer interface {
	Close() error
}

// Warner is a module that accepts its section but has something to say about it, such as a placeholder that it does not
// know.
type Warner interface {
	Warnings() config.Problems
}

// Factory is everything that the rest of the program knows of a module before it exists.
type Factory struct {
	Name     string // "FileAcct": the name in [Gatekeeper::Acct] and of its section
	Doc      string // one sentence for the docs
	Supports Kinds  // what it can store
	Keys     []config.Key
	Foreign  []config.Foreign // GnuGk's keys of this section that have no effect here
	// New builds the module from its section. It touches neither disk nor network; an error may be config.Problems.
	New func(env Env, sec *config.Section) (Module, error)
}

// Env is what the program gives to a module instance.
type Env struct {
	Instance        string     // "RadAcct" or "RadAcct:backup"
	Enabled         Kinds      // the kinds that the stack will hand it
	Name            string     // the gatekeeper's name
	Address         netip.Addr // its first home address
	TimestampFormat string     // [Gatekeeper::Main] TimestampFormat
	StateDir        string
	Notes           Notes // of this instance; nil where nothing is journalled (tollgate check)
	Log             *zap.Logger
}

// ErrNext is a module's "not for me". The stack treats it like a failure, as GnuGk does.
var ErrNext = errors.New("not for this module")

// Permanent marks an error that no further try can mend.
func Permanent(err error) error { return permanentError{err} }

// IsPermanent tells whether err, or an error that it wraps, was marked by Permanent.
func IsPermanent(err error) bool {
	var p permanentError
	return errors.As(err, &p)
}

type permanentError struct{ error }

func (e permanentError) Unwrap() error { return e.error }
