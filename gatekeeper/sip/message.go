package sip

import (
	"bytes"
	"cmp"
	"errors"
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
	hdrReferTo
	hdrAuthorization
	hdrProxyAuthorization
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
	errURI       = errors.New("malformed Request-URI")
	errVersion   = errors.New("SIP version not supported")
	errHeader    = errors.New("malformed header line")
	errTooMany   = errors.New("too many headers")
	errRepeated  = errors.New("repeated header")
	errMissing   = errors.New("missing mandatory header")
	errVia       = errors.New("malformed Via")
	errAddress   = errors.New("malformed From or To")
	errCSeq      = errors.New("malformed CSeq")
	errForwards  = errors.New("malformed Max-Forwards")
	errLength    = errors.New("wrong Content-Length")
	errControl   = errors.New("control character in a header")
)

// parse indexes the datagram raw, which the message keeps and may edit (folded lines are unfolded in place). It
// tolerates what peers do send: bare LF as line end, empty lines in front, blanks before the colon and between the parts
// of the start line, compact names, names and parameters in any case. It reads on after an error, which is the first one:
// whatever is wrong with a request, the answer needs its Via and repeats the rest.
func (m *message) parse(raw []byte) error {
	*m = message{headers: m.headers[:0], maxForwards: -1}
	raw = bytes.TrimLeft(raw, "\r\n")
	if len(raw) == 0 || len(raw) > maxMessage || isKeepAlive(raw) {
		return errEmpty
	}
	m.raw = raw
	line, next := cutLine(raw, 0)
	wrongLine := m.startLine(line)
	at, wrongHeader := m.index(next)
	m.body = raw[at:]
	wrong := m.essentials()
	switch {
	case wrongLine != nil:
		return wrongLine
	case wrongHeader != nil:
		return wrongHeader
	}
	return wrong
}

// isKeepAlive tells of the NULs that some peers send to keep a NAT's binding.
func isKeepAlive(raw []byte) bool {
	return raw[0] == 0 && len(bytes.TrimLeft(raw, "\x00\r\n")) == 0
}

// startLine reads the request or status line. What begins with a method is a request, however it goes on.
func (m *message) startLine(line []byte) error {
	first, rest, ok := bytes.Cut(line, []byte(" "))
	if len(first) > 4 && equalFold(first[:4], "sip/") {
		return m.statusLine(first, rest)
	}
	if !ok || !isToken(first) {
		return errStartLine
	}
	m.request = true
	m.methodName, m.method = first, methodOf(first)
	uri, version, _ := bytes.Cut(bytes.TrimSpace(rest), []byte(" "))
	version = bytes.TrimSpace(version)
	switch {
	case hasControl(line) || len(version) <= 4 || !equalFold(version[:4], "sip/") || bytes.IndexByte(version, ' ') >= 0:
		return errStartLine
	case !equalFold(version[4:], "2.0"):
		return errVersion
	case !isURI(uri):
		return errURI
	}
	m.uri = withoutHeaders(uri)
	return nil
}

func (m *message) statusLine(version, rest []byte) error {
	if !equalFold(version, "sip/2.0") {
		return errVersion
	}
	code, reason, _ := bytes.Cut(bytes.TrimLeft(rest, " "), []byte(" "))
	n, ok := decimal(code)
	if !ok || hasControl(reason) || len(code) != 3 || n < 100 || n > 699 {
		return errStartLine
	}
	m.status, m.reason = int(n), reason
	return nil
}

// index finds the header lines and gives the offset of the body. Lines that are none are left out.
func (m *message) index(at int) (body int, wrong error) {
	for at < len(m.raw) {
		line, next := cutLine(m.raw, at)
		if len(line) == 0 {
			return next, wrong
		}
		for next < len(m.raw) && (m.raw[next] == ' ' || m.raw[next] == '\t') {
			end := at + len(line)
			blank(m.raw[end:next]) // the fold: CR LF become blanks
			folded, after := cutLine(m.raw, next)
			line, next = m.raw[at:next+len(folded)], after
		}
		if err := m.header(at, line); err != nil {
			if wrong = cmp.Or(wrong, err); err == errTooMany {
				break
			}
		}
		at = next
	}
	return at, wrong
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
	id := headerOf(name)
	if hasControl(line) && !isQuotedNUL(id, value) {
		return errControl
	}
	m.headers = append(m.headers, header{id: id, nameAt: uint16(at), nameEnd: uint16(at + len(name)),
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

// essentials reads what every message must have (RFC 3261 8.1.1), and refuses what may stand only once: further ones
// become any other header, so that an answer repeats one.
func (m *message) essentials() error {
	length := -1
	var wrong error
	var seen [headerIDs]bool
	for i := range m.headers {
		h := &m.headers[i]
		var err error
		if seen[h.id] && onlyOnce(h.id) {
			h.id, err = hdrOther, errRepeated
		} else if h.id == hdrContentLength {
			length, err = readLength(m.value(h))
		} else if h.id != hdrVia || !seen[hdrVia] {
			err = m.essential(h.id, m.value(h))
		}
		if err != nil && wrong == nil {
			wrong = err
		}
		seen[h.id] = true
	}
	switch {
	case wrong != nil:
		return wrong
	case !seen[hdrVia] || !seen[hdrCSeq] || len(m.from) == 0 || len(m.to) == 0 || len(m.callID) == 0:
		return errMissing
	}
	return m.cutBody(length)
}

// essential reads one header.
func (m *message) essential(id headerID, value []byte) error {
	switch id {
	case hdrVia:
		err := m.via.parse(value)
		if err == nil && m.request && !areVias(value[len(m.via.element):]) {
			err = errVia
		}
		return err
	case hdrFrom:
		m.from, m.fromTag = value, param(value, "tag")
		if !isClosed(value) {
			return errAddress
		}
	case hdrTo:
		m.to, m.toTag = value, param(value, "tag")
		if !isClosed(value) {
			return errAddress
		}
	case hdrCallID:
		m.callID = value
	case hdrCSeq:
		return m.readCSeq(value)
	case hdrMaxForwards:
		n, ok := decimal(value)
		if m.maxForwards = int(n); !ok || n > 255 {
			return errForwards
		}
	}
	return nil
}

func readLength(value []byte) (int, error) {
	n, ok := decimal(value)
	if !ok {
		return -1, errLength
	}
	return int(n), nil
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
	end := bytes.IndexAny(value, " \t")
	if end < 0 {
		return errCSeq
	}
	n, valid := decimal(value[:end])
	name := bytes.TrimLeft(value[end:], " \t")
	if !valid || n > 1<<31-1 || !isToken(name) {
		return errCSeq
	}
	m.cseq, m.cseqMethod = uint32(n), name
	if m.request && !bytes.Equal(name, m.methodName) {
		return errCSeq
	}
	return nil
}
