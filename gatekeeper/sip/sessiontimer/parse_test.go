package sessiontimer

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

func TestParseExpires(t *testing.T) {
	for value, want := range map[string]string{
		"1800":                                    "1800  true",
		"1800;refresher=uac":                      "1800 uac true",
		"1800;refresher=uas":                      "1800 uas true",
		" 1800 ; Refresher = UAS\t":               "1800 uas true",
		"1800\r\n ;refresher=uac":                 "1800 uac true",
		"1800;x=y;refresher=uac;z":                "1800 uac true",
		`1800;x=";refresher=uas";refresher=uac`:   "1800 uac true",
		`1800;x="\";refresher=uas";refresher=uac`: "1800 uac true",
		`1800;x=";refresher=uas`:                  "1800  true", // the quote is never closed
		"1800;refresher=uac;refresher=uas":        "1800 uac true",
		"1800;refresher=both":                     "1800  true",
		"1800;refresher":                          "1800  true",
		"1800;;refresher=uas":                     "1800 uas true",
		"1800;":                                   "1800  true",
		"0":                                       "1  true",
		"00090":                                   "90  true",
		"4294967295":                              "4294967295  true",
		"4294967296":                              "4294967295  true",
		strings.Repeat("9", 1000):                 "4294967295  true",
		"":                                        "0  false",
		" ":                                       "0  false",
		";refresher=uas":                          "0  false",
		"-1":                                      "0  false",
		"+1800":                                   "0  false",
		"1800s":                                   "0  false",
		"18 00":                                   "0  false",
		"1800.0":                                  "0  false",
		"1800, 90":                                "0  false",
		"0x90":                                    "0  false",
	} {
		expires, refresher, ok := ParseExpires([]byte(value))
		if got := fmt.Sprint(expires, " ", refresher, " ", ok); got != want {
			t.Errorf("%q: %q, want %q", value, got, want)
		}
	}
}

func TestParseMinSE(t *testing.T) {
	for value, want := range map[string]string{
		"90": "90 true", " 3600 ;x=y": "3600 true", "0": "0 true", "99999999999": "4294967295 true", "": "0 false", "ninety": "0 false", "90 s": "0 false",
	} {
		seconds, ok := ParseMinSE([]byte(value))
		if got := fmt.Sprint(seconds, ok); got != want {
			t.Errorf("%q: %q, want %q", value, got, want)
		}
	}
}

func TestHasTag(t *testing.T) {
	for value, want := range map[string]bool{
		"timer": true, "TIMER": true, "100rel, timer": true, "100rel,timer ,replaces": true, "timer,": true, ",,\ttimer": true,
		"100rel,\r\n timer": true, "": false, "timers": false, "tim er": false, "100rel": false, "x-timer": false, "timer;x": false, ",": false,
	} {
		if HasTag([]byte(value), "timer") != want {
			t.Errorf("%q: %t", value, !want)
		}
	}
	if HasTag([]byte("a,,b"), "") {
		t.Error("the empty tag is there")
	}
}

func TestParsersAllocateNothing(t *testing.T) {
	value := []byte(" 1800 ; x=\"a;b\" ; refresher=UAS " + strings.Repeat(";x=y", 1000))
	tags := []byte(strings.Repeat("100rel,", 1000) + "Timer")
	if n := testing.AllocsPerRun(100, func() { ParseExpires(value); ParseMinSE(value); HasTag(tags, "timer") }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzParse: what was read means the same once written down, and blanks and case change nothing.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"1800;refresher=uas", " 0 ;Refresher = UAC", `9;x="\";refresher=uac"`, "99999999999999", "timer, 100rel", `1;";`, `1;"\`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		expires, refresher, ok := ParseExpires(value)
		if ok != (expires > 0) || !ok && refresher != "" || refresher != "" && refresher != RefresherUAC && refresher != RefresherUAS {
			t.Fatalf("%d %q %t", expires, refresher, ok)
		}
		if ok {
			again, who, _ := ParseExpires(fmt.Appendf(nil, "%d;refresher=%s", expires, refresher))
			loud, loudWho, _ := ParseExpires([]byte(" " + upper(value) + "\t"))
			if again != expires || who != refresher || loud != expires || loudWho != refresher {
				t.Fatalf("%d %q; written down: %d %q; in capitals: %d %q", expires, refresher, again, who, loud, loudWho)
			}
		}
		if least, minOK := ParseMinSE(value); minOK != ok || minOK && max(least, 1) != expires {
			t.Fatalf("as Min-SE: %d %t, as Session-Expires: %d %t", least, minOK, expires, ok)
		}
		want := false
		for _, item := range bytes.Split(value, []byte(",")) {
			want = want || upper(bytes.Trim(item, " \t\r\n")) == "TIMER"
		}
		if HasTag(value, "timer") != want {
			t.Fatalf("timer stands in it: %t", !want)
		}
	})
}

// upper changes the 26 letters only.
func upper(text []byte) string {
	out := bytes.Clone(text)
	for i, c := range out {
		if 'a' <= c && c <= 'z' {
			out[i] = c - 'a' + 'A'
		}
	}
	return string(out)
}

func BenchmarkRules(b *testing.B) {
	p := Policy{Expires: 1800, MinSE: 90}
	supported, expires := []byte("100rel, timer, replaces"), []byte("3600;refresher=uac")
	b.ReportAllocs()
	for b.Loop() {
		var r Request
		r.Supported = HasTag(supported, "timer")
		r.Expires, r.Refresher, _ = ParseExpires(expires)
		edit := p.OnRequest(r)
		if _, interval := OnAnswer(r, edit.Expires, Answer{}); interval != 1800 {
			b.Fatal(interval)
		}
	}
}
