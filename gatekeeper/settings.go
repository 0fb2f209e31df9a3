package gatekeeper

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"tollgate/acctstack"
	"tollgate/cdr"
	"tollgate/config"
	"tollgate/gatekeeper/limits"
)

// Settings are the operator's choices about calls. They may change while calls are up: each call reads them when it
// needs them.
type Settings struct {
	SignalTimeout   time.Duration // setup to the first sign of the called side
	AlertingTimeout time.Duration // ringing
	DurationLimit   time.Duration // of a connected call, 0: none
	UpdateInterval  time.Duration // between update events, 0: none
	MaxPending      int64         // calls that wait for their admission
	NeighbourCDR    bool          // CDR lines for callers without an endpoint record
	UnconnectedCDR  bool          // CDR lines for calls that never connected
	CDRTimes        *cdr.TimeFormat
	Teardown        acctstack.Kinds // whose failure ends a running call
	// GrantUnjournalled lets a call go on that the journal has no room for ([Journal] WhenFull=keep-calls).
	GrantUnjournalled bool
	Limits            *limits.Settings // nil: none
	// Unjournalled keeps new calls in memory only ([Journal] Calls=0).
	Unjournalled bool
}

// CallTableKeys are the keys of [CallTable].
func CallTableKeys() []config.Key {
	return []config.Key{
		{Name: "SignalTimeout", Kind: config.Duration, Unit: "s", Default: "30", Min: 5, Max: 3600,
			Doc: "How long a call may take from its INVITE to the first ringing or answer, admission included; then it ends with cause 41."},
		{Name: "AlertingTimeout", Kind: config.Duration, Unit: "s", Default: "180", Min: 5, Max: 3600,
			Doc: "How long a call may ring; then it ends with cause 41."},
		{Name: "DefaultCallDurationLimit", Kind: config.Duration, Unit: "s", Default: "0", Min: 0, Max: 31536000,
			Doc: "How long a connected call may last; then it ends with cause 47; 0 is no limit."},
		{Name: "AcctUpdateInterval", Kind: config.Duration, Unit: "s", Default: "0", Min: 0, Max: 31536000,
			Doc: "The time between two update events of a connected call; the first counts from the INVITE; 0 is none, anything below 10 s is raised to 10 s."},
		{Name: "MaxPending", Kind: config.Int, Default: "10000", Min: 1, Max: 10000000,
			Doc: "How many calls may wait for the verdict on their start; past it an INVITE is answered 503 and makes no call."},
		{Name: "GenerateNBCDR", Kind: config.Bool, Default: "1",
			Doc: "Whether the status port shows CDR lines of calls whose caller is not registered."},
		{Name: "GenerateUCCDR", Kind: config.Bool, Default: "0",
			Doc: "Whether the status port shows CDR lines of calls that never connected."},
		{Name: "TimestampFormat", Kind: config.String, Default: "RFC822", Check: checkTimes,
			Doc: "The form of the times in the status port's CDR lines: RFC822, ISO8601, Cisco, MySQL, Oracle or a strftime text."},
	}
}

// ForeignCallTableKeys are GnuGk's keys of [CallTable] that have no effect here.
func ForeignCallTableKeys() []config.Foreign {
	return []config.Foreign{
		{Name: "SingleFailoverCDR", Reason: "a call is one record however many targets were tried"},
		{Name: "DefaultCallTimeout", Reason: "its later name is DefaultCallDurationLimit"},
		{Name: "UseDestCallSignalIPAsDialedNumber", Reason: "a SIP request always has a dialled address"},
		{Name: "SetCalledStationIdToDialedIP", Reason: "a SIP request always has a called user or address"},
		{Name: "IRRFrequency", Reason: "IRR is an H.323 message"},
		{Name: "IRRCheck", Reason: "IRR is an H.323 message"},
	}
}

func checkTimes(raw string) error {
	_, err := cdr.ParseTimeFormat(raw)
	return err
}

// ParseSettings reads [CallTable], and Teardown= of [Gatekeeper::Acct]. The sections have been checked.
func ParseSettings(table, acct *config.Section) (*Settings, error) {
	times, err := cdr.ParseTimeFormat(table.Text("TimestampFormat"))
	if err != nil {
		return nil, err
	}
	teardown, err := acctstack.ParseTeardown(acct.Text("Teardown"))
	if err != nil {
		return nil, err
	}
	s := &Settings{
		SignalTimeout:   table.Duration("SignalTimeout"),
		AlertingTimeout: table.Duration("AlertingTimeout"),
		DurationLimit:   table.Duration("DefaultCallDurationLimit"),
		UpdateInterval:  table.Duration("AcctUpdateInterval"),
		MaxPending:      table.Int("MaxPending"),
		NeighbourCDR:    table.Bool("GenerateNBCDR"),
		UnconnectedCDR:  table.Bool("GenerateUCCDR"),
		CDRTimes:        times,
		Teardown:        teardown,
	}
	if s.UpdateInterval > 0 {
		s.UpdateInterval = max(s.UpdateInterval, 10*time.Second)
	}
	return s, nil
}

// Drain is what becomes of running calls at shutdown.
type Drain struct {
	Keep bool          // they stay as they are, for the next run to go on with
	Wait time.Duration // else: how long calls may go on before they are disconnected; 0: not at all
}

// ParseOnShutdown reads OnShutdown=keep | disconnect | drain:SECONDS.
func ParseOnShutdown(raw string) (Drain, error) {
	word, seconds, timed := strings.Cut(strings.TrimSpace(raw), ":")
	switch strings.ToLower(word) {
	case "keep":
		if !timed {
			return Drain{Keep: true}, nil
		}
	case "disconnect":
		if !timed {
			return Drain{}, nil
		}
	case "drain":
		n, err := strconv.ParseUint(strings.TrimSpace(seconds), 10, 32)
		if timed && err == nil {
			return Drain{Wait: time.Duration(n) * time.Second}, nil
		}
		return Drain{}, fmt.Errorf("drain needs a time in seconds, as in drain:60")
	}
	return Drain{}, fmt.Errorf("%q is none of keep, disconnect, drain:SECONDS", raw)
}
