package radius

import (
	"encoding/binary"
	"math"
	"net/netip"
	"time"
	"unicode/utf8"

	layeh "layeh.com/radius"
	"layeh.com/radius/rfc2865"
)

// The limits of RFC 2865 3 and 5: a packet, the value of an attribute, and the value inside a vendor's attribute of the
// recommended form, which has six octets of header of its own.
const (
	maxPacket      = 4096
	maxValue       = 253
	maxVendorValue = 247
	headerLength   = 20
)

// Attributes are the attributes of a request in the making, in wire form. The numbers of the types are those of
// layeh.com/radius's packages; they are written straight into one buffer, since layeh's packet needs three allocations
// for each attribute. The zero Attributes is ready for use, and Reset keeps its memory.
//
// Write the important attributes first: when the packet is full, the one that doesn't fit and all after it are left out.
type Attributes struct {
	wire    []byte
	leftOut int
}

// Reset takes all attributes away.
func (a *Attributes) Reset() { a.wire, a.leftOut = a.wire[:0], 0 }

// LeftOut counts the attributes that did not fit into the packet.
func (a *Attributes) LeftOut() int { return a.leftOut }

// Wire is the encoded form; it is valid until the next change.
func (a *Attributes) Wire() []byte { return a.wire }

// Text adds a text, cut to 253 octets between two characters. An empty one is not added: RFC 2865 5 wants it omitted.
func (a *Attributes) Text(t layeh.Type, value string) {
	if value == "" {
		return
	}
	value = cut(value, maxValue)
	if a.header(t, len(value)) {
		a.wire = append(a.wire, value...)
	}
}

// Integer adds a number of 32 bits.
func (a *Attributes) Integer(t layeh.Type, value uint32) {
	if a.header(t, 4) {
		a.wire = binary.BigEndian.AppendUint32(a.wire, value)
	}
}

// Time adds a time in whole seconds since 1970, at most what 32 bits hold (2106).
func (a *Attributes) Time(t layeh.Type, at time.Time) {
	a.Integer(t, uint32(min(max(at.Unix(), 0), math.MaxUint32)))
}

// Address adds an address as type v4 or, of all 16 octets, as type v6 (RFC 3162); nothing for the zero address.
func (a *Attributes) Address(v4, v6 layeh.Type, addr netip.Addr) {
	switch addr = addr.Unmap(); {
	case addr.Is4():
		ip := addr.As4()
		if a.header(v4, len(ip)) {
			a.wire = append(a.wire, ip[:]...)
		}
	case addr.Is6():
		ip := addr.As16()
		if a.header(v6, len(ip)) {
			a.wire = append(a.wire, ip[:]...)
		}
	}
}

// Vendor adds one attribute of a vendor in a Vendor-Specific of its own (RFC 2865 5.26), its text cut to 247 octets
// between two characters. An empty text is not added.
func (a *Attributes) Vendor(vendor uint32, t byte, value []byte) {
	if len(value) == 0 {
		return
	}
	value = cut(value, maxVendorValue)
	if a.header(rfc2865.VendorSpecific_Type, len(value)+6) {
		a.wire = binary.BigEndian.AppendUint32(a.wire, vendor)
		a.wire = append(a.wire, t, byte(len(value)+2))
		a.wire = append(a.wire, value...)
	}
}

// header begins an attribute, or counts it as left out: room is kept for the packet's header and Acct-Delay-Time.
func (a *Attributes) header(t layeh.Type, length int) bool {
	if a.leftOut > 0 || headerLength+len(a.wire)+2+length > maxPacket-delayLength {
		a.leftOut++
		return false
	}
	a.wire = append(a.wire, byte(t), byte(length+2))
	return true
}

// cut shortens a text to at most limit octets without leaving a part of a character behind.
func cut[T string | []byte](text T, limit int) T {
	if len(text) <= limit {
		return text
	}
	end := limit
	for end > limit-utf8.UTFMax && !utf8.RuneStart(text[end]) {
		end--
	}
	if !utf8.RuneStart(text[end]) { // no UTF-8 at all
		end = limit
	}
	return text[:end]
}
