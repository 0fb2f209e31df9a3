package config

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// check tells what is wrong with a value that the file gives to the key.
func (k *Key) check(raw string) error {
	if raw == "" && k.hasForm() {
		if k.Default == "" {
			return nil
		}
		return fmt.Errorf("empty; allowed: %s", k.allowed())
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
		if errors.Is(err, strconv.ErrRange) {
			return k.refuse(raw, "has too many digits")
		}
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
	if k.Kind == Enum {
		hint = Hint(raw, k.Values)
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
	return k.Max, k.Max >= k.Min && (k.Min != 0 || k.Max != 0) && k.Max < math.MaxInt64
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
		return k.refuse(raw, "is not understood (for GnuGk, on and off are both no)")
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
