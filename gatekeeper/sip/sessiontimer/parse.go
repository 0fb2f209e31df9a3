package sessiontimer

import (
	"bytes"
	"math"
)

// ParseExpires reads the value of Session-Expires, such as "1800;refresher=uas" (RFC 4028 4). Blanks and case don't matter.
// A refresher that is neither uac nor uas counts as none. A number beyond 32 bits counts as the largest, and zero as 1: it is
// too small whatever the policy, whereas 0 would mean that there is no such header. Not ok: this is no Session-Expires.
func ParseExpires(value []byte) (expires uint32, refresher string, ok bool) {
	number, params := cutParam(value)
	expires, ok = parseSeconds(number)
	if !ok {
		return 0, "", false
	}
	for len(params) > 0 && refresher == "" {
		var param []byte
		param, params = cutParam(params)
		refresher = parseRefresher(param)
	}
	return max(expires, 1), refresher, true
}

// ParseMinSE reads the value of Min-SE (RFC 4028 5), whose parameters mean nothing. Not ok: this is no Min-SE.
func ParseMinSE(value []byte) (uint32, bool) {
	number, _ := cutParam(value)
	return parseSeconds(number)
}

// HasTag tells whether the value of a Supported, Require or Proxy-Require header has the option tag, without case. The header
// may be given several times; this is one of its values.
func HasTag(value []byte, tag string) bool {
	for len(value) > 0 {
		var item []byte
		item, value, _ = bytes.Cut(value, []byte{','})
		if tag != "" && equalFold(trim(item), tag) {
			return true
		}
	}
	return false
}

// cutParam cuts value at the first semicolon that stands outside of a quoted string (RFC 3261 25.1).
func cutParam(value []byte) (before, after []byte) {
	quoted := false
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c == '"':
			quoted = !quoted
		case c == '\\' && quoted:
			i++
		case c == ';' && !quoted:
			return value[:i], value[i+1:]
		}
	}
	return value, nil
}

func parseRefresher(param []byte) string {
	name, value, _ := bytes.Cut(param, []byte{'='})
	if !equalFold(trim(name), "refresher") {
		return ""
	}
	for _, known := range [...]string{RefresherUAC, RefresherUAS} {
		if equalFold(trim(value), known) {
			return known
		}
	}
	return ""
}

// parseSeconds reads delta-seconds (RFC 3261 25.1).
func parseSeconds(text []byte) (uint32, bool) {
	text = trim(text)
	var n uint64
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = min(n*10+uint64(c-'0'), math.MaxUint32)
	}
	return uint32(n), len(text) > 0
}

// trim cuts blanks, and the line ends of a folded header (RFC 3261 7.3.1).
func trim(text []byte) []byte {
	for len(text) > 0 && isBlank(text[0]) {
		text = text[1:]
	}
	for len(text) > 0 && isBlank(text[len(text)-1]) {
		text = text[:len(text)-1]
	}
	return text
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// equalFold compares tokens, whose case is that of ASCII only.
func equalFold(a []byte, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i, c := range a {
		if lower(c) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
