package sip

import (
	"bytes"
	"errors"
	"strconv"
)

// Bounds of a message. A datagram cannot be longer than maxMessage; maxHeaders is far above what phones send.
const (
	maxMessage = 65535
	maxHeaders = 128
)

// method is a request method that the proxy treats in its own way; all others are forwarded alike.
type method uint8

const (
	methodOther method = iota
	methodInvite
	methodAck
	methodBye
	methodCancel
	methodOptions
)

var methodNames = [...]string{methodInvite: "INVITE", methodAck: "ACK", methodBye: "BYE", methodCancel: "CANCEL", methodOptions: "OPTIONS"}

func methodOf(name []byte) method {
	for m := methodInvite; int(m) < len(methodNames); m++ {
		if string(name) == methodNames[m] {
			return m
		}
	}
	return methodOther
}

// headerID is a header that the proxy reads or writes; the rest only pass through.
type headerID uint8

const (
	hdrOther headerID = iota
	hdrVia
	hdrFrom
	hdrTo
	hdrCallID
	hdrCSeq
	hdrMaxForwards
	hdrRoute
	hdrRecordRoute
	hdrContact
	hdrContentLength
	hdrContentType
	hdrUserAgent
	hdrServer
	hdrReason
	hdrProxyRequire
	hdrRequire
	hdrSupported
	hdrSessionExpires
	hdrMinSE
	hdrRAck
	hdrEvent
	hdrMaxBreadth
	hdrWWWAuthenticate
	hdrProxyAuthenticate
	hdrRetryAfter
	headerIDs // their number
)

// header is one header field as offsets into the message.
type header struct {
	id                                 headerID
	nameAt, nameEnd, valueAt, valueEnd uint16
}

// message is a SIP message indexed in place: every field is a part of raw. It is reused for the next message, so what
// is to be kept must be copied.
type message struct {
	raw     []byte
	headers []header
	body    []byte

	request    bool
	method     method
	methodName []byte
	uri        []byte // Request-URI
	status     int
	reason     []byte

	via         via // the topmost
	callID      []byte
	from, to    []byte // header values
	fromTag     []byte
	toTag       []byte
	cseq        uint32
	cseqMethod  []byte
	maxForwards int // -1 if absent
}

// Reasons for which a message cannot be handled. A request is answered 400 where its Via allows, anything else is
// dropped.
var (
	errEmpty     = errors.New("no message")
	errStartLine = errors.New("malformed start line")
	errVersion   = errors.New("SIP version not supported")
	errHeader    = errors.New("malformed header line")
	errTooMany   = errors.New("too many headers")
	errRepeated  = errors.New("repeated header")
	errMissing   = errors.New("missing mandatory header")
	errVia       = errors.New("malformed Via")
	errCSeq      = errors.New("malformed CSeq")
	errForwards  = errors.New("malformed Max-Forwards")
	errLength    = errors.New("wrong Content-Length")
	errControl   = errors.New("control character in a header")
)

// parse indexes the datagram raw, which the message keeps and may edit (folded lines are unfolded in place). It
// tolerates what peers do send: bare LF as line end, empty lines in front, blanks before the colon, compact names,
// names and parameters in any case. On error the fields that were read so far stand.
func (m *message) parse(raw []byte) error {
	*m = message{headers: m.headers[:0], maxForwards: -1}
	raw = bytes.TrimLeft(raw, "\r\n")
	if len(raw) == 0 || len(raw) > maxMessage {
		return errEmpty
	}
	m.raw = raw
	at, err := m.startLine()
	if err != nil {
		return err
	}
	if at, err = m.index(at); err != nil {
		_ = m.essentials() // the Via is wanted for the answer 400
		return err
	}
	m.body = raw[at:]
	return m.essentials()
}

// startLine reads the request or status line and gives the offset behind it.
func (m *message) startLine() (int, error) {
	line, next := cutLine(m.raw, 0)
	if hasControl(line) {
		return 0, errStartLine
	}
	first, rest, ok := bytes.Cut(line, []byte(" "))
	if !ok {
		return 0, errStartLine
	}
	if len(first) > 4 && bytes.EqualFold(first[:4], []byte("SIP/")) {
		return next, m.statusLine(first, rest)
	}
	m.request = true
	m.methodName, m.method = first, methodOf(first)
	uri, version, ok := bytes.Cut(bytes.TrimSpace(rest), []byte(" "))
	if !ok || !isToken(first) || len(uri) == 0 {
		return 0, errStartLine
	}
	m.uri = uri
	version = bytes.TrimSpace(version)
	if !bytes.EqualFold(version, []byte("SIP/2.0")) {
		if len(version) > 4 && bytes.EqualFold(version[:4], []byte("SIP/")) && bytes.IndexByte(version, ' ') < 0 {
			// The headers are still wanted for the answer 505.
			_, _ = m.index(next)
			_ = m.essentials()
			return 0, errVersion
		}
		return 0, errStartLine
	}
	return next, nil
}

func (m *message) statusLine(version, rest []byte) error {
	if !bytes.EqualFold(version, []byte("SIP/2.0")) {
		return errVersion
	}
	code, reason, _ := bytes.Cut(rest, []byte(" "))
	n, ok := decimal(code)
	if !ok || len(code) != 3 || n < 100 || n > 699 {
		return errStartLine
	}
	m.status, m.reason = int(n), reason
	return nil
}

