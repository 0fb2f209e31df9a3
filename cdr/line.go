package cdr

// AppendLine writes the standard CDR line of GnuGk, from "CDR|" to ";", without a line end:
//
//	CDR|number|call id|seconds|connect time|disconnect time|caller|caller epid|callee|callee epid|dest|src|gatekeeper;
//
// It has 13 fields whatever the call brings, unless esc is Raw. An unconnected call has the word unconnected for its
// connect time; an unknown address or endpoint identifier is one blank.
func AppendLine(dst []byte, src Source, times *TimeFormat, esc Escaping) []byte {
	src = src.complete()
	format := Format{Times: times, Escaping: esc}
	dst = append(dst, "CDR"...)
	for i := range lineFields {
		dst = append(dst, '|')
		dst = lineFields[i].append(dst, src, format)
	}
	return append(dst, ';')
}

// lineFields are the fields behind the word CDR, in their order. Their names are for the reader only.
var lineFields = [...]definition{
	{name: "number", number: func(s Source) int64 { return int64(s.Call.Number) }},
	{name: "call id", safe: true, text: func(dst []byte, s Source, _ Format) []byte {
		return s.Call.CallID.AppendBlanks(dst)
	}},
	{name: "seconds", number: func(s Source) int64 { return s.Call.Duration() }},
	{name: "connect time", text: func(dst []byte, s Source, f Format) []byte {
		if s.Call.Connected.IsZero() {
			return append(dst, "unconnected"...)
		}
		return f.Times.Append(dst, s.Call.Connected)
	}},
	{name: "disconnect time", text: func(dst []byte, s Source, f Format) []byte {
		return f.Times.Append(dst, s.Call.time(s.Call.end()))
	}},
	{name: "caller", text: func(dst []byte, s Source, _ Format) []byte {
		return orBlank(AppendAddrPort(dst, s.Call.Caller.Address), len(dst))
	}},
	{name: "caller epid", text: func(dst []byte, s Source, _ Format) []byte {
		return orBlank(append(dst, s.Call.Caller.EndpointID...), len(dst))
	}},
	{name: "callee", text: func(dst []byte, s Source, _ Format) []byte {
		return orBlank(AppendAddrPort(dst, s.Call.Callee.Address), len(dst))
	}},
	{name: "callee epid", text: func(dst []byte, s Source, _ Format) []byte {
		return orBlank(append(dst, s.Call.Callee.EndpointID...), len(dst))
	}},
	{name: "dest", safe: true, text: func(dst []byte, s Source, f Format) []byte {
		return AppendAliases(dst, s.Call.Dest, f.Escaping)
	}},
	{name: "src", safe: true, text: func(dst []byte, s Source, f Format) []byte {
		return AppendAliases(dst, s.Call.Src, f.Escaping)
	}},
	{name: "gatekeeper", text: func(dst []byte, s Source, _ Format) []byte { return append(dst, s.Stamp.Name...) }},
}

// orBlank adds a blank if nothing was written since dst had that length.
func orBlank(dst []byte, length int) []byte {
	if len(dst) == length {
		return append(dst, ' ')
	}
	return dst
}
