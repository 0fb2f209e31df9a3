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

// Compile parses the text of a key, and warns of what looks like a placeholder and is none. events names in the warning
// the events that the text is for.
func Compile(sec *config.Section, key, events string, scope cdr.Scope, format cdr.Format) (*cdr.Template, config.Problems) {
	t := cdr.Compile(sec.Text(key), scope, format)
	var warnings config.Problems
	for _, name := range t.Unknown() {
		warnings = append(warnings, sec.Warning(key, "%s: %s is no placeholder of %s events and stays as it is", key, name, events))
	}
	return t, warnings
}
