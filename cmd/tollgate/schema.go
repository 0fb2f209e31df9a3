package main

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"tollgate/acctstack"
	"tollgate/cdr"
	"tollgate/config"
	"tollgate/gatekeeper"
	"tollgate/gatekeeper/limits"
	"tollgate/gatekeeper/sip"
	"tollgate/gatekeeper/sip/routes"
	"tollgate/journal"
	"tollgate/monitor"
	"tollgate/statusport"
)

// schema is every section that the program reads, in the order of the sample file.
func schema(factories []acctstack.Factory) config.Schema {
	s := config.Schema{
		{
			Name: "Gatekeeper::Main", Doc: "Who the gatekeeper is, and what becomes of calls when it stops.",
			Keys: append(mainKeys(), statusport.MainKeys()...), Foreign: append(foreignMainKeys(), statusport.MainForeign()...),
		},
		{
			Name: "Gatekeeper::Acct",
			Doc: "The accounting stack: the modules in the order in which they see an event. MODULE:NAME is a further instance that reads " +
				"the section [MODULE:NAME]; default= answers for what reaches it.",
			Keys: acctstack.Settings(),
			Open: &config.Key{Name: "MODULE", Kind: config.String, Example: "alternative;start,stop",
				Doc: "A control (required, optional, sufficient, alternative) and the events that the module is to see, all if none are listed."},
		},
		{Name: "CallTable", Doc: "How long calls may take, and which the status port shows.",
			Keys: gatekeeper.CallTableKeys(), Foreign: gatekeeper.ForeignCallTableKeys()},
		{Name: "SIP", Doc: "The SIP side: a record-routing proxy.", Keys: sip.Keys()},
		routes.Decl(),
		{Name: "Limits", Doc: "How many calls there may be. What is beyond a limit is answered 503 with Retry-After and makes no call.", Keys: limits.Keys()},
		statusport.AuthDecl(),
		{Name: "Journal", Doc: "What is written to StateDir so that calls and their records survive a crash.", Keys: journal.Keys()},
		monitor.Decl(),
	}
	for _, f := range factories {
		s = append(s, config.SectionDecl{Name: f.Name, Doc: f.Doc, Keys: append(slices.Clone(f.Keys), acctstack.CommonKeys()...),
			Foreign: f.Foreign, Instances: true})
	}
	return append(append(s, statusport.ForeignDecls()...), foreignSections()...)
}

func mainKeys() []config.Key {
	return []config.Key{
		{Name: "Name", Kind: config.String, Default: "Tollgate", Check: checkName,
			Doc: "The gatekeeper's name: %g, NAS-Identifier, the last field of a CDR line."},
		{Name: "Home", Kind: config.String, Default: "127.0.0.1", Check: checkHome,
			Doc: "The addresses of the status port, separated by commas; the first is also %{gkip} and NAS-IP-Address."},
		{Name: "TimestampFormat", Kind: config.String, Default: "Cisco", Check: checkTimestampFormat,
			Doc: "The form of times for modules that have none of their own: RFC822, ISO8601, Cisco, MySQL, Oracle or a strftime text."},
		{Name: "StateDir", Kind: config.Path, Default: "/var/lib/tollgate",
			Doc: "The directory for what must survive a restart, such as the embedded database; created if it is missing, and locked."},
		{Name: "OnShutdown", Kind: config.String, Default: "keep", Check: checkOnShutdown,
			Doc: "What becomes of running calls: keep leaves them up for the next run, which goes on with them; disconnect ends them with cause 41; drain:SECONDS lets them end by themselves first."},
		{Name: "DisconnectCallsOnShutdown", Kind: config.Bool, Default: "0",
			Doc: "GnuGk's key, whose default is 1 there: 1 is OnShutdown=disconnect, 0 is OnShutdown=keep. OnShutdown goes before it."},
	}
}

func checkName(raw string) error {
	if raw == "" || strings.ContainsAny(raw, "|;\"\t") {
		return fmt.Errorf("a name is not empty and has no | ; \" or tab in it, as it stands in CDR lines")
	}
	return nil
}

func checkHome(raw string) error {
	_, err := parseHome(raw)
	return err
}

// parseHome reads the addresses of Home=.
func parseHome(raw string) ([]netip.Addr, error) {
	var addrs []netip.Addr
	for _, item := range strings.FieldsFunc(raw, func(c rune) bool { return c == ',' || c == ';' || c == ' ' }) {
		addr, err := netip.ParseAddr(item)
		if err != nil {
			return nil, fmt.Errorf("%q is not an IP address", item)
		}
		addrs = append(addrs, addr)
	}
	if len(addrs) == 0 {
		return nil, fmt.Errorf("at least one address is needed")
	}
	return addrs, nil
}

