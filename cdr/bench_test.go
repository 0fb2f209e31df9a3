package cdr

import (
	"testing"
	"time"
)

func BenchmarkLine(b *testing.B) {
	src := Source{Stamp: &Stamp{Name: "AnchorGk"}, Call: &capturedCalls(b)[0].call}
	times := mustTimes(b, "RFC822")
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendLine(buf[:0], src, times, Line)
	}
}

// BenchmarkTemplate fills a CDRString of 37 placeholders.
func BenchmarkTemplate(b *testing.B) {
	src := Source{Stamp: &Stamp{Name: "AnchorGk"}, Call: &capturedCalls(b)[0].call}
	template := Compile(capturedText, CallScope, Format{Times: mustTimes(b, "Cisco"), Escaping: Line})
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = template.Append(buf[:0], src)
	}
}

func BenchmarkTimeFormat(b *testing.B) {
	for _, name := range []string{"RFC822", "ISO8601", "Cisco", "MySQL", "Oracle"} {
		b.Run(name, func(b *testing.B) {
			f, now := mustTimes(b, name), time.Now()
			var buf []byte
			b.ReportAllocs()
			for b.Loop() {
				buf = f.Append(buf[:0], now)
			}
		})
	}
}

func BenchmarkEscape(b *testing.B) {
	hostile := []byte("a|b;c%d\r\ne\xff\x00é")
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = escapeTail(append(buf[:0], hostile...), 0, Line, '=')
	}
}

func BenchmarkNewUUID(b *testing.B) {
	now := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		_ = NewUUID(now)
	}
}
