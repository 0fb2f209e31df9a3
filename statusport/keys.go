package statusport

import "tollgate/config"

// queueBlock is what MaxSocketQueue counts, in bytes: GnuGk counts writes, which fill at most a socket buffer of this
// size.
const queueBlock = 16 << 10

// Settings are what a reload may change.
type Settings struct {
	Auth       *Auth
	MaxClients int // connections at once; with 0 nobody is let in
	TraceLevel int // the output level of a new client
	MaxQueue   int // bytes that may wait for a client before it is disconnected
}

// ParseSettings reads the bound sections [Gatekeeper::Main] and [GkStatus::Auth]. The settings are of use only if the
// problems hold no error.
func ParseSettings(main, auth *config.Section) (Settings, config.Problems) {
	a, problems := ParseAuth(auth)
	return Settings{
		Auth:       a,
		MaxClients: int(main.Int("MaxStatusClients")),
		TraceLevel: int(main.Int("StatusTraceLevel")),
		MaxQueue:   int(main.Int("MaxSocketQueue")) * queueBlock,
	}, problems
}

// MainKeys are the keys of [Gatekeeper::Main] that the status port reads. StatusPort is for who makes the Options.
func MainKeys() []config.Key {
	return []config.Key{
		{
			Name: "StatusPort", Kind: config.Int, Default: "7000", Max: 65535,
			Doc: "TCP port of the status port, on every address of Home; 0 turns it off.",
		},
		{
			Name: "MaxStatusClients", Kind: config.Int, Default: "20", Max: 10000,
			Doc: "Status port clients at once; with 0 nobody is let in.",
		},
		{
			Name: "StatusTraceLevel", Kind: config.Int, Default: "2", Max: 2,
			Doc: "Output level of a new client: 0 notices, 1 also call records, 2 everything.",
		},
		{
			Name: "MaxSocketQueue", Kind: config.Int, Default: "100", Min: 1, Max: 10000,
			Doc: "How much may wait for a client that does not read, in blocks of 16 KiB, before it is disconnected.",
		},
	}
}

// MainForeign are GnuGk's keys of [Gatekeeper::Main] about the status port that have no effect here.
func MainForeign() []config.Foreign {
	const (
		system  = "the system's own setting is used"
		noSSH   = "the status port has no SSH; tunnel it, or keep it on the loopback interface"
		backlog = "events are not kept for later clients; a client that must miss nothing stays connected"
	)
	return []config.Foreign{
		{Name: "ListenQueueLength", Reason: system},
		{Name: "StatusSendBufferSize", Reason: system},
		{Name: "StatusReceiveBufferSize", Reason: system},
		{Name: "SshStatusPort", Reason: noSSH},
		{Name: "StatusEventBacklog", Reason: backlog},
		{Name: "StatusEventBacklogRegex", Reason: backlog},
	}
}

// AuthDecl declares [GkStatus::Auth].
func AuthDecl() config.SectionDecl {
	const (
		noLogin = "only used with rule=password, which is not supported yet"
		noSSH   = "the status port has no SSH"
	)
	return config.SectionDecl{
		Name: AuthSection,
		Doc:  "Who may use the status port. Without any address in it, 127.0.0.1 and ::1 are allowed.",
		Keys: []config.Key{
			{
				Name: "rule", Kind: config.String, Default: "explicit",
				Doc: "allow, forbid or explicit (by address), joined by | and & and evaluated from left to right.",
			},
			{
				Name: "default", Kind: config.Bool, Default: "0",
				Doc: "Whether the explicit rule lets in an address that is not listed.",
			},
			{
				Name: "Shutdown", Kind: config.Bool, Default: "1",
				Doc: "Whether clients may use the shutdown command.",
			},
		},
		Open: &config.Key{
			Name: "ADDRESS", Kind: config.String, Example: "10.0.0.0/8=allow",
			Doc: "A client address or network, and allow or forbid; the smallest network that fits decides.",
		},
		Foreign: []config.Foreign{
			{Name: "regex", Reason: "only used with rule=regex, which is not supported yet"},
			{Name: "DelayReject", Reason: noLogin},
			{Name: "LoginTimeout", Reason: noLogin},
			{Name: "KeyFilled", Reason: noLogin},
			{Name: "DSAKey", Reason: noSSH},
			{Name: "RSAKey", Reason: noSSH},
		},
	}
}

// ForeignDecls are GnuGk's sections about the status port that have no effect here.
func ForeignDecls() []config.SectionDecl {
	return []config.SectionDecl{
		{Name: "GkStatus::Filtering", NoEffect: "the event stream is not filtered; choose an output level, or filter in the client"},
		{Name: "GkStatus::Message", NoEffect: "RCF and URQ events are not sent"},
	}
}
