package cdr

import (
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"
)

func location(t *testing.T, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func TestTimeFormats(t *testing.T) {
	berlin, newYork, kolkata := location(t, "Europe/Berlin"), location(t, "America/New_York"), location(t, "Asia/Kolkata")
	newYear := time.Date(2026, time.January, 1, 1, 0, 0, 0, berlin)
	summer := time.Date(2026, time.July, 4, 13, 5, 9, 7_654_321, newYork)
	captured := time.Date(2026, time.November, 22, 0, 40, 44, 0, time.UTC)
	tests := []struct {
		name, format, want string
		zone               *time.Location
		time               time.Time
	}{
		{"RFC822 in winter", "RFC822", "Thu, 01 Jan 2026 01:00:00 +01:00", berlin, newYear},
		{"RFC822 in summer", "rfc822", "Sat, 04 Jul 2026 13:05:09 -04:00", newYork, summer},
		{"RFC822 at offset 0", "RFC822", "Sun, 22 Nov 2026 00:40:44 GMT", time.UTC, captured},
		{"RFC822 with half an hour", "RFC822", "Sun, 22 Nov 2026 06:10:44 +05:30", kolkata, captured},
		{"ISO8601", "ISO8601", "2026-01-01 T 01:00:00 +01:00", berlin, newYear},
		{"ISO8601 at offset 0", "iso8601", "2026-11-22 T 00:40:44 Z", time.UTC, captured},
		{"Cisco", "Cisco", "01:00:00.000 CET Thu Jan 01 2026", berlin, newYear},
		{"Cisco with milliseconds", "CISCO", "13:05:09.007 EDT Sat Jul 04 2026", newYork, summer},
		{"MySQL", "mysql", "2026-01-01 01:00:00", berlin, newYear},
		{"Oracle in the morning", "Oracle", "01-Jan-2026 01:00:00 am", berlin, newYear},
		{"Oracle in the afternoon", "Oracle", "04-Jul-2026 01:05:09 pm", newYork, summer},
		{"UTC named", "UTC Cisco", "00:00:00.000 UTC Thu Jan 01 2026", berlin, newYear},
		{"UTC in lower case", "utc  rfc822", "Thu, 01 Jan 2026 00:00:00 GMT", berlin, newYear},
		{"UTC strftime", "UTC %Y-%m-%dT%H:%M:%SZ", "2026-07-04T17:05:09Z", newYork, summer},
		{"microseconds of a whole second", "%S.%u", "00.000", berlin, newYear},
		{"microseconds", "%S.%u", "09.007654", newYork, summer},
		{"no microseconds", "%S.%%u", "09.%u", newYork, summer},
		{"line end and tab", "a%nb%tc%H", "a\nb\tc01", berlin, newYear},
		{"zero time", "Cisco", "", berlin, time.Time{}},
		{"zero time with literal text", "at %H", "", berlin, time.Time{}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f, err := parseTimeFormat(test.format, test.zone)
			if err != nil {
				t.Fatal(err)
			}
			if got := string(f.Append(nil, test.time)); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

// TestDaylightSaving goes over both changes of a year: the offset is the one of the moment, not of now.
func TestDaylightSaving(t *testing.T) {
	tests := []struct {
		zone   string
		second int64
		want   string
	}{
		{"America/New_York", 1772953199, "Sun, 08 Mar 2026 01:59:59 -05:00|01:59:59.000 EST Sun Mar 08 2026"},
		{"America/New_York", 1772953200, "Sun, 08 Mar 2026 03:00:00 -04:00|03:00:00.000 EDT Sun Mar 08 2026"},
		{"America/New_York", 1793512799, "Sun, 01 Nov 2026 01:59:59 -04:00|01:59:59.000 EDT Sun Nov 01 2026"},
		{"America/New_York", 1793512800, "Sun, 01 Nov 2026 01:00:00 -05:00|01:00:00.000 EST Sun Nov 01 2026"},
		{"Europe/Berlin", 1774745999, "Sun, 29 Mar 2026 01:59:59 +01:00|01:59:59.000 CET Sun Mar 29 2026"},
		{"Europe/Berlin", 1774746000, "Sun, 29 Mar 2026 03:00:00 +02:00|03:00:00.000 CEST Sun Mar 29 2026"},
		{"Europe/Berlin", 1792889999, "Sun, 25 Oct 2026 02:59:59 +02:00|02:59:59.000 CEST Sun Oct 25 2026"},
		{"Europe/Berlin", 1792890000, "Sun, 25 Oct 2026 02:00:00 +01:00|02:00:00.000 CET Sun Oct 25 2026"},
		{"Europe/London", 1774745999, "Sun, 29 Mar 2026 00:59:59 GMT|00:59:59.000 GMT Sun Mar 29 2026"},
		{"Europe/London", 1774746000, "Sun, 29 Mar 2026 02:00:00 +01:00|02:00:00.000 BST Sun Mar 29 2026"},
	}
	for _, test := range tests {
		var got []byte
		for _, name := range []string{"RFC822", "Cisco"} {
			f, err := parseTimeFormat(name, location(t, test.zone))
			if err != nil {
				t.Fatal(err)
			}
			if got != nil {
				got = append(got, '|')
			}
			got = f.Append(got, time.Unix(test.second, 0))
		}
		if string(got) != test.want {
			t.Errorf("%s at %d: %s, want %s", test.zone, test.second, got, test.want)
		}
	}
}

// TestConversionsAgainstDate compares every conversion with date(1), which uses strftime's, over years that begin on
// every day of the week. %u differs on purpose: it is GnuGk's.
func TestConversionsAgainstDate(t *testing.T) {
	zones := []struct{ posix, name string }{
		{"EST5EDT,M3.2.0,M11.1.0", "America/New_York"},
		{"CET-1CEST,M3.5.0,M10.5.0/3", "Europe/Berlin"},
		{"UTC0", "UTC"},
	}
	const text = "%a|%A|%b|%B|%c|%C|%d|%D|%e|%F|%g|%G|%h|%H|%I|%j|%k|%l|%m|%M|%p|%P|%r|%R|%s|%S|%T|%U|%V|%w|%W|%x|%X|%y|%Y|%z|%Z"
	for _, zone := range zones {
		t.Run(zone.name, func(t *testing.T) {
			f, err := parseTimeFormat(text, location(t, zone.name))
			if err != nil {
				t.Fatal(err)
			}
			var input, want strings.Builder
			const step = 40*3600 + 1234
			for at := time.Date(2012, time.December, 20, 0, 0, 0, 0, time.UTC); at.Year() < 2025; at = at.Add(step * time.Second) {
				input.WriteString("@" + strconv.FormatInt(at.Unix(), 10) + "\n")
				want.Write(append(f.Append(nil, at), '\n'))
			}
			date := exec.Command("date", "-f", "-", "+"+text)
			date.Env = []string{"TZ=" + zone.posix, "LC_ALL=C"}
			date.Stdin = strings.NewReader(input.String())
			out, err := date.Output()
			if err != nil {
				t.Fatalf("running date: %v", err)
			}
			compareLines(t, want.String(), string(out))
		})
	}
}

func compareLines(t *testing.T, got, want string) {
	t.Helper()
	gotLines, wantLines := strings.Split(got, "\n"), strings.Split(want, "\n")
	if len(gotLines) != len(wantLines) {
		t.Fatalf("%d lines, want %d", len(gotLines), len(wantLines))
	}
	for i := range gotLines {
		if gotLines[i] != wantLines[i] {
			t.Fatalf("\n%s, want\n%s", gotLines[i], wantLines[i])
		}
	}
}

func TestTimeFormatErrors(t *testing.T) {
	for _, text := range []string{"", "UTC ", "UTC   ", "RFC-822", "Cisko", "UTC Cisko", "plain", "%Y %", "%Q", "%Y-%é", "%-d", "%\x01", "%H\x01%\x03"} {
		if f, err := ParseTimeFormat(text); err == nil || f != nil {
			t.Errorf("%q gave no error", text)
		} else if !strings.HasPrefix(err.Error(), "timestamp format "+strconv.Quote(text)+": ") {
			t.Errorf("%q: the error does not name it: %v", text, err)
		}
	}
}

func TestLocalTime(t *testing.T) {
	f, err := ParseTimeFormat("MySQL")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	if got, want := string(f.Append(nil, now)), now.Local().Format(time.DateTime); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	var none *TimeFormat
	if got := none.Append(nil, now); len(got) != 0 {
		t.Errorf("no format wrote %q", got)
	}
}

func FuzzParseTimeFormat(f *testing.F) {
	for _, seed := range []string{"RFC822", "UTC Cisco", "%Y-%m-%d %H:%M:%S.%u", "%c%x%X%r%D%F%T%R", "%", "%%u%é", "UTC %"} {
		f.Add(seed, int64(1772953199), int64(5_000_000))
	}
	f.Fuzz(func(t *testing.T, text string, second, nano int64) {
		format, err := ParseTimeFormat(text)
		if err != nil {
			return
		}
		at := time.Unix(second, nano)
		first := string(format.Append(nil, at))
		if again := string(format.Append([]byte("x"), at)); again != "x"+first {
			t.Fatalf("%q: %q, then %q", text, first, again)
		}
	})
}
