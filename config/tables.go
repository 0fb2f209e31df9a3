package config

import (
	"bufio"
	"io"
	"strings"
)

// WriteTables writes the sections as Markdown: a heading for each, a table of its keys, and a table of the keys of other
// programs that have no effect here; at the end a table of such sections. It is the same on every call. The error is w's.
func (s Schema) WriteTables(w io.Writer) error {
	out := bufio.NewWriter(w)
	var without []Foreign
	first := true
	for _, d := range s {
		if d.NoEffect != "" {
			without = append(without, Foreign{Name: "[" + d.Name + "]", Reason: d.NoEffect})
			continue
		}
		if !first {
			out.WriteString("\n")
		}
		first = false
		d.writeTable(out)
	}
	if len(without) > 0 {
		out.WriteString("\n## Sections without effect\n\nCheck names them in a warning, under `--strict` in an error.\n")
		writeForeign(out, "section", without)
	}
	return out.Flush()
}

func (d *SectionDecl) writeTable(out *bufio.Writer) {
	out.WriteString("## `[" + d.Name + "]`\n")
	paragraph(out, d.Doc)
	if d.Instances {
		paragraph(out, "`["+d.Name+":NAME]` is a further instance, with keys of its own.")
	}
	if keys := d.all(); len(keys) > 0 {
		out.WriteString("\n| key | default | unit, values | meaning |\n|---|---|---|---|\n")
		for _, k := range keys {
			row(out, code(k.Name), code(k.Default), k.form(), k.meaning())
		}
	}
	if len(d.Foreign) > 0 {
		paragraph(out, "Keys without effect (check names them in a warning, under `--strict` in an error):")
		writeForeign(out, "key", d.Foreign)
	}
}

func (k *Key) meaning() string {
	if k.Default != "" || k.Example == "" {
		return k.Doc
	}
	return k.Doc + " Example: " + code(k.Example)
}

func writeForeign(out *bufio.Writer, what string, foreign []Foreign) {
	out.WriteString("\n| " + what + " | reason |\n|---|---|\n")
	for _, f := range foreign {
		row(out, code(f.Name), f.Reason)
	}
}

func paragraph(out *bufio.Writer, text string) {
	if text != "" {
		out.WriteString("\n" + text + "\n")
	}
}

// row writes a row of a table. In a table "|" ends a cell even in a code span, unless it is escaped.
func row(out *bufio.Writer, cells ...string) {
	out.WriteString("|")
	for _, cell := range cells {
		cell = strings.Join(strings.Fields(cell), " ")
		out.WriteString(prefixed(" ", strings.ReplaceAll(cell, "|", `\|`)) + " |")
	}
	out.WriteString("\n")
}

// code is text as a code span, "" of none. The fence is longer than any run of backticks in the text.
func code(text string) string {
	if text == "" {
		return ""
	}
	fence := "`"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	if fence != "`" {
		text = " " + text + " "
	}
	return fence + text + fence
}
