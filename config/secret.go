package config

import (
	"fmt"
	"io"
)

// Secret is a text that must not be printed: every way of formatting or marshalling it gives "***". Reveal is the one
// way to its content. Where the libraries call no methods the type can't help: do not print a struct that has one in an
// unexported field, and do not make it the key of a map that goes to JSON.
type Secret string

const hidden = "***"

// Reveal is the content, for those who must send it or compute with it.
func (s Secret) Reveal() string { return string(s) }

// String is "***".
func (s Secret) String() string { return hidden }

// GoString is "***".
func (s Secret) GoString() string { return hidden }

// Format writes "***" whatever the verb.
func (s Secret) Format(state fmt.State, _ rune) { io.WriteString(state, hidden) }

// MarshalText is "***".
func (s Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// MarshalJSON is "***" in quotes.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + hidden + `"`), nil }