// index finds the header lines and gives the offset of the body.
func (m *message) index(at int) (int, error) {
	for at < len(m.raw) {
		line, next := cutLine(m.raw, at)
		if len(line) == 0 {
			return next, nil
		}
		for next < len(m.raw) && (m.raw[next] == ' ' || m.raw[next] == '\t') {
			end := at + len(line)
			blank(m.raw[end:next]) // the fold: CR LF become blanks
			folded, after := cutLine(m.raw, next)
			line, next = m.raw[at:next+len(folded)], after
		}
		if hasControl(line) {
			return 0, errControl
		}
		if err := m.header(at, line); err != nil {
			return 0, err
		}
		at = next
	}
	return at, nil
}

func (m *message) header(at int, line []byte) error {
	colon := bytes.IndexByte(line, ':')
	if colon <= 0 {
		return errHeader
	}
	if len(m.headers) == maxHeaders {
		return errTooMany
	}
	name := bytes.TrimRight(line[:colon], " \t")
	if !isToken(name) {
		return errHeader
	}
	value := bytes.TrimLeft(line[colon+1:], " \t")
	valueAt := at + len(line) - len(value)
	value = bytes.TrimRight(value, " \t")
	m.headers = append(m.headers, header{id: headerOf(name), nameAt: uint16(at), nameEnd: uint16(at + len(name)),
		valueAt: uint16(valueAt), valueEnd: uint16(valueAt + len(value))})
	return nil
}

// value is the header's value as it stands in the message.
func (m *message) value(h *header) []byte { return m.raw[h.valueAt:h.valueEnd] }

// line is the header from its name to the end of its value.
func (m *message) line(h *header) []byte { return m.raw[h.nameAt:h.valueEnd] }

// find is the value of the first header with that id, nil if there is none.
func (m *message) find(id headerID) []byte {
	for i := range m.headers {
		if m.headers[i].id == id {
			return m.value(&m.headers[i])
		}
	}
	return nil
}

// essentials reads what every message must have (RFC 3261 8.1.1), and refuses what may stand only once.
func (m *message) essentials() error {
	length := -1
	viaErr := errMissing
	var seen [headerIDs]bool
	for i := range m.headers {
		h := &m.headers[i]
		value := m.value(h)
		var err error
		switch h.id {
		case hdrVia:
			if !seen[hdrVia] {
				viaErr = m.via.parse(value)
			}
		case hdrFrom:
			m.from, m.fromTag = value, param(value, "tag")
		case hdrTo:
			m.to, m.toTag = value, param(value, "tag")
		case hdrCallID:
			m.callID = value
		case hdrCSeq:
			err = m.readCSeq(value)
		case hdrMaxForwards:
			n, ok := decimal(value)
			if m.maxForwards = int(n); !ok || n > 255 {
				err = errForwards
			}
		case hdrContentLength:
			n, ok := decimal(value)
			if length = int(n); !ok {
				err = errLength
			}
		}
		if err == nil && seen[h.id] && onlyOnce(h.id) {
			err = errRepeated
		}
		if err != nil {
			return err
		}
		seen[h.id] = true
	}
	if viaErr != nil {
		return viaErr
	}
	if len(m.from) == 0 || len(m.to) == 0 || len(m.callID) == 0 || !seen[hdrCSeq] {
		return errMissing
	}
	return m.cutBody(length)
}

func onlyOnce(id headerID) bool {
	switch id {
	case hdrFrom, hdrTo, hdrCallID, hdrCSeq, hdrMaxForwards, hdrContentLength, hdrContentType:
		return true
	}
	return false
}

// cutBody applies Content-Length as RFC 3261 18.3 wants it over UDP: without one the body is the rest of the datagram,
// and bytes behind the body are ignored.
func (m *message) cutBody(length int) error {
	if length > len(m.body) {
		return errLength
	}
	if length >= 0 {
		m.body = m.body[:length]
	}
	return nil
}

func (m *message) readCSeq(value []byte) error {
	number, name, ok := bytes.Cut(bytes.ReplaceAll(value, []byte("\t"), []byte(" ")), []byte(" "))
	n, valid := decimal(number)
	name = bytes.TrimSpace(name)
	if !ok || !valid || n > 1<<31-1 || !isToken(name) {
		return errCSeq
	}
	m.cseq, m.cseqMethod = uint32(n), name
	if m.request && !bytes.Equal(name, m.methodName) {
		return errCSeq
	}
	return nil
}

// cutLine gives the line that begins at at, without its end (CR LF or LF), and the offset of the next one.
func cutLine(raw []byte, at int) (line []byte, next int) {
	i := bytes.IndexByte(raw[at:], '\n')
	if i < 0 {
		return raw[at:], len(raw)
	}
	line = raw[at : at+i]
	if i > 0 && line[i-1] == '\r' {
		line = line[:i-1]
	}
	return line, at + i + 1
}

// hasControl tells of bytes that would let a line be read as something else further down: NUL, and CR that ends no
// line.
func hasControl(line []byte) bool {
	return bytes.IndexByte(line, 0) >= 0 || bytes.IndexByte(line, '\r') >= 0
}

func blank(b []byte) {
	for i := range b {
		b[i] = ' '
	}
}

// isToken checks RFC 3261 25.1's token.
func isToken(b []byte) bool {
	for _, c := range b {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		case bytes.IndexByte([]byte("-.!%*_+`'~"), c) >= 0:
		default:
			return false
		}
	}
	return len(b) > 0 && len(b) <= 64
}

// decimal reads an unsigned number of at most ten digits.
func decimal(b []byte) (uint64, bool) {
	if len(b) == 0 || len(b) > 10 {
		return 0, false
	}
	n, err := strconv.ParseUint(string(b), 10, 64)
	return n, err == nil
}
