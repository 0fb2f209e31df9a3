// Package limits decides whether there is room for one more call: how many may be up at once, and how many may begin in a
// second, from a source address, of a user, and in the whole gatekeeper.
package limits

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"tollgate/config"
)

// The keys of [Limits] that can refuse a call, in the order in which they are asked. Exceeded.Key is one of them.
const (
	MaxCalls          = "MaxCalls"
	CallRate          = "CallRate"
	MaxCallsPerSource = "MaxCallsPerSource"
	CallRatePerSource = "CallRatePerSource"
	MaxCallsPerUser   = "MaxCallsPerUser"
	CallRatePerUser   = "CallRatePerUser"
)

// Settings are the operator's limits. The zero value has none.
type Settings struct {
	Total      Limit
	Source     Limit // for each source address
	User       Limit // for each user
	RetryAfter time.Duration
}

// Limit is what one party may have.
type Limit struct {
	Calls int64 // up at once, 0: any number
	Rate  Rate  // of new ones
}

// Rate is how many calls may begin in a time. The zero value is any number.
type Rate struct {
	Calls int64
	Per   time.Duration
}

// maxCount bounds the numbers of [Limits]; it keeps the time between two calls of the highest rate at a microsecond.
const maxCount = 1_000_000

// Keys are the keys of [Limits].
func Keys() []config.Key {
	calls := func(name, fallback, doc string) config.Key {
		return config.Key{Name: name, Kind: config.Int, Default: fallback, Min: 0, Max: maxCount, Doc: doc}
	}
	rate := func(name, doc string) config.Key {
		return config.Key{Name: name, Kind: config.String, Default: "0", Check: checkRate, Doc: doc}
	}
	return []config.Key{
		calls(MaxCalls, "200000", "How many calls may be up at once, those that wait for admission included; 0 is no limit."),
		calls(MaxCallsPerSource, "0", "How many calls of one source address may be up at once, for IPv6 of one /64 network; 0 is no limit."),
		calls(MaxCallsPerUser, "0", "How many calls of one user (the user of From) may be up at once; 0 is no limit."),
		rate(CallRate, "How many calls may begin in a second, or in a minute as in 30/m, or an hour as in 100/h; 0 is no limit."),
		rate(CallRatePerSource, "How many calls of one source address may begin, in the form of CallRate; 0 is no limit."),
		rate(CallRatePerUser, "How many calls of one user may begin, in the form of CallRate; 0 is no limit."),
		{Name: "RetryAfter", Kind: config.Duration, Unit: "s", Default: "10", Min: 0, Max: 86400,
			Doc: "How long a caller that was refused is told to wait (Retry-After); 0 tells nothing."},
	}
}

// Parse reads [Limits]. The section has been checked.
func Parse(s *config.Section) (*Settings, error) {
	settings := &Settings{
		Total:      Limit{Calls: s.Int(MaxCalls)},
		Source:     Limit{Calls: s.Int(MaxCallsPerSource)},
		User:       Limit{Calls: s.Int(MaxCallsPerUser)},
		RetryAfter: s.Duration("RetryAfter"),
	}
	for key, to := range map[string]*Rate{CallRate: &settings.Total.Rate, CallRatePerSource: &settings.Source.Rate, CallRatePerUser: &settings.User.Rate} {
		rate, err := ParseRate(s.Text(key))
		if err != nil {
			return nil, config.Problems{s.Problem(key, "key %q in [%s]: %v", key, s.Name, err)}
		}
		*to = rate
	}
	return settings, nil
}

func checkRate(raw string) error {
	_, err := ParseRate(raw)
	return err
}

// ParseRate reads a number of calls in a second, or N/s, N/m, N/h.
func ParseRate(raw string) (Rate, error) {
	number, unit, given := strings.Cut(raw, "/")
	n, err := strconv.ParseUint(strings.TrimSpace(number), 10, 64)
	per := time.Second
	if given {
		per = unitOf(strings.TrimSpace(unit))
	}
	if err != nil || per == 0 || n > maxCount {
		return Rate{}, fmt.Errorf("%q is not a rate of calls; allowed: 0 to %d a second, or with a unit: 30/m in a minute, 100/h in an hour", raw, maxCount)
	}
	if n == 0 {
		return Rate{}, nil
	}
	return Rate{Calls: int64(n), Per: per}, nil
}

func unitOf(name string) time.Duration {
	switch strings.ToLower(name) {
	case "s":
		return time.Second
	case "m":
		return time.Minute
	case "h":
		return time.Hour
	}
	return 0
}
