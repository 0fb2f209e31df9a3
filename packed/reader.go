package packed

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// ErrShort is the reason why a value could not be read: the bytes end before it does.
var ErrShort = errors.New("cut short")

// Reader takes values from bytes in the order in which they were written. The first that is not there, or makes no sense,
// ends it: all further ones are zero.
type Reader struct {
	body []byte
	text string // body again, for texts to be cut from: one allocation for all
	at   int
	err  error
}

// NewReader reads from b, which must not change meanwhile.
func NewReader(b []byte) *Reader { return &Reader{body: b} }

// Err tells the first value that could not be read, and where.
func (r *Reader) Err() error { return r.err }

// Rest is what was not read.
func (r *Reader) Rest() []byte { return r.body[r.at:] }

// Done is Err; bytes that are left over are an error, too.
func (r *Reader) Done() error {
	if r.err == nil && r.at != len(r.body) {
		r.Fail(fmt.Errorf("%d bytes too many", len(r.body)-r.at))
	}
	return r.err
}

// Fail ends the reading: the value that was read last makes no sense.
func (r *Reader) Fail(err error) {
	switch {
	case r.err != nil:
	case len(r.body) == 0:
		r.err = err
	default:
		r.err = fmt.Errorf("byte %d: %w", r.at, err)
	}
	r.at = len(r.body)
}

// Uint reads what AppendUint wrote.
func (r *Reader) Uint() uint64 {
	v, n := binary.Uvarint(r.body[r.at:])
	return number(r, v, n)
}

// Int reads what AppendInt wrote.
func (r *Reader) Int() int64 {
	v, n := binary.Varint(r.body[r.at:])
	return number(r, v, n)
}

// number passes on the number that was read from n bytes; n as binary.Uvarint gives it.
func number[N uint64 | int64](r *Reader, v N, n int) N {
	switch {
	case n > 0:
		r.at += n
		return v
	case n < 0:
		r.Fail(errors.New("a number of more than 64 bits"))
	default:
		r.Fail(ErrShort)
	}
	return 0
}

// Within reads what AppendInt wrote, which must lie in the range.
func (r *Reader) Within(low, high int64) int64 {
	v := r.Int()
	if v < low || v > high {
		r.Fail(fmt.Errorf("%d is not in %d to %d", v, low, high))
		return low
	}
	return v
}

// Count reads the number of things to come, each of at least size bytes, so that no more is allocated than there is.
func (r *Reader) Count(size int) int {
	n := r.Uint()
	if n > uint64((len(r.body)-r.at)/size) {
		r.Fail(ErrShort)
		return 0
	}
	return int(n)
}

// Fixed fills dst.
func (r *Reader) Fixed(dst []byte) {
	if len(dst) > len(r.body)-r.at {
		r.Fail(ErrShort)
		return
	}
	r.at += copy(dst, r.body[r.at:])
}

// Byte reads one byte.
func (r *Reader) Byte() byte {
	var b [1]byte
	r.Fixed(b[:])
	return b[0]
}

// Bool reads what AppendBool wrote.
func (r *Reader) Bool() bool {
	b := r.Byte()
	if b > 1 {
		r.Fail(fmt.Errorf("%d is neither 0 nor 1", b))
	}
	return b == 1
}

// Bytes reads what AppendText wrote, without copying it.
func (r *Reader) Bytes() []byte {
	n := r.Count(1)
	r.at += n
	return r.body[r.at-n : r.at : r.at]
}

// Text reads what AppendText wrote.
func (r *Reader) Text() string {
	n := r.Count(1)
	if n > 0 && r.text == "" {
		r.text = string(r.body)
	}
	r.at += n
	return r.text[min(r.at-n, len(r.text)):min(r.at, len(r.text))]
}

// Texts reads what AppendTexts wrote.
func (r *Reader) Texts() []string {
	var texts []string
	for range r.Count(1) {
		texts = append(texts, r.Text())
	}
	return texts
}

// Addr reads what AppendAddr wrote.
func (r *Reader) Addr() (addr netip.Addr) {
	if err := addr.UnmarshalBinary(r.Bytes()); err != nil {
		r.Fail(err)
	}
	return addr
}

// AddrPort reads what AppendAddrPort wrote.
func (r *Reader) AddrPort() (addr netip.AddrPort) {
	if b := r.Bytes(); r.err == nil {
		if err := addr.UnmarshalBinary(b); err != nil {
			r.Fail(err)
		}
	}
	return addr
}

// Time reads what AppendTime wrote, as a local time.
func (r *Reader) Time() time.Time {
	if !r.Bool() {
		return time.Time{}
	}
	ns := r.Int()
	if r.err != nil {
		return time.Time{}
	}
	return time.Unix(0, ns)
}
