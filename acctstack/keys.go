package acctstack

import (
	"fmt"
	"strings"

	"tollgate/config"
)

// CommonKeys are the keys that the section of every module has. They say how the running stack treats the module.
func CommonKeys() []config.Key {
	return []config.Key{
		{Name: "Timeout", Kind: config.Duration, Unit: "s", Default: "30", Min: 0, Max: 3600,
			Doc: "How long a walk waits for the module before it counts as failed and the walk goes on, checked ten times a second; 0 waits for as long as the module itself takes."},
		{Name: "Realtime", Kind: config.Enum, Default: "DELIVER_AND_GRANT",
			Values: []string{"DELIVER_AND_GRANT", "GRANT_AND_STORE", "GRANT_AND_LOSE"},
			Doc:    "What counts as ok in the walk (words of RFC 6733 9.8.7): only a delivered event, also one that is kept for later, or also one that is lost."},
		{Name: "Spool", Kind: config.String, Check: checkSpool, Example: "start,stop",
			Doc: "The events that are kept for this module whenever they fail there; all others are kept as the module's control says. Empty: all as the control says; none: nothing is kept, as GnuGk."},
		{Name: "Retries", Kind: config.Int, Default: "5", Min: 1, Max: 1000,
			Doc: "How often a kept event is tried in vain, while the module stores others that are tried after it, before it is set aside in quarantine."},
		{Name: "GiveUpAfter", Kind: config.Duration, Unit: "s", Default: "0", Min: 0, Max: 10 * 365 * 24 * 3600,
			Doc: "The age at which an event that is kept for this module is set aside in quarantine; 0 never gives up."},
	}
}

// none is the value of Spool that keeps nothing.
const none = "none"

func checkSpool(raw string) error {
	_, _, err := ParseSpool(raw)
	return err
}

// ParseSpool reads the value of Spool=: the kinds that it names, or nothing because it is none.
func ParseSpool(raw string) (kinds Kinds, nothing bool, err error) {
	if strings.TrimSpace(raw) == "" {
		return 0, false, nil
	}
	tokens := split(raw)
	for _, token := range tokens {
		kind, ok := ParseKind(token)
		switch {
		case ok:
			kinds |= KindsOf(kind)
		case strings.EqualFold(token, none) && len(tokens) == 1:
			return 0, true, nil
		case strings.EqualFold(token, none):
			return 0, false, fmt.Errorf("none stands alone")
		case token == "":
			return 0, false, fmt.Errorf("an event is missing between the separators")
		default:
			return 0, false, fmt.Errorf("unknown event %q%s", token, config.Hint(token, append([]string{none}, kindNames[:]...)))
		}
	}
	return kinds, false, nil
}

// Settings are the keys of [Gatekeeper::Acct] that are no rules.
func Settings() []config.Key {
	return []config.Key{
		{Name: "Teardown", Kind: config.String, Check: checkTeardown, Example: "connect,update",
			Doc: "The events whose failure ends a running call, of connect and update; empty as GnuGk: only the failure of start has consequences."},
	}
}

func checkTeardown(raw string) error {
	_, err := ParseTeardown(raw)
	return err
}

// ParseTeardown reads the value of Teardown=.
func ParseTeardown(raw string) (Kinds, error) {
	var kinds Kinds
	if strings.TrimSpace(raw) == "" {
		return 0, nil
	}
	for _, token := range split(raw) {
		kind, ok := ParseKind(token)
		if !ok || kind != Connect && kind != Update {
			return 0, fmt.Errorf("%q cannot end a running call; it is connect or update", token)
		}
		kinds |= KindsOf(kind)
	}
	return kinds, nil
}
