package cdr

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "rewrite docs/placeholders.md")

// TestDocs fails when docs/placeholders.md is not what the tables of the code make.
func TestDocs(t *testing.T) {
	const path = "../docs/placeholders.md"
	want := docs(t)
	if *update {
		if err := os.MkdirAll("../docs", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is out of date: run go test ./cdr -update", path)
	}
}

func docs(t *testing.T) []byte {
	var b bytes.Buffer
	b.WriteString(docsIntro)
	b.WriteString("\n## Call events: start, alert, connect, update, stop, reject, mediafail\n\n")
	writeFields(&b, t, CallScope, 0)
	b.WriteString("\n## register and unregister\n\nThe first four of the table above, and:\n\n")
	writeFields(&b, t, EndpointScope, len(stampFields))
	b.WriteString("\n## on and off\n\nThe first four of the table above, and:\n\n")
	writeFields(&b, t, SystemScope, len(stampFields))
	b.WriteString("\n" + docsTimes + "\n")
	writeTimes(&b, t)
	b.WriteString("\n" + docsConversions + "\n" + docsEscaping)
	b.WriteString("\n" + docsLine + "\n    ")
	b.Write(AppendLine(nil, exampleSource(), berlinTimes(t, "RFC822"), Line))
	b.WriteString("\n\n" + docsDifferences)
	return b.Bytes()
}

func exampleSource() Source {
	return Source{Stamp: exampleStamp(), Call: exampleCall(), Endpoint: exampleEndpoint()}
}

func berlinTimes(t *testing.T, format string) *TimeFormat {
	t.Helper()
	f, err := parseTimeFormat(format, location(t, "Europe/Berlin"))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func writeFields(b *bytes.Buffer, t *testing.T, scope Scope, skip int) {
	format := Format{Times: berlinTimes(t, "Cisco"), Escaping: Line}
	b.WriteString("| placeholder | meaning | example |\n|---|---|---|\n")
	for _, name := range Names(scope)[skip:] {
		f, _ := Lookup(name, scope)
		fmt.Fprintf(b, "| %s | %s | %s |\n", placeholder(name), f.Doc(), code(string(f.Append(nil, exampleSource(), format))))
	}
}

func placeholder(name string) string {
	if len(name) == 1 {
		return "`%" + name + "`"
	}
	return "`%{" + name + "}`"
}

func code(text string) string {
	if text == "" {
		return ""
	}
	return "`" + text + "`"
}

func writeTimes(b *bytes.Buffer, t *testing.T) {
	at := time.Date(2026, time.January, 1, 13, 5, 9, 250e6, location(t, "Europe/Berlin"))
	b.WriteString("| name | example (Berlin) | |\n|---|---|---|\n")
	for _, n := range namedFormats {
		fmt.Fprintf(b, "| `%s` | `%s` | %s |\n", n.name, berlinTimes(t, n.name).Append(nil, at), n.remark)
	}
	for _, f := range []struct{ text, remark string }{
		{"%d.%m.%y %H:%M", "any other text with conversions of strftime"},
		{"%H:%M:%S.%u", "`%u` is the microsecond"},
		{"UTC RFC822", "in UTC; works in front of every format"},
		{"UTC %Y-%m-%dT%H:%M:%SZ", "RFC 3339 in UTC"},
	} {
		fmt.Fprintf(b, "| `%s` | `%s` | %s |\n", f.text, berlinTimes(t, f.text).Append(nil, at), f.remark)
	}
}

// TestDocsNameEveryConversion keeps the prose of the conversions in step with the code.
func TestDocsNameEveryConversion(t *testing.T) {
	for c := byte('!'); c < 0x7f; c++ {
		_, err := ParseTimeFormat("%" + string(rune(c)))
		if documented := strings.Contains(docsConversions, "`%"+string(rune(c))+"`"); documented != (err == nil) {
			t.Errorf("%%%c is documented: %v, accepted: %v", c, documented, err == nil)
		}
	}
}
