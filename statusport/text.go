package statusport

import (
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"tollgate/cdr"
)

const hexDigits = "0123456789ABCDEF"

// line is a reply of one line.
func line(text string) []byte { return append(appendText(nil, text), '\r', '\n') }

// appendText writes text that may have come from a peer so that it stays one line and steers no terminal: control
// characters, Unicode's line separators and what is no UTF-8 become %XX.
func appendText(dst []byte, text string) []byte { return appendEscaped(dst, text, "") }

// appendField is appendText for a field of a line: the separators and the escape character become %XX, too.
func appendField(dst []byte, text string) []byte { return appendEscaped(dst, text, "|;%") }

func appendEscaped(dst []byte, text, special string) []byte {
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		if strings.IndexByte(special, text[i]) >= 0 || unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || r == utf8.RuneError && size == 1 {
			for _, b := range []byte(text[i : i+size]) {
				dst = append(dst, '%', hexDigits[b>>4], hexDigits[b&15])
			}
		} else {
			dst = append(dst, text[i:i+size]...)
		}
		i += size
	}
	return dst
}

// appendUptime writes "Startup: TIME   Running: D days HH:MM:SS" without a line end.
func appendUptime(dst []byte, times *cdr.TimeFormat, started, now time.Time) []byte {
	dst = append(dst, "Startup: "...)
	dst = times.Append(dst, started)
	dst = append(dst, "   Running: "...)
	secs := max(int64(now.Sub(started)/time.Second), 0)
	dst = strconv.AppendInt(dst, secs/86400, 10)
	dst = append(dst, " days "...)
	dst = appendTwo(dst, secs/3600%24)
	dst = append(dst, ':')
	dst = appendTwo(dst, secs/60%60)
	dst = append(dst, ':')
	return appendTwo(dst, secs%60)
}

func appendTwo(dst []byte, n int64) []byte { return append(dst, byte('0'+n/10), byte('0'+n%10)) }
