package config

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// check tells what is wrong with a value that the file gives to the key.
func (k *Key) check(raw string) error {
	if raw == "" && k.hasForm() {
		if k.Default == "" {
			return nil
		}
		return fmt.Errorf("empty; allowed: %s; without the line it is %s", k.allowed(), k.Default)
	}
	if err := k.checkForm(raw); err != nil {
		return err
	}
	if k.Check == nil {
		return nil
	}
	err := k.Check(raw)
	if err != nil && k.Secret && repeats(err.Error(), raw) {
		return errors.New("not a legal value (it is not shown, as it holds a secret)")
	}
	return err
}

// hasForm tells whether the kind gives the value a form that an empty one lacks.
func (k *Key) hasForm() bool {
	return k.Kind == Bool || k.Kind == Int || k.Kind == Duration || k.Kind == Enum
}

func (k *Key) checkForm(raw string) error {
	switch k.Kind {
	case Bool:
		return k.checkBool(raw)
	case Int:
		n, err := parseInt(raw)
		if err != nil {
			return k.refuse(raw, "is not a whole number")
		}
		return k.checkRange(raw, n, 1)
	case Duration:
		d, err := parseDuration(raw, k.Unit)
		if err != nil {
			return k.refuse(raw, "is not a duration")
		}
		return k.checkRange(raw, int64(d), int64(unitSize(k.Unit)))
	case Enum:
		if k.spelled(raw) == "" {
			return k.refuse(raw, "is not a legal value")
		}
	}
	return nil
}

// refuse is the error for a value that is not what is allowed.
func (k *Key) refuse(raw, why string) error {
	if k.Secret {
		return fmt.Errorf("the value %s; allowed: %s", why, k.allowed())
	}
	hint := ""
	if near := Nearest(raw, k.Values); k.Kind == Enum && near != "" {
		hint = fmt.Sprintf("; did you mean %q?", near)
	}
	return fmt.Errorf("%s %s; allowed: %s%s", quote(raw), why, k.allowed(), hint)
}

// checkRange compares n with the bounds, which are in units of size. Multiplying a bound cannot overflow where it
// matters: a bound above what fits holds for every n.
func (k *Key) checkRange(raw string, n, size int64) error {
	if low, has := k.low(); has && low > math.MinInt64/size && n < low*size {
		return k.refuse(raw, "is too small")
	}
	if high, has := k.high(); has && high < math.MaxInt64/size && n > high*size {
		return k.refuse(raw, "is too large")
	}
	return nil
}

func (k *Key) low() (int64, bool) {
	if k.Min == 0 && k.Max == 0 {
		return 0, k.Kind == Duration
	}
	return k.Min, true
}

func (k *Key) high() (int64, bool) {
	return k.Max, k.Max >= k.Min && (k.Min != 0 || k.Max != 0)
}

// The words of a Bool. GnuGk looks at the first letter alone, so that "on" is no; words that would surprise are refused.
func yes() []string { return []string{"1", "t", "true", "y", "yes", "a", "allow", "accept"} }
func no() []string  { return []string{"0", "f", "false", "n", "no", "forbid", "deny", "reject"} }

func (k *Key) checkBool(raw string) error {
	word := fold(raw)
	if slices.Contains(yes(), word) || slices.Contains(no(), word) {
		return nil
	}
	if word == "on" || word == "off" {
		return k.refuse(raw, "is ambiguous (GnuGk takes both for no)")
	}
	return k.refuse(raw, "is neither yes nor no")
}

func asBool(raw string) bool {
	return raw != "" && strings.IndexByte("tT1yYaA", raw[0]) >= 0
}

// spelled is the enum value that raw means, as it is declared; "" for none.
func (k *Key) spelled(raw string) string {
	for _, v := range k.Values {
		if same(v, raw) {
			return v
		}
	}
	return ""
}

// parseDuration reads a bare number of units or a Go duration.
func parseDuration(raw, unit string) (time.Duration, error) {
	n, err := parseInt(raw)
	if errors.Is(err, strconv.ErrSyntax) {
		return time.ParseDuration(raw)
	}
	size := int64(unitSize(unit))
	if err != nil || n > math.MaxInt64/size || n < math.MinInt64/size {
		return 0, fmt.Errorf("%s %s are too many for a duration", raw, unit)
	}
	return time.Duration(n * size), nil
}

// unitSize is the duration of one unit; a second for a unit that there isn't, which Schema.Verify reports.
func unitSize(unit string) time.Duration {
	switch unit {
	case "us":
		return time.Microsecond
	case "ms":
		return time.Millisecond
	case "min":
		return time.Minute
	case "h":
		return time.Hour
	case "d":
		return 24 * time.Hour
	}
	return time.Second
}

// allowed says what values the key takes, for messages and docs.
func (k *Key) allowed() string {
	switch k.Kind {
	case Bool:
		return "1, true, yes, allow or 0, false, no, forbid"
	case Int:
		return "a whole number" + k.unitText() + k.rangeText()
	case Duration:
		return "a number" + k.unitText() + " or a duration such as 1m30s or 250ms" + k.rangeText()
	case Enum:
		return strings.Join(k.Values, ", ")
	}
	return ""
}

func (k *Key) unitText() string {
	if k.Unit == "" {
		return ""
	}
	return " of " + k.Unit
}

func (k *Key) rangeText() string {
	low, hasLow := k.low()
	high, hasHigh := k.high()
	unit := ""
	if k.Unit != "" {
		unit = " " + k.Unit
	}
	switch {
	case hasLow && hasHigh:
		return fmt.Sprintf(", %d to %d%s", low, high, unit)
	case hasLow && low != 0:
		return fmt.Sprintf(", at least %d%s", low, unit)
	}
	return ""
}

// repeats tells whether text shows four characters in a row of the secret, or all of a shorter one. That it may see more
// than there is costs only a less helpful message.
func repeats(text, secret string) bool {
	const part = 4
	if len(secret) <= part {
		return secret != "" && strings.Contains(text, secret)
	}
	for i := range len(secret) - part + 1 {
		if strings.Contains(text, secret[i:i+part]) {
			return true
		}
	}
	return false
}

func parseInt(raw string) (int64, error) { return strconv.ParseInt(raw, 10, 64) }
