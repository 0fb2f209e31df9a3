package cdr

import "strings"

// Format says how the values of a template are written.
type Format struct {
	Times        *TimeFormat // nil writes no times
	Escaping     Escaping
	DashedCallID bool // %{CallId} with dashes (StatusAcct) instead of blanks
}

// Template is a text with %-placeholders, parsed once. It may be used by several goroutines at once.
type Template struct {
	parts   []part
	tail    string
	format  Format
	unknown []string
}

// part is a placeholder and the literal text in front of it.
type part struct {
	literal string
	field   Field
}

// Compile parses text. It never fails: what is no placeholder of the scope stays as it is and is listed by Unknown.
func Compile(text string, scope Scope, format Format) *Template {
	t := &Template{format: format}
	var literal strings.Builder
	for p := range Scan(text, scope) {
		if p.Kind == Placeholder {
			t.parts = append(t.parts, part{literal: literal.String(), field: p.Field})
			literal.Reset()
			continue
		}
		literal.WriteString(p.Text)
		if p.Kind == UnknownName {
			t.unknown = append(t.unknown, p.Text)
		}
	}
	t.tail = literal.String()
	return t
}

// Append writes the text with the values of src to dst. It allocates only to grow dst.
func (t *Template) Append(dst []byte, src Source) []byte {
	src = src.complete()
	for i := range t.parts {
		p := &t.parts[i]
		dst = append(dst, p.literal...)
		dst = p.field.def.append(dst, src, t.format)
	}
	return append(dst, t.tail...)
}

// Unknown lists what looked like a placeholder and is none in the template's scope, as written.
func (t *Template) Unknown() []string { return t.unknown }
