// Package packed is the binary form in which the journal's records hold their values: numbers as varints, texts with
// their length before them. Writing appends to a slice; the Reader checks every length against what is left, so that
// damaged or hostile bytes cost no more than themselves.
package packed

import (
	"encoding/binary"
	"errors"
	"net/netip"
)

// ErrShort is the error of a Reader whose bytes end before the value does, or hold no such value.
var ErrShort = errors.New("packed: the bytes do not hold what is read from them")

// AppendUint writes an unsigned number.
func AppendUint(dst []byte, n uint64) []byte { return binary.AppendUvarint(dst, n) }

// AppendInt writes a signed number.
func AppendInt(dst []byte, n int64) []byte { return binary.AppendVarint(dst, n) }

// AppendBool writes a yes or no.
func AppendBool(dst []byte, yes bool) []byte {
	if yes {
		return append(dst, 1)
	}
	return append(dst, 0)
}

// AppendText writes a text or bytes with their length.
func AppendText[T string | []byte](dst []byte, text T) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(text))), text...)
}

// AppendTexts writes a list of texts.
func AppendTexts(dst []byte, texts []string) []byte {
	dst = AppendUint(dst, uint64(len(texts)))
	for _, text := range texts {
		dst = AppendText(dst, text)
	}
	return dst
}

// AppendAddr writes an address with its port; the zero AddrPort, too. A zone is not kept.
func AppendAddr(dst []byte, addr netip.AddrPort) []byte {
	raw := addr.Addr().WithZone("").AsSlice()
	dst = append(dst, byte(len(raw)))
	dst = append(dst, raw...)
	return binary.BigEndian.AppendUint16(dst, addr.Port())
}

// Reader takes values from bytes in the order in which they were written. The first that is not there ends it: all
// further ones are zero, and Err tells.
type Reader struct {
	rest []byte
	err  error
}

// NewReader reads from b, which must not change meanwhile.
func NewReader(b []byte) *Reader { return &Reader{rest: b} }

// Err is ErrShort once a value was not there.
func (r *Reader) Err() error { return r.err }

// Rest is what was not read.
func (r *Reader) Rest() []byte { return r.rest }

func (r *Reader) fail() { r.rest, r.err = nil, ErrShort }

// Uint reads what AppendUint wrote.
func (r *Reader) Uint() uint64 {
	n, size := binary.Uvarint(r.rest)
	if size <= 0 {
		r.fail()
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

// Int reads what AppendInt wrote.
func (r *Reader) Int() int64 {
	n, size := binary.Varint(r.rest)
	if size <= 0 {
		r.fail()
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

// Byte reads one byte.
func (r *Reader) Byte() byte {
	b := r.take(1)
	if b == nil {
		return 0
	}
	return b[0]
}

// Bool reads what AppendBool wrote.
func (r *Reader) Bool() bool { return r.Byte() != 0 }

// Bytes reads what AppendText wrote, without copying it.
func (r *Reader) Bytes() []byte { return r.take(r.Uint()) }

// Text reads what AppendText wrote.
func (r *Reader) Text() string { return string(r.Bytes()) }

// Texts reads what AppendTexts wrote.
func (r *Reader) Texts() []string {
	n := r.Uint()
	if n > uint64(len(r.rest)) { // each has a length of one byte at least
		r.fail()
		return nil
	}
	var texts []string
	for range n {
		texts = append(texts, r.Text())
	}
	return texts
}

// Addr reads what AppendAddr wrote.
func (r *Reader) Addr() netip.AddrPort {
	size := r.Byte()
	raw, port := r.take(uint64(size)), r.take(2)
	if r.err != nil || size == 0 {
		return netip.AddrPort{}
	}
	addr, ok := netip.AddrFromSlice(raw)
	if !ok {
		r.fail()
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(addr, binary.BigEndian.Uint16(port))
}

func (r *Reader) take(n uint64) []byte {
	if n > uint64(len(r.rest)) {
		r.fail()
		return nil
	}
	taken := r.rest[:n:n]
	r.rest = r.rest[n:]
	return taken
}
