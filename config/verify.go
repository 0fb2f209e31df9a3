package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Verify finds mistakes in the schema itself, which are the program's and not the operator's: names given twice,
// defaults and examples that Check would refuse, keys that the docs could not explain. It is for tests. The error joins
// all of them.
func (s Schema) Verify() error {
	var errs []error
	var sections []string
	for _, d := range s {
		if !legalName(d.Name) || strings.Contains(d.Name, "]") {
			errs = append(errs, fmt.Errorf("section %q: not a legal name", d.Name))
		}
		if slices.Contains(sections, fold(d.Name)) {
			errs = append(errs, fmt.Errorf("section %s: declared twice", title(d.Name)))
		}
		sections = append(sections, fold(d.Name))
		for _, err := range d.verify() {
			errs = append(errs, fmt.Errorf("section %s: %w", title(d.Name), err))
		}
	}
	return errors.Join(errs...)
}

func (d *SectionDecl) verify() []error {
	var errs []error
	if d.Doc == "" && d.NoEffect == "" {
		errs = append(errs, errors.New("no doc"))
	}
	var names []string
	for _, name := range d.names() {
		if slices.Contains(names, fold(name)) {
			errs = append(errs, fmt.Errorf("key %q: declared twice", name))
		}
		names = append(names, fold(name))
	}
	for _, k := range d.all() {
		for _, err := range k.verify() {
			errs = append(errs, fmt.Errorf("key %q: %w", k.Name, err))
		}
	}
	for _, f := range d.Foreign {
		if f.Reason == "" {
			errs = append(errs, fmt.Errorf("foreign key %q: no reason", f.Name))
		}
	}
	return errs
}

func (k *Key) verify() []error {
	var errs []error
	refuse := func(wrong bool, format string, args ...any) {
		if wrong {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	refuse(!legalName(k.Name) || strings.Contains(k.Name, "=") || strings.HasPrefix(k.Name, "["), "not a legal name")
	refuse(k.Doc == "", "no doc")
	refuse(k.Kind == Enum && len(k.Values) == 0, "no values")
	refuse(k.Kind == Duration && !slices.Contains(units(), k.Unit), "unit %q is none of %s", k.Unit, strings.Join(units(), ", "))
	refuse(k.Secret && k.Default != "", "a secret with a default, which the docs would print")
	for _, raw := range []string{k.Default, k.Example} {
		if raw == "" {
			continue
		}
		refuse(raw != strings.TrimSpace(raw) || strings.ContainsAny(raw, "\n\x00"), "%q cannot stand in a file", raw)
		if err := k.check(raw); err != nil {
			errs = append(errs, fmt.Errorf("default or example: %w", err))
		}
	}
	return errs
}

// legalName tells whether a line of the file can begin with name.
func legalName(name string) bool {
	return name != "" && name == strings.TrimSpace(name) && !strings.ContainsAny(name, "\n\x00") && !strings.ContainsAny(name[:1], ";#")
}
