package config

import (
	"strconv"
	"unicode/utf8"
)

// Names match without case, which here means the 26 letters: a file may be in any superset of ASCII, and GnuGk folds no
// other letters either.

// fold is name in the form that all names that match it share.
func fold(name string) string {
	folded := []byte(name)
	for i, b := range folded {
		folded[i] = lower(b)
	}
	return string(folded)
}

func same(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(b byte) byte {
	if 'A' <= b && b <= 'Z' {
		return b + 'a' - 'A'
	}
	return b
}

// maxQuoted is how much of a name or value a message shows, in bytes.
const maxQuoted = 80

// quote is text for a message: in quotes, with control characters escaped, and not longer than is readable.
func quote(text string) string {
	short := shorten(text)
	if short != text {
		return strconv.Quote(short) + "…"
	}
	return strconv.Quote(text)
}

// title is a section's name for a message, as it stands in the file but for control characters.
func title(name string) string {
	quoted := strconv.Quote(shorten(name))
	return "[" + quoted[1:len(quoted)-1] + "]"
}

func shorten(text string) string {
	if len(text) <= maxQuoted {
		return text
	}
	end := maxQuoted
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}
