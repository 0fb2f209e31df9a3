package config

import (
	"fmt"
	"strings"
	"testing"
)

// BenchmarkLoad reads and checks a file of 300 keys, which is a large one; and one of 50,000, which a list of users may be.
func BenchmarkLoad(b *testing.B) {
	for _, keys := range []int{300, 50_000} {
		text := []byte("[SIP::Routes]\n")
		for k := range keys {
			text = fmt.Appendf(text, "49%d=sip:192.0.2.1:5060;transport=tcp\n", k)
		}
		b.Run(fmt.Sprint(keys), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(text)))
			schema := testSchema()
			for b.Loop() {
				f, err := Parse("t.ini", text)
				if err != nil {
					b.Fatal(err)
				}
				if problems := schema.Check(f, true); len(problems) > 0 {
					b.Fatal(problems)
				}
			}
		})
	}
}

// BenchmarkNearest is the cost of one unknown key among a hundred known ones.
func BenchmarkNearest(b *testing.B) {
	var known []string
	for k := range 100 {
		known = append(known, fmt.Sprintf("SomeKey%d%s", k, strings.Repeat("x", k%10)))
	}
	b.ReportAllocs()
	for b.Loop() {
		Nearest("SomeKye5", known)
	}
}
