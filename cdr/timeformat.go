package cdr

import (
	"fmt"
	"strings"
	"time"
)

// TimeFormat is a TimestampFormat of GnuGk: RFC822, ISO8601, Cisco, MySQL, Oracle (any case) or a strftime text. It may
// be used by several goroutines at once.
type TimeFormat struct {
	zone  *time.Location
	steps []step
}

// step is a literal text and the conversion behind it; 0 stands for none.
type step struct {
	literal    string
	conversion byte
}

// namedFormats are GnuGk's, written with conversions that only they may use.
var namedFormats = [...]struct{ name, text, remark string }{
	{"RFC822", "%a, %d %b %Y %H:%M:%S %\x01", "`GMT` instead of the offset where that is 0; what FileAcct's standard line uses if nothing is set"},
	{"ISO8601", "%Y-%m-%d T %H:%M:%S %\x02", "`Z` instead of the offset where that is 0"},
	{"Cisco", "%H:%M:%S.%\x03 %Z %a %b %d %Y", "with milliseconds and the zone's abbreviation; the global default"},
	{"MySQL", "%Y-%m-%d %H:%M:%S", "without a zone"},
	{"Oracle", "%d-%b-%Y %I:%M:%S %P", "12 hours, without a zone"},
}

// ParseTimeFormat reads the name of a format or a text with strftime's conversions in the C locale; %u stands for
// microseconds, as in GnuGk. Times are written in the local time of the process, or in UTC if "UTC " stands in front
// ("UTC Cisco", "UTC %H:%M"). An empty text, a conversion that strftime does not have and a text without any conversion,
// which is a misspelt name, are errors.
func ParseTimeFormat(text string) (*TimeFormat, error) { return parseTimeFormat(text, time.Local) }

// parseTimeFormat takes the zone that stands for local time.
func parseTimeFormat(text string, local *time.Location) (*TimeFormat, error) {
	const prefix = "UTC "
	rest := text
	if len(text) >= len(prefix) && strings.EqualFold(text[:len(prefix)], prefix) {
		local, rest = time.UTC, strings.TrimLeft(text[len(prefix):], " ")
	}
	if rest == "" {
		return nil, fmt.Errorf("timestamp format %q: empty", text)
	}
	for _, n := range namedFormats {
		if strings.EqualFold(rest, n.name) {
			steps, err := compileTime(n.text, conversions+namedConversions)
			return &TimeFormat{local, steps}, err
		}
	}
	if !strings.Contains(rest, "%") {
		return nil, fmt.Errorf("timestamp format %q: neither a strftime text nor one of RFC822 ISO8601 Cisco MySQL Oracle", text)
	}
	steps, err := compileTime(rest, conversions)
	if err != nil {
		return nil, fmt.Errorf("timestamp format %q: %w", text, err)
	}
	return &TimeFormat{local, steps}, nil
}

// compileTime splits text into steps. It accepts the conversions that are listed, and those made of them.
func compileTime(text, known string) ([]step, error) {
	var steps []step
	var literal strings.Builder
	for text != "" {
		before, after, found := strings.Cut(text, "%")
		literal.WriteString(before)
		if !found {
			break
		}
		if after == "" {
			return nil, fmt.Errorf("a single %% at the end")
		}
		c, rest := after[0], after[1:]
		switch {
		case composite(c) != "":
			rest = composite(c) + rest
		case c == '%':
			literal.WriteByte('%')
		case c == 'n':
			literal.WriteByte('\n')
		case c == 't':
			literal.WriteByte('\t')
		case strings.IndexByte(known, c) >= 0:
			steps = append(steps, step{literal.String(), c})
			literal.Reset()
		default:
			return nil, fmt.Errorf("no conversion of strftime: %q", "%"+after[:1])
		}
		text = rest
	}
	return append(steps, step{literal: literal.String()}), nil
}

// Append writes t; nothing for the zero time. It allocates only to grow dst.
func (f *TimeFormat) Append(dst []byte, t time.Time) []byte {
	if f == nil || t.IsZero() {
		return dst
	}
	m := momentOf(t.In(f.zone))
	for i := range f.steps {
		s := &f.steps[i]
		dst = append(dst, s.literal...)
		if s.conversion != 0 {
			dst = m.appendDate(dst, s.conversion)
		}
	}
	return dst
}
