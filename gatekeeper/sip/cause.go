package sip

import (
	"bytes"
)

// Q.850 causes that have a use here.
const (
	causeUnallocated = 1
	causeRejected    = 21
	causeCongestion  = 42
)

// causes maps the status of a final answer to a Q.850 cause (RFC 3398 8.2.6.1; RFC 4497 has the same for QSIG). Of those that
// it leaves open, 488 and 606 say that the description of the session is not acceptable; 487 is the end of a call that was
// cancelled, and 491 passes.
var causes = map[int]int{
	400: 41, 401: 21, 402: 21, 403: 21, 404: 1, 405: 63, 406: 79, 407: 21, 408: 102, 410: 22, 413: 127, 414: 127, 415: 79,
	416: 127, 420: 127, 421: 127, 423: 127, 480: 18, 481: 41, 482: 25, 483: 25, 484: 28, 485: 1, 486: 17, 487: 16, 488: 79,
	491: 41, 500: 41, 501: 79, 502: 38, 503: 41, 504: 102, 505: 127, 513: 127, 600: 17, 603: 21, 604: 1, 606: 79,
}

// causeOf is the Q.850 cause of a status; interworking (127) for those that have none of their own.
func causeOf(status int) int {
	if cause, ok := causes[status]; ok {
		return cause
	}
	return 127
}

// causeIn is the cause that the Reason headers name (RFC 3326; in answers RFC 6432), or otherwise: that of Q.850, or else of a
// SIP status that is a failure's.
func causeIn(m *message, otherwise int) int {
	for i := range m.headers {
		if m.headers[i].id != hdrReason {
			continue
		}
		for rest := m.value(&m.headers[i]); len(rest) > 0; {
			var reason []byte
			reason, rest = cutOutside(rest, ',')
			protocol, _, _ := bytes.Cut(reason, []byte(";"))
			protocol = trim(protocol)
			n, ok := decimal(param(reason, "cause"))
			switch {
			case !ok:
			case equalFold(protocol, "q.850") && n > 0 && n <= 127:
				return int(n)
			case equalFold(protocol, "sip") && n >= 300 && n <= 699:
				otherwise = causeOf(int(n))
			}
		}
	}
	return otherwise
}

// phrases are for the statuses that RefuseStatus may reasonably be set to.
var phrases = map[int]string{
	402: "Payment Required", 403: "Forbidden", 480: "Temporarily Unavailable", 486: "Busy Here", 500: "Server Internal Error",
	503: "Service Unavailable", 504: "Server Time-out", 600: "Busy Everywhere", 603: "Decline",
}

func reasonPhrase(status int) string {
	if phrase, ok := phrases[status]; ok {
		return phrase
	}
	return "Call Refused"
}
