// Package config reads the INI file: declared sections and keys, values in raw form, every mistake reported with its file
// and line. It knows no module.
package config

// Kind is the form of a key's value.
type Kind uint8

// The kinds of values.
const (
	String   Kind = iota
	Bool          // GnuGk's AsBool: true if the first letter is t, 1, y or a; words that are neither yes nor no are refused
	Int           // decimal, within Min..Max unless both are 0
	Duration      // a bare number in the key's Unit, or a Go duration (10s, 1m30s, 250ms)
	Enum          // one of Values, without case
	Template      // text with %-placeholders
	Path          // file or directory
)

// Key declares one key: parsing, checking, hints, the sample INI and the docs derive from this.
type Key struct {
	Name    string
	Kind    Kind
	Default string   // raw, as it would stand in the file; "": none, and an empty value is then legal
	Unit    string   // of Int and Duration; a Duration's is one of us, ms, s, min, h, d
	Values  []string // of Enum, as they are to be spelled
	// Of Int and Duration (in Unit). Both 0: unbounded, but a Duration is never negative unless Min is. A Max below
	// Min is none: Min 1 and Max 0 mean "at least 1".
	Min, Max int64
	Doc      string // one sentence
	Example  string // shown in the sample where the default is empty
	Secret   bool   // never printed
	// Check makes further checks, nil for none. The error goes after the key's name in the message, which is withheld if
	// the key is Secret and the message repeats a part of the value.
	Check func(raw string) error
}
