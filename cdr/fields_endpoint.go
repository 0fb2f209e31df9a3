package cdr

// endpointFields are those of register and unregister beside stampFields.
var endpointFields = [...]definition{
	{name: "u", doc: "The registered user; else the last of `%{aliases}`.",
		text: func(dst []byte, s Source, _ Format) []byte { return append(dst, s.Endpoint.UserName()...) }},
	{name: "endpoint-ip", doc: "The IP address of the registered contact; empty if unknown.",
		text: func(dst []byte, s Source, _ Format) []byte { return AppendAddr(dst, s.Endpoint.Address.Addr()) }},
	{name: "endpoint-port", doc: "Its port; 0 if unknown.",
		number: func(s Source) int64 { return int64(s.Endpoint.Address.Port()) }},
	{name: "endpoint-vendor", doc: "The User-Agent header of the REGISTER; empty if unknown.",
		text: func(dst []byte, s Source, _ Format) []byte { return append(dst, s.Endpoint.Vendor...) }},
	{name: "epid", doc: "The endpoint identifier.",
		text: func(dst []byte, s Source, _ Format) []byte { return append(dst, s.Endpoint.ID...) }},
	{name: "aliases", safe: true, doc: "The registered names without their types, with commas between them.",
		text: func(dst []byte, s Source, f Format) []byte {
			return appendAliasValues(dst, s.Endpoint.Aliases, f.Escaping)
		}},
	{name: "Calling-Station-Id", doc: "The first registered name of dialled digits, else the first name.",
		text: func(dst []byte, s Source, _ Format) []byte { return append(dst, s.Endpoint.CallingStationID()...) }},
}
