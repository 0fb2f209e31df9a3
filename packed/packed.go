// Package packed is the binary form in which records and events are kept: numbers as varints, texts and lists with their
// length before them. Writing appends to a slice. The Reader checks every length against what is left, so that damaged or
// hostile bytes cost no more than themselves.
package packed

import (
	"encoding/binary"
	"net/netip"
	"time"
)

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

// AppendText writes a text or bytes.
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

// AppendAddr writes an address: the bytes of netip's own binary form, with their length before them.
func AppendAddr(dst []byte, addr netip.Addr) []byte {
	dst = binary.AppendUvarint(dst, uint64(addrLen(addr)))
	dst, _ = addr.AppendBinary(dst) // never fails
	return dst
}

// AppendAddrPort writes an address with its port in the same way.
func AppendAddrPort(dst []byte, addr netip.AddrPort) []byte {
	dst = binary.AppendUvarint(dst, uint64(addrLen(addr.Addr()))+2)
	dst, _ = addr.AppendBinary(dst) // never fails
	return dst
}

func addrLen(addr netip.Addr) int { return addr.BitLen()/8 + len(addr.Zone()) }

// AppendTime writes a time's wall time; it is valid from 1678 to 2262.
func AppendTime(dst []byte, t time.Time) []byte {
	if t.IsZero() {
		return append(dst, 0)
	}
	return binary.AppendVarint(append(dst, 1), t.UnixNano())
}
