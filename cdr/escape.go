package cdr

import (
	"unicode"
	"unicode/utf8"
)

// Escaping says what is done to values that are put into a text. An escaped byte is written as % and two upper-case
// hex digits; percent-decoding a value gives back its bytes exactly.
type Escaping uint8

// The forms of escaping.
const (
	// Raw changes nothing: it is GnuGk's form and open to forgery. A caller's line feed or separator reaches the text as
	// it is, so only a consumer that gets values one by one (a bound SQL parameter, a RADIUS attribute) may use it.
	Raw Escaping = iota
	// Line escapes the separators | and ;, the escape character %, control characters (C0, DEL, C1), the line and
	// paragraph separators of Unicode and bytes that are no UTF-8. In a list of aliases the list's own separator is
	// escaped inside each alias as well: = in %{src-info} and %{dest-info}, the comma in %{aliases}.
	Line
	// Quoted is Line with double quotes around each value, and with " and \ escaped inside (syslog).
	Quoted
	// QuotedRaw is Raw with double quotes around each value: GnuGk's form in syslog.
	QuotedRaw
)

// quotes tells whether values stand in double quotes.
func (e Escaping) quotes() bool { return e == Quoted || e == QuotedRaw }

// escapeTail escapes dst[from:] in place. separator is escaped as well; 0 stands for none.
func escapeTail(dst []byte, from int, e Escaping, separator byte) []byte {
	if e == Raw || e == QuotedRaw {
		return dst
	}
	for i := from; i < len(dst); i++ {
		if c := dst[i]; c >= utf8.RuneSelf || special(c, e) || c == separator {
			return escapeRest(dst, i, e, separator)
		}
	}
	return dst
}

// escapeRest writes the escaped form behind the raw one and moves it down, so that it needs no buffer of its own.
func escapeRest(dst []byte, from int, e Escaping, separator byte) []byte {
	end := len(dst)
	for i := from; i < end; {
		c := dst[i]
		switch {
		case c >= utf8.RuneSelf:
			r, size := utf8.DecodeRune(dst[i:end])
			if unprintable(r, size) {
				for _, b := range dst[i : i+size] {
					dst = appendEscape(dst, b)
				}
			} else {
				dst = append(dst, dst[i:i+size]...)
			}
			i += size
			continue
		case special(c, e), c == separator:
			dst = appendEscape(dst, c)
		default:
			dst = append(dst, c)
		}
		i++
	}
	return dst[:from+copy(dst[from:], dst[end:])]
}

// special tells whether an ASCII byte is a separator, a control character or the escape character itself.
func special(c byte, e Escaping) bool {
	switch c {
	case '|', ';', '%', 0x7f:
		return true
	case '"', '\\':
		return e == Quoted
	}
	return c < ' '
}

// unprintable tells whether r ends a line for some consumer, steers a terminal, or stands for a byte that is no UTF-8.
func unprintable(r rune, size int) bool {
	const lineSeparator, paragraphSeparator = '\u2028', '\u2029'
	return r == utf8.RuneError && size == 1 || unicode.IsControl(r) || r == lineSeparator || r == paragraphSeparator
}

func appendEscape(dst []byte, c byte) []byte {
	const digits = "0123456789ABCDEF"
	return append(dst, '%', digits[c>>4], digits[c&15])
}
