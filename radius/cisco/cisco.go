// Package cisco names the Cisco attributes (vendor 9) of VoIP accounting and reads them from packets. All are texts; by
// convention the text of those numbered 23 and up repeats the name: "h323-call-type=VoIP".
//
// layeh.com/radius has no dictionary of them. What its generator makes of one is two thousand lines, and its Set and Del
// take other attributes of the packet away with those that they replace; these few lines do.
package cisco

import (
	"strings"

	layeh "layeh.com/radius"
	"layeh.com/radius/rfc2865"
)

// VendorID is Cisco's number.
const VendorID = 9

// The types.
const (
	AVPair              = 1
	NASPort             = 2
	H323RemoteAddress   = 23
	H323ConfID          = 24
	H323SetupTime       = 25
	H323CallOrigin      = 26
	H323CallType        = 27
	H323ConnectTime     = 28
	H323DisconnectTime  = 29
	H323DisconnectCause = 30
	H323VoiceQuality    = 31
	H323GwID            = 33
	H323IncomingConfID  = 35
	SIPConfID           = 100
	H323CreditAmount    = 101
	H323CreditTime      = 102
	H323ReturnCode      = 103
	ReleaseSource       = 115
	PreferredCodec      = 116
	RewrittenE164Num    = 117
	CallID              = 141
)

// Texts are the values of that type in the packet, in their order. Several attributes in one Vendor-Specific are
// understood; a malformed one ends the reading of its Vendor-Specific.
func Texts(attributes layeh.Attributes, t byte) []string {
	var texts []string
	for _, avp := range attributes {
		if avp.Type != rfc2865.VendorSpecific_Type {
			continue
		}
		vendor, rest, err := layeh.VendorSpecific(avp.Attribute)
		if err != nil || vendor != VendorID {
			continue
		}
		for len(rest) >= 2 && rest[1] >= 2 && int(rest[1]) <= len(rest) {
			if rest[0] == t {
				texts = append(texts, string(rest[2:rest[1]]))
			}
			rest = rest[rest[1]:]
		}
	}
	return texts
}

// Pair is the value of the first Cisco-AVPair NAME=VALUE.
func Pair(attributes layeh.Attributes, name string) (value string, found bool) {
	for _, text := range Texts(attributes, AVPair) {
		if key, value, ok := strings.Cut(text, "="); ok && key == name {
			return value, true
		}
	}
	return "", false
}
