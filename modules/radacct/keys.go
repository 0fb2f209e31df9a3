package radacct

import (
	"errors"
	"net/netip"

	"tollgate/acctstack"
	"tollgate/config"
	"tollgate/radius"
)

// The module has something to open and to close.
var (
	_ acctstack.Starter = (*Module)(nil)
	_ acctstack.Closer  = (*Module)(nil)
)

func keys() []config.Key {
	return append(transportKeys(), attributeKeys()...)
}

func transportKeys() []config.Key {
	return []config.Key{
		{Name: "Servers", Kind: config.String, Secret: true, Example: "radius1.example.net; 192.0.2.5:1812:1813:secret",
			Doc: "The servers HOST[:AUTHPORT[:ACCTPORT[:SECRET]]], separated by ; , or blanks, an IPv6 address in brackets; required."},
		{Name: "SharedSecret", Kind: config.String, Secret: true,
			Doc: "The secret of the servers that have none of their own."},
		{Name: "DefaultAcctPort", Kind: config.Int, Default: "1813", Min: 1, Max: 65535,
			Doc: "The accounting port of the servers that have none of their own."},
		{Name: "DefaultAuthPort", Kind: config.Int, Default: "1812", Min: 1, Max: 65535,
			Doc: "The authentication port of the servers that have none of their own; accounting does not use it."},
		{Name: "LocalInterface", Kind: config.String, Check: checkAddress, Example: "192.0.2.1",
			Doc: "The source address of requests and the NAS address in them; empty leaves the source to the system and sends the first home address."},
		{Name: "RadiusPortRange", Kind: config.String, Default: "1024-65535", Check: checkPorts,
			Doc: "The source ports, a-b; with the default the system chooses."},
		{Name: "RequestTimeout", Kind: config.Duration, Unit: "ms", Default: "2000", Min: 10, Max: 60000,
			Doc: "The wait for an answer after each transmission."},
		{Name: "RequestRetransmissions", Kind: config.Int, Default: "2", Min: 1, Max: 20,
			Doc: "The transmissions to each server; 1 means no repetition."},
		{Name: "RoundRobinServers", Kind: config.Bool, Default: "1",
			Doc: "1 goes through all servers and then through all again; 0 repeats to one server before the next."},
		{Name: "IdCacheTimeout", Kind: config.Duration, Unit: "ms", Default: "9000", Min: 1, Max: 600000,
			Doc: "The rest of an identifier whose request got no answer, before it is used again on its port."},
		{Name: "SocketDeleteTimeout", Kind: config.Duration, Unit: "ms", Default: "60000", Min: 1, Max: 86400000,
			Doc: "How long an extra source port may be unused before it is closed."},
		{Name: "RequestWindow", Kind: config.Int, Default: "64", Min: 1, Max: 256,
			Doc: "How many requests may wait for one server at once; the others queue."},
	}
}

func attributeKeys() []config.Key {
	return []config.Key{
		{Name: "AppendCiscoAttributes", Kind: config.Bool, Default: "1",
			Doc: "1 adds the Cisco attributes of VoIP calls."},
		{Name: "EventId", Kind: config.Bool, Default: "1",
			Doc: "1 adds a Cisco-AVPair event-id=UUID, by which the server can tell a repeated record."},
		acctstack.TimestampKey("The form of times in the Cisco attributes; empty means the global format."),
		{Name: "UseDialedNumber", Kind: config.Bool, Default: "0",
			Doc: "1 sends the number as dialled in Called-Station-Id, 0 the number after rewriting."},
		{Name: "FixedUsername", Kind: config.String,
			Doc: "The User-Name of all calls, in place of the caller's."},
	}
}

// The checks accept an empty text, which stands for no value.

func checkAddress(raw string) error {
	if raw == "" {
		return nil
	}
	if _, err := netip.ParseAddr(raw); err != nil {
		return errors.New("is no IP address")
	}
	return nil
}

func checkPorts(raw string) error {
	if raw == "" {
		return nil
	}
	_, err := radius.ParsePortRange(raw)
	return err
}
