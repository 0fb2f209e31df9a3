package acctstack

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"tollgate/cdr"
)

// eventVersion is the version of the binary form that AppendEvent writes. New fields come last and make a new version;
// DecodeEvent reads all versions from 1 on and leaves zero what an older one lacks.
const eventVersion = 1

// What follows the stamp, as bits.
const (
	hasRecord = 1 << iota
	hasEndpoint
)

// AppendEvent writes the event's binary form to dst: version, kind, call, sequence number, stamp, record or endpoint. The
// trail is not part of it.
func AppendEvent(dst []byte, ev *Event) []byte {
	dst = append(dst, eventVersion, byte(ev.Kind))
	dst = append(dst, ev.Call[:]...)
	dst = binary.AppendUvarint(dst, uint64(ev.Seq))
	dst = ev.Stamp.AppendBinary(dst)
	at := len(dst)
	dst = append(dst, 0)
	if ev.Record != nil {
		dst[at] |= hasRecord
		dst = ev.Record.AppendBinary(dst)
	}
	if ev.Endpoint != nil {
		dst[at] |= hasEndpoint
		dst = ev.Endpoint.AppendBinary(dst)
	}
	return dst
}

var errCut = errors.New("cut short")

// DecodeEvent reads what AppendEvent wrote, all of b. Its Trail is nil. It keeps nothing of b.
func DecodeEvent(b []byte) (*Event, error) {
	ev := &Event{}
	rest, err := ev.decodeHead(b)
	if err == nil {
		rest, err = ev.decodeParts(rest)
	}
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("%d bytes too many", len(rest))
	}
	if err != nil {
		return nil, fmt.Errorf("decoding event: %w", err)
	}
	return ev, nil
}

func (e *Event) decodeHead(b []byte) (rest []byte, err error) {
	if len(b) > 0 && b[0] != eventVersion {
		return nil, fmt.Errorf("unknown version %d, the newest known is %d", b[0], eventVersion)
	}
	if len(b) < 2+len(e.Call) {
		return nil, errCut
	}
	if e.Kind = Kind(b[1]); e.Kind >= kindCount {
		return nil, fmt.Errorf("unknown kind %d", b[1])
	}
	b = b[2+copy(e.Call[:], b[2:]):]
	seq, n := binary.Uvarint(b)
	if n == 0 {
		return nil, errCut
	}
	if n < 0 || seq > math.MaxUint32 {
		return nil, errors.New("a sequence number of more than 32 bits")
	}
	e.Seq = uint32(seq)
	return b[n:], nil
}

func (e *Event) decodeParts(b []byte) (rest []byte, err error) {
	stamp, b, err := cdr.DecodeStamp(b)
	if err != nil {
		return nil, err
	}
	e.Stamp = *stamp
	if len(b) == 0 {
		return nil, errCut
	}
	has, b := b[0], b[1:]
	if has&^(hasRecord|hasEndpoint) != 0 {
		return nil, fmt.Errorf("unknown parts %b", has)
	}
	if has&hasRecord != 0 {
		if e.Record, b, err = cdr.DecodeRecord(b); err != nil {
			return nil, err
		}
	}
	if has&hasEndpoint != 0 {
		if e.Endpoint, b, err = cdr.DecodeEndpoint(b); err != nil {
			return nil, err
		}
	}
	return b, nil
}
