package sip

import "bytes"

// What the headers are made of: lines, tokens, numbers and quoted strings (RFC 3261 25.1).

// cutLine gives the line that begins at at, without its end (CR LF or LF), and the offset of the next one.
func cutLine(raw []byte, at int) (line []byte, next int) {
	i := bytes.IndexByte(raw[at:], '\n')
	if i < 0 {
		return raw[at:], len(raw)
	}
	line = raw[at : at+i]
	if i > 0 && line[i-1] == '\r' {
		line = line[:i-1]
	}
	return line, at + i + 1
}

// hasControl tells of bytes that would let a line be read as something else further down: NUL, and CR that ends no
// line.
func hasControl(line []byte) bool {
	return bytes.IndexByte(line, 0) >= 0 || bytes.IndexByte(line, '\r') >= 0
}

// isQuotedNUL tells whether the only control characters of an address header are NULs that its display name escapes, as
// RFC 3261 25.1's quoted-pair may. Nobody has to read that name.
func isQuotedNUL(id headerID, value []byte) bool {
	if id != hdrFrom && id != hdrTo && id != hdrContact && id != hdrOther || len(value) == 0 || value[0] != '"' {
		return false
	}
	i := 1
	for ; i < len(value) && value[i] != '"'; i++ {
		escaped := value[i] == '\\'
		if escaped {
			i++
		}
		if i >= len(value) || value[i] == '\r' || value[i] == 0 && !escaped {
			return false
		}
	}
	if i >= len(value) {
		return false
	}
	rest := bytes.TrimLeft(value[i+1:], " \t")
	return len(rest) > 0 && rest[0] == '<' && !hasControl(rest)
}

func blank(b []byte) {
	for i := range b {
		b[i] = ' '
	}
}

// isToken checks RFC 3261 25.1's token.
func isToken(b []byte) bool {
	for _, c := range b {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-':
		case c == '.', c == '!', c == '%', c == '*', c == '_', c == '+', c == '`', c == '\'', c == '~':
		default:
			return false
		}
	}
	return len(b) > 0
}

// decimal reads an unsigned number of at most ten digits, and any zeros in front.
func decimal(b []byte) (n uint64, ok bool) {
	digits := 0
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		if n = n*10 + uint64(c-'0'); n > 0 {
			digits++
		}
		if digits > 10 {
			return 0, false
		}
	}
	return n, len(b) > 0
}

// equalFold compares with a lower-case ASCII word.
func equalFold(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// outside goes over a value and tells of each byte whether it stands outside of quoted strings (RFC 3261 25.1), the
// quotes included, and of angle brackets.
type outside struct{ quoted, escaped, bracket bool }

// isAt takes the next byte. The brackets themselves are outside of brackets.
func (o *outside) isAt(c byte) bool {
	switch {
	case o.quoted:
		if o.escaped {
			o.escaped = false
		} else if c == '\\' {
			o.escaped = true
		} else if c == '"' {
			o.quoted = false
		}
		return false
	case c == '"':
		o.quoted = true
		return false
	case c == '<':
		o.bracket = true
		return true
	case c == '>':
		o.bracket = false
		return true
	}
	return !o.bracket
}

// isClosed tells whether every quote and angle bracket is closed. If one is not, nobody can say what its parameters are.
func isClosed(value []byte) bool {
	var o outside
	for _, c := range value {
		o.isAt(c)
	}
	return !o.quoted && !o.bracket
}

// isPlain tells whether every quote is closed, and no angle bracket stands outside of quotes.
func isPlain(value []byte) bool {
	var o outside
	for _, c := range value {
		if o.isAt(c) && (c == '<' || c == '>') {
			return false
		}
	}
	return !o.quoted
}

// cutOutside cuts at the first separator that stands neither in quotes nor in angle brackets.
func cutOutside(value []byte, separator byte) (before, after []byte) {
	var o outside
	for i, c := range value {
		if o.isAt(c) && c == separator {
			return value[:i], value[i+1:]
		}
	}
	return value, nil
}
