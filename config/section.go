package config

import "time"

// Section is one section: what the file says, and, once a Schema has bound it, typed values with the declared
// defaults. The getters are for keys that the section's declaration has; they never fail, as Schema.Check has refused
// the file before.
type Section struct {
	File    string
	Name    string // as spelled in the file
	Line    int    // of the header; 0 if the file lacks the section
	Entries []Entry
}

// Has tells whether the file gives the key, whatever its value.
func (s *Section) Has(key string) bool { return false }

// Line of the key, or of the section if the file does not give it.
func (s *Section) LineOf(key string) int { return 0 }

// Text is the raw value or the declared default: of a String, Template, Path or Enum (spelled as declared).
func (s *Section) Text(key string) string { return "" }

// Secret is Text of a key that must not be printed.
func (s *Section) Secret(key string) Secret { return "" }

// Bool is GnuGk's AsBool of the value.
func (s *Section) Bool(key string) bool { return false }

// Int is the value of an Int.
func (s *Section) Int(key string) int64 { return 0 }

// Duration is the value of a Duration.
func (s *Section) Duration(key string) time.Duration { return 0 }

// Problem is an error at the key's line.
func (s *Section) Problem(key, format string, args ...any) Problem { return Problem{} }

// Warning is a warning at the key's line.
func (s *Section) Warning(key, format string, args ...any) Problem { return Problem{} }
