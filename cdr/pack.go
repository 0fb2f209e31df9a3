package cdr

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// The binary forms of this package are frames: a version byte, the length of the body in 4 bytes (little endian), the body.
// In a body, numbers are varints (zigzag if they may be negative), and texts and lists have their length before them.

const frameHead = 5

func openFrame(dst []byte, version byte) []byte { return append(dst, version, 0, 0, 0, 0) }

// closeFrame enters the length of the frame that begins at from and ends with dst.
func closeFrame(dst []byte, from int) []byte {
	binary.LittleEndian.PutUint32(dst[from+1:], uint32(len(dst)-from-frameHead))
	return dst
}

func packString(dst []byte, s string) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}

func packBool(dst []byte, b bool) []byte {
	if b {
		return append(dst, 1)
	}
	return append(dst, 0)
}

// packAddr writes the bytes of netip's own binary form, with their length before them.
func packAddr(dst []byte, addr netip.Addr) []byte {
	dst = binary.AppendUvarint(dst, uint64(addrLen(addr)))
	dst, _ = addr.AppendBinary(dst) // never fails
	return dst
}

func packAddrPort(dst []byte, addr netip.AddrPort) []byte {
	dst = binary.AppendUvarint(dst, uint64(addrLen(addr.Addr()))+2)
	dst, _ = addr.AppendBinary(dst) // never fails
	return dst
}

func addrLen(addr netip.Addr) int { return addr.BitLen()/8 + len(addr.Zone()) }

// packTime writes a time's wall time; it is valid from 1678 to 2262.
func packTime(dst []byte, t time.Time) []byte {
	if t.IsZero() {
		return append(dst, 0)
	}
	return binary.AppendVarint(append(dst, 1), t.UnixNano())
}

// unpacker reads the body of a frame. After an error it gives zero values; done tells the error.
type unpacker struct {
	body []byte
	text string // body again, for strings to be cut from: one allocation for all
	at   int
	err  error
}

var errCut = errors.New("cut short")

// unpack opens the frame that src begins with, if it has a version from 1 to newest, and gives what follows it.
func unpack(src []byte, newest byte) (u unpacker, rest []byte) {
	if len(src) == 0 {
		return unpacker{err: errCut}, nil
	}
	if src[0] < 1 || src[0] > newest {
		return unpacker{err: fmt.Errorf("unknown version %d, the newest known is %d", src[0], newest)}, nil
	}
	if len(src) < frameHead {
		return unpacker{err: errCut}, nil
	}
	n := uint64(binary.LittleEndian.Uint32(src[1:]))
	if n > uint64(len(src)-frameHead) {
		return unpacker{err: errCut}, nil
	}
	end := frameHead + int(n)
	return unpacker{body: src[frameHead:end], text: string(src[frameHead:end])}, src[end:]
}

func (u *unpacker) fail(err error) {
	if u.err == nil {
		u.err = fmt.Errorf("byte %d: %w", u.at, err)
	}
	u.at = len(u.body)
}

// done is the first error; bytes that are left over are one.
func (u *unpacker) done() error {
	if u.err == nil && u.at != len(u.body) {
		u.fail(fmt.Errorf("%d bytes too many", len(u.body)-u.at))
	}
	return u.err
}

func (u *unpacker) uint() uint64 {
	v, n := binary.Uvarint(u.body[u.at:])
	return take(u, v, n)
}

func (u *unpacker) int64() int64 {
	v, n := binary.Varint(u.body[u.at:])
	return take(u, v, n)
}

// take passes on the number that was read from n bytes; n as binary.Uvarint gives it.
func take[N uint64 | int64](u *unpacker, v N, n int) N {
	switch {
	case n > 0:
		u.at += n
		return v
	case n < 0:
		u.fail(errors.New("a number of more than 64 bits"))
	default:
		u.fail(errCut)
	}
	return 0
}

// within is a number that must lie in the range.
func (u *unpacker) within(low, high int64) int64 {
	v := u.int64()
	if v < low || v > high {
		u.fail(fmt.Errorf("%d is not in %d to %d", v, low, high))
		return low
	}
	return v
}

// count is the number of things to come, each of at least size bytes, so that no more is allocated than there is.
func (u *unpacker) count(size int) int {
	n := u.uint()
	if n > uint64((len(u.body)-u.at)/size) {
		u.fail(errCut)
		return 0
	}
	return int(n)
}

// fixed fills dst.
func (u *unpacker) fixed(dst []byte) {
	if len(dst) > len(u.body)-u.at {
		u.fail(errCut)
		return
	}
	u.at += copy(dst, u.body[u.at:])
}

func (u *unpacker) byte() byte {
	var b [1]byte
	u.fixed(b[:])
	return b[0]
}

func (u *unpacker) bool() bool {
	b := u.byte()
	if b > 1 {
		u.fail(fmt.Errorf("%d is neither 0 nor 1", b))
	}
	return b == 1
}

func (u *unpacker) string() string {
	n := u.count(1)
	u.at += n
	return u.text[u.at-n : u.at]
}

// bytes is as string, but valid only until the frame's memory is used again.
func (u *unpacker) bytes() []byte {
	n := u.count(1)
	u.at += n
	return u.body[u.at-n : u.at]
}

func (u *unpacker) addr() (addr netip.Addr) {
	if err := addr.UnmarshalBinary(u.bytes()); err != nil {
		u.fail(err)
	}
	return addr
}

func (u *unpacker) addrPort() (addr netip.AddrPort) {
	if b := u.bytes(); u.err == nil {
		if err := addr.UnmarshalBinary(b); err != nil {
			u.fail(err)
		}
	}
	return addr
}

func (u *unpacker) time() time.Time {
	if !u.bool() {
		return time.Time{}
	}
	ns := u.int64()
	if u.err != nil {
		return time.Time{}
	}
	return time.Unix(0, ns)
}
