package cdr

import (
	"net/netip"
	"time"
)

// Endpoint is a registered party as a register or unregister event saw it.
type Endpoint struct {
	Address netip.AddrPort
	ID      string
	Vendor  string
	User    string // %u
	Aliases []Alias
}

// Source is what placeholders are filled from. Call is nil for events of no call, Endpoint for all but register and
// unregister.
type Source struct {
	Stamp    *Stamp
	Call     *Record
	Endpoint *Endpoint
}

// Scope says which placeholders a text may use; any other stays in it unchanged, as in GnuGk.
type Scope uint8

// The scopes of gnugk's manual.
const (
	CallScope     Scope = iota // start alert connect update stop reject mediafail
	EndpointScope              // register unregister
	SystemScope                // on off
)

// Escaping says what is done to values that are put into a text.
type Escaping uint8

// The forms of escaping.
const (
	Raw    Escaping = iota // nothing: GnuGk's form, open to forgery
	Line                   // separators | ; and control characters become %XX, and % itself
	Quoted                 // Line, with double quotes around each value and " escaped as well (syslog)
)

// Format says how the values of a template are written.
type Format struct {
	Times        *TimeFormat
	Escaping     Escaping
	DashedCallID bool // %{CallId} with dashes (StatusAcct) instead of blanks
}

// Template is a text with %-placeholders, parsed once.
type Template struct{}

// Compile parses text. It never fails: what is no placeholder of the scope stays as it is and is listed by Unknown.
func Compile(text string, scope Scope, format Format) *Template { return nil }

// Append writes the text with the values of src to dst. It allocates only to grow dst.
func (t *Template) Append(dst []byte, src Source) []byte { return dst }

// Unknown lists what looked like a placeholder and is none in the template's scope, as written.
func (t *Template) Unknown() []string { return nil }

// TimeFormat is a TimestampFormat of GnuGk: RFC822, ISO8601, Cisco, MySQL, Oracle (any case) or a strftime text.
type TimeFormat struct{}

// ParseTimeFormat refuses a text with a conversion that strftime does not have.
func ParseTimeFormat(text string) (*TimeFormat, error) { return nil, nil }

// Append writes t; nothing for the zero time.
func (f *TimeFormat) Append(dst []byte, t time.Time) []byte { return dst }

// AppendLine writes the standard CDR line, from "CDR|" to ";", without a line end.
func AppendLine(dst []byte, src Source, times *TimeFormat, esc Escaping) []byte { return dst }
