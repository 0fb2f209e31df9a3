package cdr

import "strconv"

// Field is the meaning of a placeholder. The zero Field is none; Lookup and Scan give the others.
type Field struct{ def *definition }

// definition has either number or text.
type definition struct {
	name   string
	doc    string // one sentence for docs/placeholders.md
	number func(src Source) int64
	text   func(dst []byte, src Source, format Format) []byte
	safe   bool // text has no byte that needs escaping, or has escaped it
}

// Lookup finds the field with that exact name, without % and braces, in the scope.
func Lookup(name string, scope Scope) (Field, bool) {
	for _, table := range tables(scope) {
		for i := range table {
			if table[i].name == name {
				return Field{&table[i]}, true
			}
		}
	}
	return Field{}, false
}

// Names lists the placeholders of the scope without % and braces, in the order of the documentation; for hints.
func Names(scope Scope) []string {
	var names []string
	for _, table := range tables(scope) {
		for i := range table {
			names = append(names, table[i].name)
		}
	}
	return names
}

// tables are the fields of the scope, in the order of the documentation.
func tables(scope Scope) [][]definition {
	switch scope {
	case CallScope:
		return [][]definition{stampFields[:], callFields[:], partyFields[:], mediaFields[:], deadFields[:]}
	case EndpointScope:
		return [][]definition{stampFields[:], endpointFields[:]}
	default:
		return [][]definition{stampFields[:], systemFields[:]}
	}
}

// Name is the placeholder's name without % and braces.
func (f Field) Name() string { return f.def.name }

// Doc is one sentence that says what the placeholder means.
func (f Field) Doc() string { return f.def.doc }

// Append writes the value that src has for the field.
func (f Field) Append(dst []byte, src Source, format Format) []byte {
	return f.def.append(dst, src.complete(), format)
}

// Number is the value of a field that is an integer by nature: a count, seconds, a port, a cause, a flag. It is false
// for texts, times and identifiers, whatever they look like.
func (f Field) Number(src Source) (int64, bool) {
	if f.def.number == nil {
		return 0, false
	}
	return f.def.number(src.complete()), true
}

// append is the one place where values enter a text, so that none can enter it unescaped. src is complete.
func (d *definition) append(dst []byte, src Source, format Format) []byte {
	if format.Escaping.quotes() {
		dst = append(dst, '"')
	}
	from := len(dst)
	if d.number != nil {
		dst = strconv.AppendInt(dst, d.number(src), 10)
	} else {
		dst = d.text(dst, src, format)
	}
	if d.number == nil && !d.safe {
		dst = escapeTail(dst, from, format.Escaping, 0)
	}
	if format.Escaping.quotes() {
		dst = append(dst, '"')
	}
	return dst
}
