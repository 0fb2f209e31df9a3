package sqldb

import "tollgate/cdr"

// Param is a bound parameter of a query: a whole literal, or a single value.
type Param struct {
	literal *cdr.Template // of a literal in quotes, else nil
	field   cdr.Field     // of a bare placeholder
	format  cdr.Format
}

// value is what is bound: the text of a literal; for a bare placeholder an int64 if it is a number by nature, its text,
// or nil if it has no value. It composes in buf and returns it for the next one.
func (p *Param) value(buf []byte, src cdr.Source) (any, []byte) {
	if p.literal != nil {
		buf = p.literal.Append(buf[:0], src)
		return string(buf), buf
	}
	if n, ok := p.field.Number(src); ok {
		return n, buf
	}
	if buf = p.field.Append(buf[:0], src, p.format); len(buf) == 0 {
		return nil, buf
	}
	return string(buf), buf
}

// Values appends the values of all parameters to dst, each an int64, a string or nil. It composes in buf and returns it
// for the next event.
func (q *Query) Values(dst []any, buf []byte, src cdr.Source) ([]any, []byte) {
	for i := range q.Params {
		var v any
		v, buf = q.Params[i].value(buf, src)
		dst = append(dst, v)
	}
	return dst, buf
}
