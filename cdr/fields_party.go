package cdr

// partyFields say who called whom.
var partyFields = [...]definition{
	{name: "u", doc: "The user name: the authenticated user, else the user of the From header, else the caller's IP address.",
		text: func(dst []byte, s Source, _ Format) []byte { return s.Call.AppendUserName(dst) }},
	{name: "Calling-Station-Id", doc: "The calling number or user; else the caller's ip:port.",
		text: func(dst []byte, s Source, _ Format) []byte { return s.Call.AppendCallingStationID(dst) }},
	{name: "Called-Station-Id", doc: "The number or user that the call was routed to; else the callee's ip:port.",
		text: func(dst []byte, s Source, _ Format) []byte { return s.Call.AppendCalledStationID(dst) }},
	{name: "Dialed-Number", doc: "The number or user as the caller dialled it; else as `%{Called-Station-Id}`.",
		text: func(dst []byte, s Source, _ Format) []byte { return s.Call.AppendDialedNumber(dst) }},
	{name: "src-info", safe: true, doc: "The caller's names as `value:type=value:type`, the types being dialedDigits, url_ID and h323_ID.",
		text: func(dst []byte, s Source, f Format) []byte { return AppendAliases(dst, s.Call.Src, f.Escaping) }},
	{name: "dest-info", safe: true, doc: "The called names in the same form.",
		text: func(dst []byte, s Source, f Format) []byte { return AppendAliases(dst, s.Call.Dest, f.Escaping) }},
	{name: "caller-ip", doc: "The IP address of the caller's signalling; empty if unknown.",
		text: partyAddr(caller)},
	{name: "caller-port", doc: "Its port; 0 if unknown.",
		number: partyPort(caller)},
	{name: "callee-ip", doc: "The IP address of the callee's signalling; empty if unknown.",
		text: partyAddr(callee)},
	{name: "callee-port", doc: "Its port; 0 if unknown.",
		number: partyPort(callee)},
	{name: "caller-epid", doc: "The endpoint identifier of a registered caller, else empty.",
		text: func(dst []byte, s Source, _ Format) []byte { return append(dst, s.Call.Caller.EndpointID...) }},
	{name: "callee-epid", doc: "The endpoint identifier of a registered callee, else empty.",
		text: func(dst []byte, s Source, _ Format) []byte { return append(dst, s.Call.Callee.EndpointID...) }},
	{name: "caller-vendor", doc: "The caller's User-Agent or Server header; one blank if unknown.",
		text: partyVendor(caller)},
	{name: "callee-vendor", doc: "The callee's User-Agent or Server header; one blank if unknown.",
		text: partyVendor(callee)},
}

// mediaFields say what the parties offered and answered.
var mediaFields = [...]definition{
	{name: "caller-audio-codec", doc: "The caller's audio codec, with ` (H.235)` behind it if it is encrypted (SRTP); empty if unknown.",
		text: mediaCodec(callerAudio)},
	{name: "callee-audio-codec", doc: "The callee's audio codec in the same form.",
		text: mediaCodec(calleeAudio)},
	{name: "caller-video-codec", doc: "The caller's video codec in the same form.",
		text: mediaCodec(callerVideo)},
	{name: "callee-video-codec", doc: "The callee's video codec in the same form.",
		text: mediaCodec(calleeVideo)},
	{name: "caller-audio-bitrate", doc: "The bit rate of the caller's audio in kbit/s; 0 if unknown.",
		number: mediaBitrate(callerAudio)},
	{name: "callee-audio-bitrate", doc: "The bit rate of the callee's audio in kbit/s; 0 if unknown.",
		number: mediaBitrate(calleeAudio)},
	{name: "caller-video-bitrate", doc: "The bit rate of the caller's video in kbit/s; 0 if unknown.",
		number: mediaBitrate(callerVideo)},
	{name: "callee-video-bitrate", doc: "The bit rate of the callee's video in kbit/s; 0 if unknown.",
		number: mediaBitrate(calleeVideo)},
	{name: "caller-media-ip", doc: "The IP address where the caller receives audio, from its SDP; empty if unknown.",
		text: mediaAddr(callerAudio)},
	{name: "callee-media-ip", doc: "The IP address where the callee receives audio, from its SDP; empty if unknown.",
		text: mediaAddr(calleeAudio)},
	{name: "encryption", safe: true, doc: "`On` if at least one codec is known and every known one is encrypted, else `Off`.",
		text: appendEncryption},
	{name: "codec", doc: "Old name of `%{caller-audio-codec}`.",
		text: mediaCodec(callerAudio)},
	{name: "media-oip", doc: "Old name of `%{caller-media-ip}`, as GnuGk documents it (GnuGk itself writes the callee's address once it is known).",
		text: mediaAddr(callerAudio)},
}

// deadFields are GnuGk's placeholders that a SIP call never fills.
var deadFields = [...]definition{
	{name: "CallLink", safe: true, doc: "Always empty, as in GnuGk.", text: nothing},
	{name: "sinfo-ip", safe: true, doc: "Always empty: there is no Sorenson source address in SIP.", text: nothing},
	{name: "client-auth-id", doc: "Always 0: no module gives such an identifier.", number: func(Source) int64 { return 0 }},
}

func caller(r *Record) *Party { return &r.Caller }
func callee(r *Record) *Party { return &r.Callee }

func callerAudio(r *Record) *Media { return &r.Caller.Audio }
func calleeAudio(r *Record) *Media { return &r.Callee.Audio }
func callerVideo(r *Record) *Media { return &r.Caller.Video }
func calleeVideo(r *Record) *Media { return &r.Callee.Video }

func partyAddr(of func(*Record) *Party) func([]byte, Source, Format) []byte {
	return func(dst []byte, s Source, _ Format) []byte { return AppendAddr(dst, of(s.Call).Address.Addr()) }
}

func partyPort(of func(*Record) *Party) func(Source) int64 {
	return func(s Source) int64 { return int64(of(s.Call).Address.Port()) }
}

func partyVendor(of func(*Record) *Party) func([]byte, Source, Format) []byte {
	return func(dst []byte, s Source, _ Format) []byte {
		return orBlank(append(dst, of(s.Call).Vendor...), len(dst))
	}
}

func mediaCodec(of func(*Record) *Media) func([]byte, Source, Format) []byte {
	return func(dst []byte, s Source, _ Format) []byte { return of(s.Call).AppendCodec(dst) }
}

func mediaBitrate(of func(*Record) *Media) func(Source) int64 {
	return func(s Source) int64 { return int64(of(s.Call).Bitrate) }
}

func mediaAddr(of func(*Record) *Media) func([]byte, Source, Format) []byte {
	return func(dst []byte, s Source, _ Format) []byte { return AppendAddr(dst, of(s.Call).Address.Addr()) }
}

func appendEncryption(dst []byte, s Source, _ Format) []byte {
	if s.Call.Encrypted() {
		return append(dst, "On"...)
	}
	return append(dst, "Off"...)
}

func nothing(dst []byte, _ Source, _ Format) []byte { return dst }
