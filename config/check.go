package config

import (
	"fmt"
	"strings"
)

// MaxInstance is how long the name of an instance may be, in bytes; it becomes part of file names.
const MaxInstance = 64

// Check finds unknown sections and keys and bad values, and binds each section of f to its declaration. Sections and
// keys of other programs, which have no effect here, are warnings, or errors if strict.
func (s Schema) Check(f *File, strict bool) Problems {
	c := checker{strict: strict}
	for _, section := range f.Sections {
		// Parse has reported a section without a name.
		if section.Name != "" {
			c.bind(s, section)
		}
	}
	c.problems.Sort()
	return c.problems
}

type checker struct {
	strict   bool
	problems Problems
}

func (c *checker) bind(s Schema, section *Section) {
	decl, instance := s.find(section.Name)
	if decl == nil {
		c.fail(section, section.Line, "unknown section %s%s", title(section.Name), s.suggest(section.Name))
		return
	}
	section.decl = decl
	if decl.NoEffect != "" {
		c.noEffect(section, section.Line, fmt.Sprintf("section [%s] has no effect here: %s", section.Name, decl.NoEffect))
		return
	}
	if !same(section.Name, decl.Name) && !IsInstance(instance) {
		c.fail(section, section.Line, "section %s: %s is not the name of an instance; allowed: 1 to %d letters, digits, - and _",
			title(section.Name), quote(instance), MaxInstance)
	}
	for _, e := range section.Entries {
		c.entry(section, e)
	}
}

// IsInstance tells whether name may be the name of an instance. It goes into file names and protocol lines as it is.
func IsInstance(name string) bool {
	const legal = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
	return name != "" && len(name) <= MaxInstance && strings.Trim(name, legal) == ""
}

func (c *checker) entry(section *Section, e Entry) {
	decl := section.decl
	k := decl.key(e.Name)
	if foreign := decl.foreign(e.Name); foreign != nil && (k == nil || k == decl.Open) {
		c.noEffect(section, e.Line, fmt.Sprintf("key %q in [%s] has no effect here: %s", e.Name, section.Name, foreign.Reason))
		return
	}
	if k == nil {
		c.fail(section, e.Line, "unknown key %s in %s%s", quote(e.Name), title(section.Name), Hint(e.Name, decl.names()))
		return
	}
	if err := k.check(e.Value); err != nil {
		c.fail(section, e.Line, "key %s in %s: %v", quote(e.Name), title(section.Name), err)
	}
}

func (s Schema) suggest(section string) string {
	if near := Nearest(section, s.names(section)); near != "" {
		return fmt.Sprintf("; did you mean [%s]?", near)
	}
	return ""
}

func (c *checker) fail(section *Section, line int, format string, args ...any) {
	c.problems = append(c.problems, Problem{File: section.File, Line: line, Text: fmt.Sprintf(format, args...)})
}

func (c *checker) noEffect(section *Section, line int, text string) {
	c.problems = append(c.problems, Problem{File: section.File, Line: line, Text: text, Warning: !c.strict})
}
