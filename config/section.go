package config

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

// Section is one section: what the file says, and, once a Schema has bound it, typed values with the declared
// defaults. The getters are for keys that the section's declaration has; they never fail, as Schema.Check has refused
// the file before. Names match without case.
//
// A getter that is called for a key that the declaration lacks, or that is of another kind, gives the zero value;
// Undeclared tells of such calls. Getters may be called by several goroutines at once.
type Section struct {
	File    string
	Name    string // as spelled in the file
	Line    int    // of the header; 0 if the file lacks the section
	Entries []Entry

	decl     *SectionDecl
	mu       sync.Mutex
	mistakes []string // what Undeclared tells, under mu
}

// Has tells whether the file gives the key, whatever its value.
func (s *Section) Has(key string) bool { return s.entry(key) != nil }

// LineOf is the line of the key, or of the section if the file does not give it.
func (s *Section) LineOf(key string) int {
	if e := s.entry(key); e != nil {
		return e.Line
	}
	return s.Line
}

// Text is the raw value or the declared default: of a String, Template, Path or Enum (spelled as declared). Of other
// kinds it is what the operator wrote, for display.
func (s *Section) Text(key string) string {
	k, raw := s.value(key)
	if k != nil && k.Kind == Enum {
		return k.spelled(raw)
	}
	return raw
}

// Secret is Text of a key that must not be printed.
func (s *Section) Secret(key string) Secret { return Secret(s.Text(key)) }

// Bool is GnuGk's AsBool of the value.
func (s *Section) Bool(key string) bool { return asBool(s.valueOf(key, Bool)) }

// Int is the value of an Int, 0 if it has neither value nor default.
func (s *Section) Int(key string) int64 {
	n, err := parseInt(s.valueOf(key, Int))
	if err != nil {
		return 0
	}
	return n
}

// Duration is the value of a Duration, 0 if it has neither value nor default.
func (s *Section) Duration(key string) time.Duration {
	raw := s.valueOf(key, Duration)
	if raw == "" {
		return 0
	}
	d, err := parseDuration(raw, s.key(key).Unit)
	if err != nil {
		return 0
	}
	return d
}

// Problem is an error at the key's line.
func (s *Section) Problem(key, format string, args ...any) Problem {
	return Problem{File: s.File, Line: s.LineOf(key), Text: fmt.Sprintf(format, args...)}
}

// Warning is a warning at the key's line.
func (s *Section) Warning(key, format string, args ...any) Problem {
	p := s.Problem(key, format, args...)
	p.Warning = true
	return p
}

// Undeclared lists the mistakes of the program, not of the operator: keys that a getter was called for and that the
// declaration lacks or that are of another kind. Tests fail on any.
func (s *Section) Undeclared() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.mistakes)
}

func (s *Section) note(mistake string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Contains(s.mistakes, mistake) {
		s.mistakes = append(s.mistakes, mistake)
	}
}

func (s *Section) entry(key string) *Entry {
	for i := range s.Entries {
		if same(s.Entries[i].Name, key) {
			return &s.Entries[i]
		}
	}
	return nil
}

// key is the declaration of the key, nil if there is none.
func (s *Section) key(name string) *Key {
	if s.decl == nil {
		return nil
	}
	return s.decl.key(name)
}

// value is the declaration of the key and its value in the file or else its default; nil and "" if it is not declared.
func (s *Section) value(key string) (*Key, string) {
	k := s.key(key)
	if k == nil {
		s.note(key)
		return nil, ""
	}
	if e := s.entry(key); e != nil {
		return k, e.Value
	}
	return k, k.Default
}

// valueOf is the value of a key of that kind, "" if it is of another.
func (s *Section) valueOf(key string, kind Kind) string {
	k, raw := s.value(key)
	if k != nil && k.Kind != kind {
		s.note(key + " (of another kind)")
		return ""
	}
	return raw
}
