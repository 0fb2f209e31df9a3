package cdr

import (
	"encoding/binary"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"tollgate/packed"
)

// Leg is one target that a call was offered to, and what came of it. A call has as many as it had branches: for each fork,
// failover and followed redirection, each further answer of a fork behind a target, and each passage of a spiral.
type Leg struct {
	URI     string         // the Request-URI that was sent
	Address netip.AddrPort // where it was sent
	Status  int            // the final SIP status, 0: none came
	Asked   time.Duration  // from the call's setup to the sending
	Ended   time.Duration  // from the setup to the final status, or to when it was given up; 0: neither
}

// AddLeg notes a further leg and gives its index.
func (r *Record) AddLeg(l Leg) int {
	// A new array each time: events that are under way share the old one.
	legs := make([]Leg, len(r.Legs)+1)
	copy(legs, r.Legs)
	legs[len(r.Legs)] = l
	r.Legs = legs
	return len(legs) - 1
}

// EndLeg notes what came of a leg. Only the first end counts.
func (r *Record) EndLeg(index, status int, after time.Duration) {
	if index < 0 || index >= len(r.Legs) || r.Legs[index].Ended > 0 {
		return
	}
	r.Legs = slices.Clone(r.Legs)
	r.Legs[index].Status, r.Legs[index].Ended = status, max(after, 1)
}

// appendLegs writes "STATUS URI" of each leg, with a comma and a blank between them; the status of one without is a dash.
func appendLegs(dst []byte, s Source, _ Format) []byte {
	for i := range s.Call.Legs {
		l := &s.Call.Legs[i]
		if i > 0 {
			dst = append(dst, ", "...)
		}
		if l.Status == 0 {
			dst = append(dst, '-')
		} else {
			dst = strconv.AppendInt(dst, int64(l.Status), 10)
		}
		dst = append(append(dst, ' '), l.URI...)
	}
	return dst
}

func packLegs(dst []byte, legs []Leg) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(legs)))
	for i := range legs {
		l := &legs[i]
		dst = packed.AppendText(dst, l.URI)
		dst = packed.AppendAddrPort(dst, l.Address)
		dst = binary.AppendVarint(dst, int64(l.Status))
		dst = binary.AppendVarint(dst, int64(l.Asked))
		dst = binary.AppendVarint(dst, int64(l.Ended))
	}
	return dst
}

func (u *unpacker) legs() []Leg {
	n := u.Count(5)
	if n == 0 {
		return nil
	}
	legs := make([]Leg, n)
	for i := range legs {
		l := &legs[i]
		l.URI, l.Address = u.Text(), u.AddrPort()
		l.Status = int(u.Within(0, math.MaxInt16))
		l.Asked, l.Ended = time.Duration(u.Int()), time.Duration(u.Int())
	}
	return legs
}
