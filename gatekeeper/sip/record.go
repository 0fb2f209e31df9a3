package sip

import (
	"bytes"
	"net/netip"
	"strconv"
	"strings"
	"time"

	sipgo "github.com/emiago/sipgo/sip"

	"tollgate/cdr"
)

// newRecord makes the record of a call from its INVITE. What the fields mean for SIP is in docs/placeholders.md.
func newRecord(m *message, from, to netip.AddrPort) cdr.Record {
	now := time.Now()
	callID := string(m.callID)
	r := cdr.Record{CallID: cdr.CallIDOf(callID), SIPCallID: callID, Setup: now, Now: now, Released: cdr.ReleasedByUnknown}
	r.ConfID = r.CallID
	r.Caller = cdr.Party{Address: from, Vendor: m.vendor()}
	r.Callee = cdr.Party{Address: to}
	describe(&r.Caller, m)
	fromURI, toURI := addressIn(m.from), m.uri
	r.User = unescape(userOf(fromURI))
	r.CallingStation = r.User
	r.Dialed = unescape(userOf(toURI))
	r.CalledStation = r.Dialed
	r.Src, r.Dest = aliases(fromURI), aliases(toURI)
	return r
}

// aliases names a party: its user part, by GnuGk's types for a number or a name, and user@host.
func aliases(uri []byte) []cdr.Alias {
	var list []cdr.Alias
	user := userOf(uri)
	if name := unescape(user); name != "" {
		kind := cdr.H323ID
		if isNumber(name) {
			kind = cdr.DialedDigits
		}
		list = append(list, cdr.Alias{Value: name, Type: kind})
	}
	if host := hostOf(uri); host != "" {
		list = append(list, cdr.Alias{Value: strings.TrimPrefix(user+"@"+host, "@"), Type: cdr.URLID})
	}
	return list
}

func isNumber(user string) bool {
	return strings.Trim(strings.TrimPrefix(user, "+"), "0123456789*#,") == "" && strings.Trim(user, "+") != ""
}

// userOf is the user part of a SIP URI, or the number of a tel URI, without parameters and password, still escaped.
func userOf(uri []byte) string {
	scheme, rest, _ := bytes.Cut(uri, []byte(":"))
	if equalFold(scheme, "tel") {
		number, _, _ := bytes.Cut(rest, []byte(";"))
		return string(number)
	}
	user, _, ok := bytes.Cut(rest, []byte("@"))
	if !ok {
		return ""
	}
	user, _, _ = bytes.Cut(user, []byte(":"))
	user, _, _ = bytes.Cut(user, []byte(";"))
	return string(user)
}

// unescape resolves %XX (RFC 3261 19.1.2), so that a number is the same number however it is written: for its route and in
// its record. Control characters stay escaped.
func unescape(user string) string {
	if strings.IndexByte(user, '%') < 0 {
		return user
	}
	out := make([]byte, 0, len(user))
	for i := 0; i < len(user); i++ {
		c := user[i]
		if c == '%' && i+2 < len(user) {
			n, err := strconv.ParseUint(user[i+1:i+3], 16, 8)
			if err == nil && n >= ' ' && n != 0x7f {
				c, i = byte(n), i+2
			}
		}
		out = append(out, c)
	}
	return string(out)
}

// hostOf is host[:port] of a SIP URI; a tel URI has none.
func hostOf(uri []byte) string {
	scheme, rest, _ := bytes.Cut(uri, []byte(":"))
	if equalFold(scheme, "tel") {
		return ""
	}
	if i := bytes.IndexByte(rest, '@'); i >= 0 {
		rest = rest[i+1:]
	}
	if i := bytes.IndexAny(rest, ";?"); i >= 0 {
		rest = rest[:i]
	}
	return string(rest)
}

// vendor is the product that the sender names.
func (m *message) vendor() string {
	id := hdrServer
	if m.request {
		id = hdrUserAgent
	}
	v := m.find(id)
	if v == nil {
		v = m.find(hdrUserAgent)
	}
	return string(v)
}

// ours tells whether a route is one of ours.
func (f *Front) ours(route []byte) bool {
	address := addressIn(route)
	if f.isOwnRoute(address) {
		return true
	}
	var uri sipgo.Uri
	return sipgo.ParseUri(string(address), &uri) == nil && f.isOurs(&uri)
}
