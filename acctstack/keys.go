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
			Doc:    "What counts as ok in the walk (words of RFC 6733 9.8.7): only a delivered event, also one that is kept for later (none is, so far), or also one that is lost."},
		{Name: "Spool", Kind: config.String, Default: "none", Check: checkSpool,
			Doc: "The events that are kept for this module whenever they fail there; so far only none, which keeps nothing, as GnuGk."},
	}
}

func checkSpool(raw string) error {
	if !strings.EqualFold(strings.TrimSpace(raw), "none") {
		return fmt.Errorf("only none is supported: there is no journal yet to keep events in")
	}
	return nil
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
