package cdr

import "time"

// stampFields are those that every event can fill.
var stampFields = [...]definition{
	{name: "g", doc: "The gatekeeper's name.",
		text: func(dst []byte, s Source, _ Format) []byte { return append(dst, s.Stamp.Name...) }},
	{name: "gkip", doc: "The gatekeeper's first home address.",
		text: func(dst []byte, s Source, _ Format) []byte { return AppendAddr(dst, s.Stamp.Address) }},
	{name: "event-uuid", safe: true, doc: "The event's identifier: unique for ever, the same in every module and in every late or repeated delivery.",
		text: func(dst []byte, s Source, _ Format) []byte { return s.Stamp.ID.Append(dst) }},
	{name: "event-time", doc: "When the event happened, not when it was delivered.",
		text: func(dst []byte, s Source, f Format) []byte { return f.Times.Append(dst, s.Stamp.Time) }},
}

// systemFields are those of on and off beside stampFields.
var systemFields = [...]definition{
	{name: "s", doc: "The Acct-Session-Id of the gatekeeper's own on and off records.",
		text: func(dst []byte, s Source, _ Format) []byte { return append(dst, s.Stamp.SessionID...) }},
}

// callFields are identity, times and the end of a call.
var callFields = [...]definition{
	{name: "n", doc: "The number of the call, counted from 1 in each run of the gatekeeper.",
		number: func(s Source) int64 { return int64(s.Call.Number) }},
	{name: "s", doc: "The call's Acct-Session-Id, 16 hex digits.",
		text: func(dst []byte, s Source, _ Format) []byte { return append(dst, s.Call.SessionID...) }},
	{name: "CallId", safe: true, doc: "The first 16 bytes of the SHA-256 of the Call-ID, as hex bytes with blanks between them (StatusAcct: dashes).",
		text: appendCallID},
	{name: "ConfId", safe: true, doc: "The conference identifier; of a SIP call the same as `%{CallId}`, always with blanks.",
		text: func(dst []byte, s Source, _ Format) []byte { return s.Call.ConfID.AppendBlanks(dst) }},
	{name: "SIP-Call-ID", doc: "The text of the Call-ID header.",
		text: func(dst []byte, s Source, _ Format) []byte { return append(dst, s.Call.SIPCallID...) }},
	{name: "setup-time", doc: "When the INVITE arrived.",
		text: timeOf(func(r *Record) time.Time { return r.Setup })},
	{name: "alerting-time", doc: "When the first 180 to 183 was relayed; empty before.",
		text: timeOf(func(r *Record) time.Time { return r.Alerting })},
	{name: "connect-time", doc: "When the first 2xx was relayed; empty before.",
		text: timeOf(func(r *Record) time.Time { return r.Connected })},
	{name: "disconnect-time", doc: "When the call ended; empty before.",
		text: timeOf(func(r *Record) time.Time { return r.Disconnected })},
	{name: "end-estimated", doc: "1 if nobody saw the end, and `%{disconnect-time}` is when the call was last known to be up, else 0.",
		number: func(s Source) int64 { return bit(s.Call.EndEstimated) }},
	{name: "d", doc: "Connected time in whole seconds: at least 1 once a connected call has ended, 0 if it never connected.",
		number: func(s Source) int64 { return s.Call.Duration() }},
	{name: "t", doc: "Seconds from the INVITE to the end, at least 1; 0 while the call runs.",
		number: func(s Source) int64 { return s.Call.TotalDuration() }},
	{name: "p", doc: "Post-dial delay: seconds from the INVITE to the first 180 to 183, else to the 2xx, else to the end.",
		number: func(s Source) int64 { return s.Call.PostDialDelay() }},
	{name: "ring-time", doc: "Seconds from the first 180 to 183 to the 2xx, else to the end; 0 without ringing.",
		number: func(s Source) int64 { return s.Call.RingTime() }},
	{name: "duration-clock", safe: true, doc: "The clock that the durations come from: `monotonic`, or if the gatekeeper was restarted during the call `boottime`, or if the system was, too, `wallclock`.",
		text: func(dst []byte, s Source, _ Format) []byte { return append(dst, s.Call.Clock.String()...) }},
	{name: "c", doc: "The Q.850 cause of the end; 0 if there is none.",
		number: func(s Source) int64 { return int64(s.Call.Cause) }},
	{name: "cause-translated", doc: "The cause after translation; without one the same as `%c`.",
		number: func(s Source) int64 { return int64(s.Call.CauseTranslated) }},
	{name: "r", doc: "Who ended the call: -1 unknown, 0 the gatekeeper, 1 the caller, 2 the callee.",
		number: func(s Source) int64 { return int64(s.Call.Released) }},
	{name: "sip-status", doc: "The final SIP status that the caller was given, 200 of an answered call; 0 before, and if there was none.",
		number: func(s Source) int64 { return int64(s.Call.SIPStatus) }},
	{name: "legs", doc: "Who was tried and what each answered: status and Request-URI of each branch in the order in which they were asked, a comma and a blank between two; the status is a dash where none came.",
		text: appendLegs},
	{name: "call-attempts", doc: "How many routes were tried.",
		number: func(s Source) int64 { return int64(s.Call.Attempts) }},
	{name: "last-cdr", doc: "1 if no further record of another route of this call will come, else 0.",
		number: func(s Source) int64 { return bit(s.Call.LastCDR) }},
	{name: "bandwidth", doc: "The call's bandwidth in units of 100 bit/s.",
		number: func(s Source) int64 { return int64(s.Call.Bandwidth) }},
	{name: "bandwidth-kbps", doc: "The call's bandwidth in whole kbit/s.",
		number: func(s Source) int64 { return int64(s.Call.Bandwidth / 10) }},
}

func appendCallID(dst []byte, s Source, f Format) []byte {
	if f.DashedCallID {
		return s.Call.CallID.AppendDashes(dst)
	}
	return s.Call.CallID.AppendBlanks(dst)
}

func bit(set bool) int64 {
	if set {
		return 1
	}
	return 0
}

func timeOf(get func(*Record) time.Time) func([]byte, Source, Format) []byte {
	return func(dst []byte, s Source, f Format) []byte { return f.Times.Append(dst, get(s.Call)) }
}
