package cdr

import "net/netip"

// Endpoint is a registered party as a register or unregister event saw it.
type Endpoint struct {
	Address netip.AddrPort
	ID      string
	Vendor  string
	User    string // %u
	Aliases []Alias
}

// Source is what placeholders are filled from. Call is nil for events of no call, Endpoint for all but register and
// unregister. What is missing gives the values of a zero Stamp, Record or Endpoint.
type Source struct {
	Stamp    *Stamp
	Call     *Record
	Endpoint *Endpoint
}

// absent stands for what a Source lacks. It is a constant in all but name: nothing writes to it.
var absent struct {
	stamp    Stamp
	call     Record
	endpoint Endpoint
}

// complete puts zero values where a part is missing, so that no field needs to look.
func (s Source) complete() Source {
	if s.Stamp == nil {
		s.Stamp = &absent.stamp
	}
	if s.Call == nil {
		s.Call = &absent.call
	}
	if s.Endpoint == nil {
		s.Endpoint = &absent.endpoint
	}
	return s
}

// Scope says which placeholders a text may use; any other stays in it unchanged, as in GnuGk.
type Scope uint8

// The scopes of gnugk's manual.
const (
	CallScope     Scope = iota // start alert connect update stop reject mediafail
	EndpointScope              // register unregister
	SystemScope                // on off
)