func checkTimestampFormat(raw string) error {
	_, err := cdr.ParseTimeFormat(raw)
	return err
}

func checkOnShutdown(raw string) error {
	_, err := gatekeeper.ParseOnShutdown(raw)
	return err
}

// foreignMainKeys are GnuGk's keys of [Gatekeeper::Main] that have no effect here.
func foreignMainKeys() []config.Foreign {
	const h323 = "it is about H.323 signalling, which is not supported yet"
	var keys []config.Foreign
	for _, name := range []string{"FourtyTwo", "EndpointIDSuffix", "TimeToLive", "TotalBandwidth", "MinimumBandwidthPerCall",
		"MaximumBandwidthPerCall", "UnicastRasPort", "MulticastPort", "MulticastGroup", "EndpointSignalPort", "UseBroadcastListener",
		"UseMulticastListener", "AlternateGKs", "SendTo", "SkipForwards", "RedirectGK", "CompareAliasType", "CompareAliasCase",
		"EnableIPv6", "EnableTTLRestrictions", "MaxASNArraySize", "DefaultDomain"} {
		keys = append(keys, config.Foreign{Name: name, Reason: h323})
	}
	return append(keys,
		config.Foreign{Name: "EncryptAllPasswords", Reason: "passwords in reversible encryption are not supported yet"},
		config.Foreign{Name: "KeyFilled", Reason: "passwords in reversible encryption are not supported yet"},
		config.Foreign{Name: "NetworkInterfaces", Reason: "Home= and [SIP] Listen= name the addresses"},
		config.Foreign{Name: "WorkerThreadIdleTimeout", Reason: "there are no worker threads"},
	)
}

// foreignSections are GnuGk's sections that have no effect here.
func foreignSections() []config.SectionDecl {
	reasons := map[string][]string{
		"it is about H.323, which is not supported yet": {
			"RoutedMode", "Proxy", "ModeSelection", "ModeVendorSelection", "RasSrv::GWPrefixes", "RasSrv::PermanentEndpoints",
			"RasSrv::RRQFeatures", "RasSrv::ARQFeatures", "RasSrv::LRQFeatures", "RasSrv::RewriteE164", "RasSrv::RewriteAlias",
			"RasSrv::AlternateGatekeeper", "RasSrv::AssignedAlias", "RasSrv::GWRewriteE164", "RasSrv::AssignedGatekeeper",
			"RasSrv::RRQAuth", "RasSrv::Neighbors", "RasSrv::LRQFeatures", "Endpoint", "Endpoint::RewriteE164", "CTI::Agents",
			"CTI::MakeCall", "H225toQ931", "PortNotifications", "NATedEndpoints", "Neighbors", "TLS", "GkH350::Settings", "GkQoSMonitor",
			"GkPresence::SQL", "RewriteCLI", "Routing::ExplicitRouting", "Routing::NumberAnalysis", "Routing::CatchAll",
			"Routing::VirtualQueue", "GkLDAP::Settings", "ReplyToRasAddress", "IPNetworks", "AlternatePort",
		},
		"this module does not exist here; calls are authenticated by [SIP]": {
			"Gatekeeper::Auth", "RadAuth", "RadAliasAuth", "SQLAuth", "SQLAliasAuth", "SQLPasswordAuth", "SimplePasswordAuth", "FileIPAuth",
			"PrefixAuth", "CapacityControl", "TwoAliasAuth", "LuaAuth", "HttpPasswordAuth",
		},
		"this accounting module does not exist here": {
			"HttpAcct", "AMQPAcct", "MQTTAcct", "LuaAcct", "RequireOneNet",
		},
		"the log goes to stderr; let the system rotate it": {"LogFile"},
		"there is no SNMP agent":                           {"SNMP"},
	}
	var decls []config.SectionDecl
	for reason, names := range reasons {
		for _, name := range names {
			decls = append(decls, config.SectionDecl{Name: name, NoEffect: reason})
		}
	}
	slices.SortFunc(decls, func(a, b config.SectionDecl) int { return strings.Compare(a.Name, b.Name) })
	return slices.CompactFunc(decls, func(a, b config.SectionDecl) bool { return a.Name == b.Name })
}
