// Package sessiontimer has the rules of RFC 4028 for a proxy: what it changes in a session refresh request (INVITE,
// re-INVITE, UPDATE) and in its 2xx so that a session whose ends have both gone is noticed. It does no I/O and has no clock.
package sessiontimer

// Floor is the shortest session interval that there is, in seconds, and what Min-SE is where a request has none
// (RFC 4028 4 and 5).
const Floor = 90

// The values of the refresher parameter (RFC 4028 4).
const (
	RefresherUAC = "uac"
	RefresherUAS = "uas"
)

// Policy is what the operator wants, in seconds.
type Policy struct {
	Expires uint32 // the longest session interval; 0: none is asked for, but what the ends agree on is followed
	MinSE   uint32 // the shortest session interval, at least Floor; 0: none of our own
}

// Request is what a session refresh request says.
type Request struct {
	Supported bool   // the option tag timer stands in Supported
	Expires   uint32 // Session-Expires; 0: absent
	MinSE     uint32 // Min-SE; 0: absent
	Refresher string // of Session-Expires: "", RefresherUAC or RefresherUAS
}

// RequestEdit is what is to be done with a request.
type RequestEdit struct {
	// Expires is the new value of Session-Expires, 0: it stays as it is. The header is added if there is none; if there is
	// one, its parameters stay: a proxy neither inserts nor changes the refresher (RFC 4028 8.1).
	Expires uint32
	// MinSE is the value of Min-SE, which is added or raised; 0: it stays as it is. With TooSmall it is that of the 422.
	MinSE uint32
	// TooSmall says that the request goes nowhere: it is answered 422 with MinSE (RFC 4028 6).
	TooSmall bool
}

// OnRequest applies RFC 4028 8.1.
func (p Policy) OnRequest(r Request) RequestEdit {
	var edit RequestEdit
	if least := p.min(); r.Expires > 0 && r.Expires < least {
		if r.Supported {
			return RequestEdit{MinSE: least, TooSmall: true}
		}
		// A UAC that knows no session timers would not understand the 422 and lose the call. The Min-SE of one that knows them
		// is never touched: raised on the way, it would be a means against the call (RFC 4028 8.1).
		if r.MinSE < least {
			edit.MinSE, r.MinSE = least, least
		}
	}
	if wanted := p.interval(r); wanted != r.Expires {
		edit.Expires = wanted
	}
	return edit
}

// interval is the Session-Expires that goes on, 0 for none. It is raised to Min-SE and for no other reason, and never
// lowered below Min-SE or what we refuse ourselves (RFC 4028 8.1).
func (p Policy) interval(r Request) uint32 {
	required := r.MinSE
	if required == 0 {
		required = Floor
	}
	ours := p.Expires
	if ours > 0 {
		ours = max(ours, required, p.min(), Floor)
	}
	switch {
	case r.Expires == 0:
		return ours
	case r.Expires < required:
		return required
	case ours > 0 && ours < r.Expires:
		return ours
	}
	return r.Expires
}

// min is the shortest interval that we let pass, 0 for any. A 422 must not name one below 90 s (RFC 4028 5).
func (p Policy) min() uint32 {
	if p.MinSE == 0 {
		return 0
	}
	return max(p.MinSE, Floor)
}

// Answer is what a 2xx to a session refresh request says.
type Answer struct {
	Expires   uint32 // Session-Expires; 0: absent
	Refresher string // of Session-Expires: "", RefresherUAC or RefresherUAS
	Required  bool   // the option tag timer stands in Require
}

// AnswerEdit is what is to be done with a 2xx before it goes on.
type AnswerEdit struct {
	Insert  bool   // a Session-Expires with Expires and ;refresher=uac is added
	Require bool   // the option tag timer is added to Require; only with Insert, and not if it stands there
	Expires uint32 // seconds; only with Insert
}

// OnAnswer applies RFC 4028 8.2 to a 2xx. The caller gives what the UAC asked in the request as it came to us, and the
// Session-Expires of the request as it went on (0: none). The interval is that of the session from now on, in seconds, and
// replaces any former one; 0: the session has no timer.
func OnAnswer(asked Request, sent uint32, a Answer) (edit AnswerEdit, interval uint32) {
	switch {
	case a.Expires > 0:
		// Whoever refreshes in time for a shorter interval does so for this one, and no session ends early for a value
		// that RFC 4028 4 forbids.
		return AnswerEdit{}, max(a.Expires, Floor)
	case sent > 0 && asked.Supported:
		// The UAS knows no session timers, and no proxy behind us has taken its part: the UAC refreshes alone.
		return AnswerEdit{Insert: true, Require: !a.Required, Expires: sent}, max(sent, Floor)
	}
	return AnswerEdit{}, 0
}
