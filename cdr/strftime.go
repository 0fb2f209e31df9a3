package cdr

import (
	"strconv"
	"time"
)

// The conversions of strftime that are no combination of others, and those of the named formats.
const (
	conversions      = "aAbBCdegGhHIjklmMpPsSuUVwWyYzZ"
	namedConversions = "\x01\x02\x03"

	zoneRFC822   = '\x01' // GMT or +01:00
	zoneISO8601  = '\x02' // Z or +01:00
	milliseconds = '\x03'
)

// composite is what a conversion stands for that is made of others, "" if c is none (POSIX strftime, C locale).
func composite(c byte) string {
	switch c {
	case 'c':
		return "%a %b %e %H:%M:%S %Y"
	case 'D', 'x':
		return "%m/%d/%y"
	case 'F':
		return "%Y-%m-%d"
	case 'r':
		return "%I:%M:%S %p"
	case 'R':
		return "%H:%M"
	case 'T', 'X':
		return "%H:%M:%S"
	}
	return ""
}

// moment is a time taken apart once for all conversions of a format.
type moment struct {
	time.Time
	year, day            int
	hour, minute, second int
	month                time.Month
	weekday              time.Weekday
}

func momentOf(t time.Time) moment {
	m := moment{Time: t, weekday: t.Weekday()}
	m.year, m.month, m.day = t.Date()
	m.hour, m.minute, m.second = t.Clock()
	return m
}

func (m *moment) appendDate(dst []byte, conversion byte) []byte {
	switch conversion {
	case 'a':
		return append(dst, m.weekday.String()[:3]...)
	case 'A':
		return append(dst, m.weekday.String()...)
	case 'b', 'h':
		return append(dst, m.month.String()[:3]...)
	case 'B':
		return append(dst, m.month.String()...)
	case 'C':
		return pad(dst, m.year/100, 2, '0')
	case 'd':
		return pad(dst, m.day, 2, '0')
	case 'e':
		return pad(dst, m.day, 2, ' ')
	case 'j':
		return pad(dst, m.YearDay(), 3, '0')
	case 'm':
		return pad(dst, int(m.month), 2, '0')
	case 'w':
		return pad(dst, int(m.weekday), 1, '0')
	case 'y':
		return pad(dst, m.year%100, 2, '0')
	case 'Y':
		return pad(dst, m.year, 1, '0')
	}
	return m.appendWeek(dst, conversion)
}

func (m *moment) appendWeek(dst []byte, conversion byte) []byte {
	isoYear, isoWeek := 0, 0
	switch conversion {
	case 'g', 'G', 'V':
		isoYear, isoWeek = m.ISOWeek()
	}
	switch conversion {
	case 'g':
		return pad(dst, isoYear%100, 2, '0')
	case 'G':
		return pad(dst, isoYear, 1, '0')
	case 'V':
		return pad(dst, isoWeek, 2, '0')
	case 'U': // weeks begin on Sunday; the days before the first one are week 0
		return pad(dst, (m.YearDay()+6-int(m.weekday))/7, 2, '0')
	case 'W': // the same with Monday
		return pad(dst, (m.YearDay()+6-(int(m.weekday)+6)%7)/7, 2, '0')
	}
	return m.appendClock(dst, conversion)
}

func (m *moment) appendClock(dst []byte, conversion byte) []byte {
	switch conversion {
	case 'H':
		return pad(dst, m.hour, 2, '0')
	case 'I':
		return pad(dst, (m.hour+11)%12+1, 2, '0')
	case 'k':
		return pad(dst, m.hour, 2, ' ')
	case 'l':
		return pad(dst, (m.hour+11)%12+1, 2, ' ')
	case 'M':
		return pad(dst, m.minute, 2, '0')
	case 'p':
		return append(dst, m.half("AM", "PM")...)
	case 'P':
		return append(dst, m.half("am", "pm")...)
	case 's':
		return strconv.AppendInt(dst, m.Unix(), 10)
	case 'S':
		return pad(dst, m.second, 2, '0')
	case 'u':
		return m.appendMicroseconds(dst)
	case milliseconds:
		return pad(dst, m.Nanosecond()/1e6, 3, '0')
	}
	return m.appendZone(dst, conversion)
}

func (m *moment) half(morning, afternoon string) string {
	if m.hour < 12 {
		return morning
	}
	return afternoon
}

// appendMicroseconds writes GnuGk's %u: 000 for a whole second, as GnuGk does. Other values have six digits; GnuGk drops
// their leading zeros down to three digits, so that .%u would show 5 ms as half a second.
func (m *moment) appendMicroseconds(dst []byte) []byte {
	us := m.Nanosecond() / 1e3
	if us == 0 {
		return append(dst, "000"...)
	}
	return pad(dst, us, 6, '0')
}

func (m *moment) appendZone(dst []byte, conversion byte) []byte {
	name, offset := m.Zone()
	switch {
	case conversion == 'Z':
		return append(dst, name...)
	case conversion == zoneRFC822 && offset == 0:
		return append(dst, "GMT"...)
	case conversion == zoneISO8601 && offset == 0:
		return append(dst, 'Z')
	}
	sign := byte('+')
	if offset < 0 {
		sign, offset = '-', -offset
	}
	dst = pad(append(dst, sign), offset/3600, 2, '0')
	if conversion != 'z' {
		dst = append(dst, ':')
	}
	return pad(dst, offset/60%60, 2, '0')
}

// pad writes n, which is not negative, with at least width characters.
func pad(dst []byte, n, width int, fill byte) []byte {
	limit := 1
	for i := 1; i < width; i++ {
		limit *= 10
	}
	for ; limit > 1 && n < limit; limit /= 10 {
		dst = append(dst, fill)
	}
	return strconv.AppendInt(dst, int64(n), 10)
}
