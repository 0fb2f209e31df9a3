package sip

import (
	"bytes"
	"net/netip"
	"strconv"

	"tollgate/cdr"
)

// staticCodecs are the payload types that need no rtpmap (RFC 3551 6).
var staticCodecs = map[string]string{
	"0": "PCMU", "3": "GSM", "4": "G723", "8": "PCMA", "9": "G722", "15": "G728", "18": "G729", "26": "JPEG", "31": "H261", "34": "H263",
}

// maxCodecName is far longer than any name that is registered.
const maxCodecName = 64

// describe fills in a party's media from the session description in m, if it has one. The first codec of the first audio
// and video stream counts: the one that the party prefers. What is no line of RFC 8866 is passed over, and what must be
// there may be missing: the parties have to agree about it, not we.
func describe(p *cdr.Party, m *message) {
	s := streams{party: p}
	for rest := m.sdp(); len(rest) > 0; {
		line, next := cutLine(rest, 0)
		rest = rest[next:]
		if len(line) > 2 && line[1] == '=' {
			s.line(line[0], line[2:])
		}
	}
}

// sdp is the session description in the body, which may be one part of several (RFC 5621).
func (m *message) sdp() []byte {
	if len(m.body) == 0 {
		return nil
	}
	value := m.find(hdrContentType)
	if isSDP(value) {
		return m.body
	}
	boundary := bytes.Trim(param(value, "boundary"), `"`)
	if len(value) < 10 || !equalFold(value[:10], "multipart/") || len(boundary) == 0 {
		return nil
	}
	boundary = append([]byte("--"), boundary...)
	_, rest, more := bytes.Cut(m.body, boundary)
	for more {
		var part []byte
		part, rest, more = bytes.Cut(rest, boundary)
		if body, ok := sdpOf(part); ok {
			return body
		}
	}
	return nil
}

// sdpOf is the body of a part, if it is a session description.
func sdpOf(part []byte) (body []byte, ok bool) {
	for line, at := cutLine(part, 0); at < len(part); {
		if line, at = cutLine(part, at); len(line) == 0 {
			return part[at:], ok
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		if equalFold(trim(name), "content-type") {
			ok = isSDP(trim(value))
		}
	}
	return nil, false
}

func isSDP(contentType []byte) bool {
	mediaType, _, _ := bytes.Cut(contentType, []byte(";"))
	return equalFold(trim(mediaType), "application/sdp")
}

// streams reads a session description line by line.
type streams struct {
	party   *cdr.Party
	session netip.Addr // the session's c= line, for streams that have none
	inside  bool       // a stream has begun
	at      *cdr.Media // the stream that is read; nil: one that does not count
	port    uint16
	format  []byte // its first payload type
	mapped  bool   // which has had its rtpmap
}

func (s *streams) line(kind byte, value []byte) {
	switch {
	case kind == 'm':
		s.begin(value)
	case kind == 'c' && !s.inside:
		s.session = connection(value)
	case s.at == nil:
	case kind == 'c':
		s.locate(connection(value))
	case kind == 'b':
		if rate, ok := bytes.CutPrefix(value, []byte("AS:")); ok { // kbit/s (RFC 8866 5.8)
			n, _ := decimal(rate)
			s.at.Bitrate = int(min(n, 1<<31-1))
		}
	case kind == 'a' && !s.mapped:
		s.rename(value)
	}
}

// begin reads "audio 49170/2 RTP/AVP 0 8". Port 0 is a stream that was refused (RFC 3264 6).
func (s *streams) begin(value []byte) {
	s.inside, s.at, s.mapped = true, nil, false
	media, rest, _ := bytes.Cut(value, []byte(" "))
	port, rest, _ := bytes.Cut(rest, []byte(" "))
	proto, rest, _ := bytes.Cut(rest, []byte(" "))
	s.format, _, _ = bytes.Cut(rest, []byte(" "))
	port, _, _ = bytes.Cut(port, []byte("/"))
	n, ok := decimal(port)
	if !ok || n == 0 || n > 65535 {
		return
	}
	var to *cdr.Media
	switch string(media) {
	case "audio":
		to = &s.party.Audio
	case "video":
		to = &s.party.Video
	}
	if to == nil || to.Codec != "" {
		return
	}
	*to = cdr.Media{Codec: codecName(s.format), Secured: bytes.Contains(proto, []byte("SAVP"))}
	s.at, s.port = to, uint16(n)
	s.locate(s.session)
}

func (s *streams) locate(addr netip.Addr) {
	s.at.Address = netip.AddrPort{}
	if addr.IsValid() {
		s.at.Address = netip.AddrPortFrom(addr, s.port)
	}
}

// rename takes the encoding name of "rtpmap:96 opus/48000/2", if that is the first payload type.
func (s *streams) rename(attribute []byte) {
	mapping, ok := bytes.CutPrefix(attribute, []byte("rtpmap:"))
	number, encoding, _ := bytes.Cut(mapping, []byte(" "))
	if !ok || !bytes.Equal(number, s.format) {
		return
	}
	s.mapped = true
	if name, _, _ := bytes.Cut(trim(encoding), []byte("/")); isToken(name) && len(name) <= maxCodecName && string(name) != s.at.Codec {
		s.at.Codec = string(name)
	}
}

// connection is the address of "IN IP4 192.0.2.1/127".
func connection(value []byte) netip.Addr {
	_, rest, _ := bytes.Cut(value, []byte(" "))
	_, rest, _ = bytes.Cut(rest, []byte(" "))
	host, _, _ := bytes.Cut(rest, []byte("/"))
	addr, ok := parseIP(trim(host))
	if !ok {
		return netip.Addr{}
	}
	return addr
}

// codecName is the encoding name of a payload type.
func codecName(format []byte) string {
	if name, ok := staticCodecs[string(format)]; ok {
		return name
	}
	if n, ok := decimal(format); ok {
		return "PT" + strconv.FormatUint(n, 10)
	}
	return ""
}
