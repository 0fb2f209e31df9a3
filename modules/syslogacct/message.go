package syslogacct

import (
	"fmt"
	"os"
	"time"
	"unicode/utf8"
)

// header writes what stands before the text of a message: RFC 3164's form, without the host name on a local socket, as
// syslog(3) does it.
type header struct {
	priority string // "<14>"
	tag      string // " tollgate[4711]: ", on the network with the host name before it
}

func newHeader(priority int, ident, network string) header {
	h := header{priority: fmt.Sprintf("<%d>", priority), tag: fmt.Sprintf(" %s[%d]: ", ident, os.Getpid())}
	if network != "unix" {
		host, err := os.Hostname()
		if err != nil {
			host = "localhost"
		}
		h.tag = " " + host + h.tag
	}
	return h
}

// append writes the header of a message about something that happened at t.
func (h *header) append(dst []byte, t time.Time) []byte {
	dst = append(dst, h.priority...)
	dst = t.Local().AppendFormat(dst, time.Stamp) // RFC 3164 4.1.2
	return append(dst, h.tag...)
}

// cutMark ends a message that was too long.
const cutMark = "[cut]"

// cut shortens message to limit bytes, between two characters.
func cut(message []byte, limit int) []byte {
	end := limit - len(cutMark)
	for end > 0 && !utf8.RuneStart(message[end]) {
		end--
	}
	return append(message[:end], cutMark...)
}
