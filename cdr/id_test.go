package cdr

import (
	"encoding"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var _ encoding.TextAppender = UUID{}

func TestNewUUID(t *testing.T) {
	now := time.Date(2026, time.March, 5, 14, 31, 24, 250e6, time.UTC)
	seen := make(map[UUID]bool)
	for range 1000 {
		u := NewUUID(now)
		text := u.String()
		if seen[u] {
			t.Fatalf("%s came twice", text)
		}
		seen[u] = true
		if !strings.HasPrefix(text, "019cbe69-175a-7") || !strings.ContainsRune("89ab", rune(text[19])) {
			t.Fatalf("%s is no version 7 of %s", text, now)
		}
	}
	if later := NewUUID(now.Add(time.Millisecond)); later.String() <= NewUUID(now).String() {
		t.Error("a later identifier sorts first")
	}
	if u := NewUUID(time.Time{}); u[0]|u[1]|u[2]|u[3]|u[4]|u[5] != 0 {
		t.Errorf("a time before 1970 gave %s", u)
	}
}

func TestUUIDText(t *testing.T) {
	const text = "019cbe69-175a-7abc-8def-0123456789ab"
	u, err := ParseUUID(strings.ToUpper(text))
	if err != nil {
		t.Fatal(err)
	}
	if u != exampleStamp().ID || u.String() != text {
		t.Errorf("%s, want %s", u, text)
	}
	for _, bad := range []string{"", text[1:], text + "0", strings.ReplaceAll(text, "-", ""), strings.Replace(text, "-", "0", 1), strings.Replace(text, "b", "g", 1)} {
		if u, err := ParseUUID(bad); err == nil || u != (UUID{}) {
			t.Errorf("%q: %s, %v", bad, u, err)
		}
	}
}

func TestCallIDOf(t *testing.T) {
	tests := []struct{ sip, blanks, dashes, words string }{
		{"a84b4c76e66710@192.0.2.10", "74 6b fc 20 32 99 48 ed ee cf 76 fd 1a e5 f6 78",
			"74-6b-fc-20-32-99-48-ed-ee-cf-76-fd-1a-e5-f6-78", "746BFC20 329948ED EECF76FD 1AE5F678"},
		{"", "e3 b0 c4 42 98 fc 1c 14 9a fb f4 c8 99 6f b9 24",
			"e3-b0-c4-42-98-fc-1c-14-9a-fb-f4-c8-99-6f-b9-24", "E3B0C442 98FC1C14 9AFBF4C8 996FB924"},
	}
	for _, test := range tests {
		id := CallIDOf(test.sip)
		if got := string(id.AppendBlanks(nil)); got != test.blanks || id.String() != test.blanks {
			t.Errorf("%q: %s, %s, want %s", test.sip, got, id, test.blanks)
		}
		if got := string(id.AppendDashes(nil)); got != test.dashes {
			t.Errorf("%q: %s, want %s", test.sip, got, test.dashes)
		}
		if got := string(id.AppendWords(nil)); got != test.words {
			t.Errorf("%q: %s, want %s", test.sip, got, test.words)
		}
	}
	short := CallID{0, 0, 0, 0, 0, 0, 0, 0xab, 0x01, 0, 0, 0, 0, 0x0c, 0, 0}
	if got := string(short.AppendWords([]byte("ab="))); got != "ab=0 AB 1000000 C0000" {
		t.Errorf("words with leading zeros: %s", got)
	}
}

func TestParseCallID(t *testing.T) {
	want := CallIDOf("a84b4c76e66710@192.0.2.10")
	const blanks = "74 6b fc 20 32 99 48 ed ee cf 76 fd 1a e5 f6 78"
	for _, text := range []string{blanks, strings.ReplaceAll(blanks, " ", "-"), strings.ReplaceAll(blanks, " ", ""), strings.ToUpper(blanks)} {
		if got, err := ParseCallID(text); err != nil || got != want {
			t.Errorf("%q: %s, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "7", blanks[3:], blanks + " 00", blanks + " ", " " + blanks, blanks[:46], blanks[:45] + "+8",
		blanks[:45] + "g8", strings.ReplaceAll(blanks, " ", "  "), "a84b4c76e66710@192.0.2.10"} {
		if got, err := ParseCallID(text); err == nil || got != (CallID{}) {
			t.Errorf("%q: %s, %v, want an error", text, got, err)
		}
	}
}

func FuzzParseCallID(f *testing.F) {
	for _, seed := range []string{"", "74 6b fc 20 32 99 48 ed ee cf 76 fd 1a e5 f6 78", "746bfc20329948edeecf76fd1ae5f678", "74-"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		id, err := ParseCallID(text)
		if err != nil {
			return
		}
		if again, err := ParseCallID(string(id.AppendDashes(nil))); err != nil || again != id {
			t.Fatalf("%q: %s, then %s, %v", text, id, again, err)
		}
	})
}

func TestIdentifiersRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "bytes")
		if u, err := ParseUUID(UUID(b).String()); err != nil || u != UUID(b) {
			t.Fatalf("%x: uuid %s, %v", b, u, err)
		}
		if id, err := ParseCallID(CallID(b).String()); err != nil || id != CallID(b) {
			t.Fatalf("%x: call identifier %s, %v", b, id, err)
		}
	})
}
