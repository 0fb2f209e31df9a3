package config

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"
)

// parseInt reads a decimal number.
func parseInt(raw string) (int64, error) { return strconv.ParseInt(raw, 10, 64) }

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

// units are the units of durations.
func units() []string { return []string{"us", "ms", "s", "min", "h", "d"} }

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
