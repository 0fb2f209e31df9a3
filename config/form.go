package config

import (
	"cmp"
	"fmt"
	"strings"
)

// allowed says in a message what values the key takes.
func (k *Key) allowed() string {
	switch k.Kind {
	case Bool:
		return "1, true, yes, allow or 0, false, no, forbid"
	case Int:
		return join("a whole number"+prefixed(" of ", k.Unit), k.rangeText(""))
	case Duration:
		return join("a number of "+k.Unit+" or a duration such as 1m30s or 250ms", k.rangeText(k.Unit))
	case Enum:
		return strings.Join(k.Values, ", ")
	}
	return ""
}

// form says in the sample and the tables what allowed says in a message, "" of any text.
func (k *Key) form() string {
	switch k.Kind {
	case Bool:
		return "0 or 1"
	case Int, Duration:
		return cmp.Or(k.rangeText(k.Unit), k.Unit, "number")
	case Enum:
		return strings.Join(k.Values, ", ")
	case Template:
		return "template"
	case Path:
		return "path"
	}
	return ""
}

// rangeText is the range of an Int or Duration, with the unit behind it.
func (k *Key) rangeText(unit string) string {
	low, hasLow := k.low()
	high, hasHigh := k.high()
	unit = prefixed(" ", unit)
	switch {
	case hasLow && hasHigh:
		return fmt.Sprintf("%d to %d%s", low, high, unit)
	case hasLow && (low != 0 || k.Kind == Int):
		return fmt.Sprintf("at least %d%s", low, unit)
	}
	return ""
}

// join is what there is of a and b.
func join(a, b string) string { return a + prefixed(", ", b) }

// prefixed is text with prefix before it, or "" if there is no text.
func prefixed(prefix, text string) string {
	if text == "" {
		return ""
	}
	return prefix + text
}
