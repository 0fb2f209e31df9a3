package cdr

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"
)

// NewUUID makes the identifier of an event that happens now: RFC 9562 5.7 (version 7), 48 bits of Unix milliseconds and
// 74 random bits. A time before 1970 counts as 1970.
func NewUUID(now time.Time) UUID {
	var u UUID
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(max(now.UnixMilli(), 0)))
	copy(u[:6], ms[2:])
	_, _ = rand.Read(u[6:])    // crypto/rand ends the program rather than return an error
	u[6] = u[6]&0x0f | 7<<4    // RFC 9562 4.2: the version
	u[8] = u[8]&0x3f | 0b10<<6 // RFC 9562 4.1: the variant
	return u
}

// ParseUUID reads the form that String writes, in either case. Any other text is an error.
func ParseUUID(text string) (UUID, error) {
	var u UUID
	if len(text) != 36 || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-' {
		return UUID{}, fmt.Errorf("uuid %q: not of the form 8-4-4-4-12", text)
	}
	digits := text[:8] + text[9:13] + text[14:18] + text[19:23] + text[24:]
	if _, err := hex.Decode(u[:], []byte(digits)); err != nil {
		return UUID{}, fmt.Errorf("uuid %q: not hexadecimal", text)
	}
	return u, nil
}

// String is the text form: 8-4-4-4-12 hex digits in lower case.
func (u UUID) String() string { return string(u.Append(nil)) }

// Append writes the text form to dst.
func (u UUID) Append(dst []byte) []byte {
	from := 0
	for _, end := range [...]int{4, 6, 8, 10, 16} {
		if from > 0 {
			dst = append(dst, '-')
		}
		dst = hex.AppendEncode(dst, u[from:end])
		from = end
	}
	return dst
}

// AppendText implements encoding.TextAppender; it never fails.
func (u UUID) AppendText(dst []byte) ([]byte, error) { return u.Append(dst), nil }

// CallIDOf is the identifier of a SIP call: the first 16 bytes of the SHA-256 of its Call-ID.
func CallIDOf(sipCallID string) CallID {
	sum := sha256.Sum256([]byte(sipCallID))
	return CallID(sum[:16])
}

// ParseCallID reads 16 bytes of hex digits in either case, with or without a blank or a dash between two bytes: what the
// Append functions for blanks and dashes write. Any other text is an error.
func ParseCallID(text string) (CallID, error) {
	var id CallID
	n := 0
	for i := 0; i < len(text); n++ {
		if n > 0 && (text[i] == ' ' || text[i] == '-') {
			i++
		}
		if n == len(id) || i+2 > len(text) {
			return CallID{}, fmt.Errorf("call identifier %q: not 16 bytes", text)
		}
		b, err := strconv.ParseUint(text[i:i+2], 16, 8)
		if err != nil {
			return CallID{}, fmt.Errorf("call identifier %q: not hexadecimal", text)
		}
		id[n] = byte(b)
		i += 2
	}
	if n != len(id) {
		return CallID{}, fmt.Errorf("call identifier %q: not 16 bytes", text)
	}
	return id, nil
}

// String is the form with blanks.
func (id CallID) String() string { return string(id.AppendBlanks(nil)) }

// AppendBlanks writes the form of %{CallId} and the CDR line: bytes in lower-case hex with a blank between two.
func (id CallID) AppendBlanks(dst []byte) []byte { return id.appendSeparated(dst, ' ') }

// AppendDashes writes the form of StatusAcct and the status port's commands: as AppendBlanks, with dashes.
func (id CallID) AppendDashes(dst []byte) []byte { return id.appendSeparated(dst, '-') }

// AppendWords writes the form of h323-conf-id in RADIUS: four 32-bit words in upper-case hex without leading zeros, with
// a blank between two.
func (id CallID) AppendWords(dst []byte) []byte {
	for i := 0; i < len(id); i += 4 {
		if i > 0 {
			dst = append(dst, ' ')
		}
		from := len(dst)
		dst = strconv.AppendUint(dst, uint64(binary.BigEndian.Uint32(id[i:])), 16)
		for j, c := range dst[from:] {
			if c >= 'a' {
				dst[from+j] = c - 'a' + 'A'
			}
		}
	}
	return dst
}

func (id CallID) appendSeparated(dst []byte, separator byte) []byte {
	const digits = "0123456789abcdef"
	for i, b := range id {
		if i > 0 {
			dst = append(dst, separator)
		}
		dst = append(dst, digits[b>>4], digits[b&15])
	}
	return dst
}
