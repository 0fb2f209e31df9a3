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

func BenchmarkAppendBinary(b *testing.B) {
	for _, bench := range []struct {
		name   string
		record *Record
	}{{"Wall", exampleCall()}, {"Live", live()}, {"Decoded", stepped(time.Hour)}} {
		b.Run(bench.name, func(b *testing.B) {
			var buf []byte
			b.ReportAllocs()
			for b.Loop() {
				buf = bench.record.AppendBinary(buf[:0])
			}
			b.ReportMetric(float64(len(buf)), "B/record")
		})
	}
}

// live is a record with times of this process's clock.
func live() *Record {
	r := exampleCall()
	for _, at := range r.times() {
		*at = time.Now()
	}
	return r
}

func BenchmarkDecodeRecord(b *testing.B) {
	for _, bench := range []struct {
		name   string
		record *Record
	}{{"Even", exampleCall()}, {"Stepped", stepped(time.Hour)}} {
		b.Run(bench.name, func(b *testing.B) {
			buf := bench.record.AppendBinary(nil)
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := DecodeRecord(buf); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
