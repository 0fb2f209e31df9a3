package sip

import (
	"bytes"
	"net/netip"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"

	"tollgate/cdr"
)

// staticCodecs are the payload types that need no rtpmap (RFC 3551 6).
var staticCodecs = map[string]string{
	"0": "PCMU", "3": "GSM", "4": "G723", "8": "PCMA", "9": "G722", "15": "G728", "18": "G729", "26": "JPEG", "31": "H261", "34": "H263",
}

// describe fills in a party's media from the session description in m, if it has one that can be read. The first codec
// of the first audio and video stream counts: the one that the party prefers.
func describe(p *cdr.Party, m *message) {
	if len(m.body) == 0 || !bytes.Contains(m.find(hdrContentType), []byte("sdp")) {
		return
	}
	var session sdp.SessionDescription
	if session.UnmarshalString(string(m.body)) != nil {
		return
	}
	for _, media := range session.MediaDescriptions {
		var to *cdr.Media
		switch media.MediaName.Media {
		case "audio":
			to = &p.Audio
		case "video":
			to = &p.Video
		default:
			continue
		}
		if to.Codec == "" && media.MediaName.Port.Value > 0 {
			*to = mediaOf(&session, media)
		}
	}
}

func mediaOf(session *sdp.SessionDescription, media *sdp.MediaDescription) cdr.Media {
	m := cdr.Media{Secured: strings.Contains(strings.Join(media.MediaName.Protos, "/"), "SAVP")}
	if formats := media.MediaName.Formats; len(formats) > 0 {
		m.Codec = codecName(media, formats[0])
	}
	for _, b := range media.Bandwidth {
		if b.Type == "AS" { // kbit/s (RFC 8866 5.8)
			m.Bitrate = int(min(b.Bandwidth, 1<<31-1))
		}
	}
	connection := media.ConnectionInformation
	if connection == nil {
		connection = session.ConnectionInformation
	}
	if connection != nil && connection.Address != nil {
		host, _, _ := strings.Cut(connection.Address.Address, "/")
		if addr, err := netip.ParseAddr(host); err == nil && media.MediaName.Port.Value <= 65535 {
			m.Address = netip.AddrPortFrom(addr, uint16(media.MediaName.Port.Value))
		}
	}
	return m
}

// codecName is the encoding name of a payload type.
func codecName(media *sdp.MediaDescription, format string) string {
	for _, a := range media.Attributes {
		if a.Key != "rtpmap" {
			continue
		}
		number, encoding, _ := strings.Cut(a.Value, " ")
		if number == format {
			name, _, _ := strings.Cut(encoding, "/")
			return name
		}
	}
	if name, ok := staticCodecs[format]; ok {
		return name
	}
	if n, err := strconv.Atoi(format); err == nil {
		return "PT" + strconv.Itoa(n)
	}
	return ""
}
