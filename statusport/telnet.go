package statusport

import "bytes"

// The telnet commands that matter here (RFC 854; EOF is RFC 1184's).
const (
	telnetEOF  = 236
	telnetSE   = 240 // end of a subnegotiation
	telnetBRK  = 243
	telnetIP   = 244 // interrupt process: Ctrl-C
	telnetEC   = 247 // erase character
	telnetEL   = 248 // erase line
	telnetSB   = 250 // subnegotiation
	telnetWILL = 251
	telnetWONT = 252
	telnetDO   = 253
	telnetDONT = 254
	telnetIAC  = 255
)

// The telnet options that matter here.
const (
	optionEcho            = 1 // RFC 857
	optionSuppressGoAhead = 3 // RFC 858
	optionStatus          = 5 // RFC 859
	optionTimingMark      = 6 // RFC 860; common clients send it with Ctrl-C
)

// negotiation is what a client gets first: DO suppress-go-ahead, WILL status, DONT echo, as from GnuGk.
const negotiation = "\xff\xfd\x03\xff\xfb\x05\xff\xfe\x01"

// appendData writes data for a telnet connection: a byte that would begin a command is doubled.
func appendData(dst, data []byte) []byte {
	for {
		i := bytes.IndexByte(data, telnetIAC)
		if i < 0 {
			return append(dst, data...)
		}
		dst = append(dst, data[:i+1]...)
		dst = append(dst, telnetIAC)
		data = data[i+1:]
	}
}

// telnetState tells where in a telnet command the input is.
type telnetState uint8

const (
	telnetData    telnetState = iota
	telnetCommand             // after IAC
	telnetOption              // after WILL, WONT, DO or DONT
	telnetSub                 // in a subnegotiation, which is skipped
	telnetSubIAC              // after an IAC in it
)

// decode takes the telnet commands out of the input. It gives the data byte that b completes, if any; a telnet command
// that a key could stand for is given as that key.
func (t *terminal) decode(b byte) (c byte, ok bool) {
	switch t.telnet {
	case telnetCommand:
		return t.command(b)
	case telnetOption:
		t.telnet = telnetData
		return t.option(b)
	case telnetSub:
		if b == telnetIAC {
			t.telnet = telnetSubIAC
		}
		return 0, false
	case telnetSubIAC:
		t.telnet = telnetSub
		if b == telnetSE {
			t.telnet = telnetData
		}
		return 0, false
	}
	if b == telnetIAC {
		t.telnet = telnetCommand
		return 0, false
	}
	return b, true
}

// command handles the byte after IAC.
func (t *terminal) command(b byte) (c byte, ok bool) {
	t.telnet = telnetData
	switch b {
	case telnetIAC:
		return b, true
	case telnetWILL, telnetWONT, telnetDO, telnetDONT:
		t.telnet = telnetOption
		t.verb = b
	case telnetSB:
		t.telnet = telnetSub
	case telnetIP, telnetBRK:
		return ctrlC, true
	case telnetEOF:
		return ctrlD, true
	case telnetEC:
		return backspace, true
	case telnetEL:
		return ctrlU, true
	}
	return 0, false
}

// option handles one WILL, WONT, DO or DONT. Requests are refused but for what the greeting offered; refusals need no
// answer (RFC 854, so that two sides cannot acknowledge each other for ever).
func (t *terminal) option(opt byte) (c byte, ok bool) {
	switch {
	case t.verb == telnetDO && opt == optionTimingMark:
		return ctrlC, true
	case t.verb == telnetDO && opt != optionStatus:
		t.out = append(t.out, telnetIAC, telnetWONT, opt)
	case t.verb == telnetWILL && opt != optionSuppressGoAhead:
		t.out = append(t.out, telnetIAC, telnetDONT, opt)
	case t.verb == telnetWONT && opt == optionEcho:
		t.echo = true
	}
	return 0, false
}
