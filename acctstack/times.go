package acctstack

import (
	"tollgate/cdr"
	"tollgate/config"
)

// TimestampKey is the key TimestampFormat of a module that writes times; doc says which.
func TimestampKey(doc string) config.Key {
	return config.Key{Name: "TimestampFormat", Kind: config.String, Check: checkTimes, Example: "UTC MySQL", Doc: doc}
}

// checkTimes accepts the empty text, which stands for the module's default.
func checkTimes(raw string) error {
	if raw == "" {
		return nil
	}
	_, err := cdr.ParseTimeFormat(raw)
	return err
}

// Times is the module's time format: its own TimestampFormat, else the global one.
func (env Env) Times(sec *config.Section) (*cdr.TimeFormat, config.Problems) {
	text := sec.Text("TimestampFormat")
	if text == "" {
		text = env.TimestampFormat
	}
	times, err := cdr.ParseTimeFormat(text)
	if err != nil {
		return nil, config.Problems{sec.Problem("TimestampFormat", "TimestampFormat: %v", err)}
	}
	return times, nil
}
