package config

import (
	"bufio"
	"io"
	"strings"
	"unicode/utf8"
)

// sampleWidth is where comments of the sample are wrapped, in characters.
const sampleWidth = 100

// WriteSample writes an INI file that has every section and, commented out as ";Key=default", every key with what it
// means. It is the same on every call, and a legal file as it stands and with any of its keys put to use. The error is
// w's.
func (s Schema) WriteSample(w io.Writer) error {
	out := bufio.NewWriter(w)
	first := true
	for _, d := range s {
		if d.NoEffect != "" {
			continue
		}
		if !first {
			out.WriteString("\n\n")
		}
		first = false
		writeComment(out, d.Doc)
		if d.Instances {
			writeComment(out, d.instancesText())
		}
		out.WriteString("[" + d.Name + "]\n")
		for _, k := range d.all() {
			out.WriteString("\n")
			writeComment(out, k.Doc+bracketed(k.form()))
			out.WriteString(";" + k.Name + "=" + k.sample() + "\n")
		}
	}
	return out.Flush()
}

// all are the declared keys and the one that stands for the further keys of an open section.
func (d *SectionDecl) all() []Key {
	keys := d.Keys[:len(d.Keys):len(d.Keys)]
	if d.Open != nil {
		keys = append(keys, *d.Open)
	}
	return keys
}

func (d *SectionDecl) instancesText() string {
	return "[" + d.Name + ":NAME] is a further instance, with keys of its own."
}

// sample is what stands after the "=" in the sample.
func (k *Key) sample() string {
	if k.Default == "" {
		return k.Example
	}
	return k.Default
}

func bracketed(text string) string {
	if text == "" {
		return ""
	}
	return " (" + text + ")"
}

// writeComment writes text as comment lines. "; " with a blank sets them apart from keys that are commented out.
func writeComment(out *bufio.Writer, text string) {
	width := 0
	for _, word := range strings.Fields(text) {
		length := utf8.RuneCountInString(word)
		switch {
		case width == 0:
			out.WriteString("; ")
			width = 2
		case width+1+length > sampleWidth:
			out.WriteString("\n; ")
			width = 2
		default:
			out.WriteString(" ")
			width++
		}
		out.WriteString(word)
		width += length
	}
	if width > 0 {
		out.WriteString("\n")
	}
}
