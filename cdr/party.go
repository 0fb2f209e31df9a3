package cdr

import "net/netip"

// AppendUserName writes the user name of the call (%u, User-Name): User, else the caller's IP address.
func (r *Record) AppendUserName(dst []byte) []byte {
	if r.User != "" {
		return append(dst, r.User...)
	}
	return AppendAddr(dst, r.Caller.Address.Addr())
}

// AppendCallingStationID writes the calling number (%{Calling-Station-Id}): CallingStation, else the caller's ip:port.
func (r *Record) AppendCallingStationID(dst []byte) []byte {
	return textOrAddress(dst, r.CallingStation, r.Caller.Address)
}

// AppendCalledStationID writes the called number (%{Called-Station-Id}): CalledStation, else the callee's ip:port.
func (r *Record) AppendCalledStationID(dst []byte) []byte {
	return textOrAddress(dst, r.CalledStation, r.Callee.Address)
}

// AppendDialedNumber writes the number that the caller dialled (%{Dialed-Number}): Dialed, else as
// AppendCalledStationID.
func (r *Record) AppendDialedNumber(dst []byte) []byte {
	if r.Dialed != "" {
		return append(dst, r.Dialed...)
	}
	return r.AppendCalledStationID(dst)
}

// UserName is what AppendUserName writes.
func (r *Record) UserName() string {
	if r.User != "" {
		return r.User
	}
	return string(r.AppendUserName(nil))
}

// CallingStationID is what AppendCallingStationID writes.
func (r *Record) CallingStationID() string {
	if r.CallingStation != "" {
		return r.CallingStation
	}
	return string(r.AppendCallingStationID(nil))
}

// CalledStationID is what AppendCalledStationID writes.
func (r *Record) CalledStationID() string {
	if r.CalledStation != "" {
		return r.CalledStation
	}
	return string(r.AppendCalledStationID(nil))
}

// DialedNumber is what AppendDialedNumber writes.
func (r *Record) DialedNumber() string {
	if r.Dialed != "" {
		return r.Dialed
	}
	return r.CalledStationID()
}

// Encrypted tells whether at least one codec of the call is known and every known one is secured (%{encryption}).
func (r *Record) Encrypted() bool {
	known := false
	for _, m := range [...]*Media{&r.Caller.Audio, &r.Callee.Audio, &r.Caller.Video, &r.Callee.Video} {
		if m.Codec == "" {
			continue
		}
		if !m.Secured {
			return false
		}
		known = true
	}
	return known
}

// AppendCodec writes the codec's name, with GnuGk's " (H.235)" behind it if the media are encrypted; nothing if the
// codec is unknown.
func (m *Media) AppendCodec(dst []byte) []byte {
	dst = append(dst, m.Codec...)
	if m.Secured && m.Codec != "" {
		dst = append(dst, " (H.235)"...)
	}
	return dst
}

// UserName is the user of a registration (%u): User, else the last alias, as in GnuGk.
func (e *Endpoint) UserName() string {
	if e.User == "" && len(e.Aliases) > 0 {
		return e.Aliases[len(e.Aliases)-1].Value
	}
	return e.User
}

// CallingStationID is the number of a registration: the first alias of dialled digits, else the first alias.
func (e *Endpoint) CallingStationID() string {
	for _, a := range e.Aliases {
		if a.Type == DialedDigits {
			return a.Value
		}
	}
	if len(e.Aliases) > 0 {
		return e.Aliases[0].Value
	}
	return ""
}

// AppendAliases writes value:type=value:type, the form of %{src-info} and %{dest-info}.
func AppendAliases(dst []byte, aliases []Alias, e Escaping) []byte {
	for i, a := range aliases {
		if i > 0 {
			dst = append(dst, '=')
		}
		from := len(dst)
		dst = append(dst, a.Value...)
		dst = append(dst, ':')
		dst = append(dst, a.Type...)
		dst = escapeTail(dst, from, e, '=')
	}
	return dst
}

// appendAliasValues writes value,value, the form of %{aliases}.
func appendAliasValues(dst []byte, aliases []Alias, e Escaping) []byte {
	for i, a := range aliases {
		if i > 0 {
			dst = append(dst, ',')
		}
		from := len(dst)
		dst = append(dst, a.Value...)
		dst = escapeTail(dst, from, e, ',')
	}
	return dst
}

// AppendAddr writes an IP address; nothing if it is unknown. An IPv4 address in IPv6 form is written as IPv4.
func AppendAddr(dst []byte, addr netip.Addr) []byte {
	if !addr.IsValid() {
		return dst
	}
	return addr.Unmap().AppendTo(dst)
}

// AppendAddrPort writes ip:port, with an IPv6 address in brackets; nothing if the address is unknown.
func AppendAddrPort(dst []byte, addr netip.AddrPort) []byte {
	if !addr.Addr().IsValid() {
		return dst
	}
	return netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port()).AppendTo(dst)
}

func textOrAddress(dst []byte, text string, addr netip.AddrPort) []byte {
	if text != "" {
		return append(dst, text...)
	}
	return AppendAddrPort(dst, addr)
}
