package statusport

import "unicode/utf8"

// maxLine bounds a command line, in bytes.
const maxLine = 4096

// input is what one more byte of a client amounts to.
type input uint8

const (
	typing  input = iota // nothing to do yet
	entered              // a command line is complete: terminal.last
	tooLong              // the line passed maxLine and is dropped up to its end
	hangup               // the client wants to leave
)

// Control characters that the editor knows. Telnet's own commands for the same acts are turned into them.
const (
	ctrlC     = 0x03
	ctrlD     = 0x04
	backspace = 0x08
	ctrlU     = 0x15
	escape    = 0x1b
	del       = 0x7f
)

// keyState tells where in an escape sequence of a terminal the input is.
type keyState uint8

const (
	plainKey  keyState = iota
	escapeKey          // after ESC
	cursorKey          // after ESC [ or ESC O
)

// terminal turns the bytes of a client into command lines. It holds at most two lines, whatever comes.
type terminal struct {
	line    []byte // what is typed so far, without control characters
	last    []byte // the last command line
	out     []byte // echo and telnet answers that are to be sent; the owner empties it
	keys    keyState
	afterCR bool
	overrun bool // the rest of a line that was too long is being dropped

	telnet telnetState
	verb   byte // of an option that is being negotiated
	echo   bool // the client does not echo what it sends
}

// feed takes the next byte from the network.
func (t *terminal) feed(b byte) input {
	c, ok := t.decode(b)
	if !ok {
		return typing
	}
	afterCR := t.afterCR
	t.afterCR = c == '\r'
	if afterCR && (c == '\n' || c == 0) {
		return typing // RFC 854: CR LF and CR NUL are one line end
	}
	if t.keys != plainKey && c >= ' ' {
		t.sequence(c)
		return typing
	}
	t.keys = plainKey // a control character ends a sequence that is not complete
	return t.key(c)
}

// key handles a character outside of an escape sequence.
func (t *terminal) key(c byte) input {
	switch c {
	case '\r', '\n':
		return t.enter()
	case ctrlC, ctrlD:
		return hangup
	case backspace, del:
		t.erase()
	case ctrlU:
		t.eraseLine()
	case escape:
		t.keys = escapeKey
	case '\t':
		return t.add(' ')
	default:
		if c >= ' ' {
			return t.add(c)
		}
	}
	return typing
}

// sequence follows the escape sequence of a key; only arrow-up means something.
func (t *terminal) sequence(c byte) {
	switch {
	case t.keys == escapeKey && (c == '[' || c == 'O'):
		t.keys = cursorKey
	case t.keys == cursorKey && c == 'A':
		t.keys = plainKey
		t.recall()
	case t.keys == cursorKey && c >= ' ' && c < '@': // parameters of a longer sequence
	default:
		t.keys = plainKey
	}
}

func (t *terminal) add(c byte) input {
	if t.overrun {
		return typing
	}
	if len(t.line) == maxLine {
		t.line = t.line[:0]
		t.overrun = true
		return tooLong
	}
	t.line = append(t.line, c)
	t.show(c)
	return typing
}

// show echoes what stands on the line.
func (t *terminal) show(text ...byte) {
	if t.echo {
		t.out = appendData(t.out, text)
	}
}

func (t *terminal) enter() input {
	if t.echo {
		t.out = append(t.out, '\r', '\n')
	}
	if t.overrun {
		t.overrun = false
		return typing
	}
	if blank(t.line) {
		t.line = t.line[:0]
		return typing
	}
	t.line, t.last = t.last[:0], t.line
	return entered
}

func blank(line []byte) bool {
	for _, c := range line {
		if c != ' ' {
			return false
		}
	}
	return true
}

func (t *terminal) erase() {
	if len(t.line) == 0 {
		return
	}
	_, size := utf8.DecodeLastRune(t.line)
	t.line = t.line[:len(t.line)-size]
	if t.echo {
		t.out = append(t.out, "\b \b"...)
	}
}

func (t *terminal) eraseLine() {
	for len(t.line) > 0 {
		t.erase()
	}
}

// recall puts the last command back on the line, to be edited or entered.
func (t *terminal) recall() {
	if t.overrun {
		return
	}
	t.eraseLine()
	t.line = append(t.line, t.last...)
	t.show(t.line...)
}
