package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Sync is the value of a Sync= key, which stands wherever something is written to disk: it is forced there before it counts as
// written (Always), in the background (Every), or, if both are zero, when the system likes.
type Sync struct {
	Always bool
	Every  time.Duration
}

// ParseSync reads always, none, or interval:TIME, where TIME is in seconds or has a unit and lies between 1 ms and 1 h.
func ParseSync(text string) (Sync, error) {
	word, interval, timed := strings.Cut(strings.TrimSpace(text), ":")
	switch {
	case !timed && strings.EqualFold(word, "always"):
		return Sync{Always: true}, nil
	case !timed && strings.EqualFold(word, "none"):
		return Sync{}, nil
	case !timed || !strings.EqualFold(word, "interval"):
		return Sync{}, fmt.Errorf("%q is none of always, interval:TIME, none", text)
	}
	every, err := parseInterval(strings.TrimSpace(interval))
	if err != nil || every < time.Millisecond || every > time.Hour {
		return Sync{}, fmt.Errorf("%q is no time between 1ms and 1h, such as interval:1s", text)
	}
	return Sync{Every: every}, nil
}

func parseInterval(text string) (time.Duration, error) {
	if seconds, err := strconv.ParseUint(text, 10, 16); err == nil {
		return time.Duration(seconds) * time.Second, nil
	}
	return time.ParseDuration(text)
}
