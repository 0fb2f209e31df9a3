package radacct

import (
	"math"
	"net/netip"
	"strconv"
	"time"

	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"
	"layeh.com/radius/rfc2869"
	"layeh.com/radius/rfc3162"

	"tollgate/acctstack"
	"tollgate/cdr"
	"tollgate/radius"
	"tollgate/radius/cisco"
)

// writer makes the attributes of one event, in the order of GnuGk's module; ours stand before the Cisco block, since the
// last ones are left out when the packet is full. The transport adds Acct-Delay-Time.
type writer struct {
	*content
	attributes radius.Attributes
	text       []byte // of the value in the making
}

func (w *writer) write(c *content, ev *acctstack.Event) {
	w.content = c
	w.attributes.Reset()
	w.head(ev)
	if ev.Record == nil {
		w.attributes.Text(rfc2866.AcctSessionID_Type, ev.SessionID)
	} else {
		w.call(ev.Kind, ev.Record)
	}
	w.attributes.Time(rfc2869.EventTimestamp_Type, ev.Time)
	if ev.Kind == acctstack.Stop {
		w.attributes.Integer(rfc2866.AcctTerminateCause_Type, uint32(terminateCause(ev.Record)))
	}
	if w.eventID {
		w.vsa(cisco.AVPair, ev.ID.Append(w.begin("event-id=")))
	}
	if ev.Record == nil || !w.cisco {
		return
	}
	w.identity(ev.Record, ev.Name)
	w.moments(ev.Kind, ev.Record)
	if ev.Kind == acctstack.Stop {
		w.ending(ev.Record)
	}
	w.peer(ev.Record)
}

// head is what all records have: the kind and the NAS.
func (w *writer) head(ev *acctstack.Event) {
	nas := ev.Address
	if w.nas.IsValid() {
		nas = w.nas
	}
	w.attributes.Integer(rfc2866.AcctStatusType_Type, uint32(statusType(ev.Kind)))
	w.attributes.Address(rfc2865.NASIPAddress_Type, rfc3162.NASIPv6Address_Type, nas)
	w.attributes.Text(rfc2865.NASIdentifier_Type, ev.Name)
	w.attributes.Integer(rfc2865.NASPortType_Type, uint32(rfc2865.NASPortType_Value_Virtual))
}

func statusType(kind acctstack.Kind) rfc2866.AcctStatusType {
	switch kind {
	case acctstack.Start:
		return rfc2866.AcctStatusType_Value_Start
	case acctstack.Stop:
		return rfc2866.AcctStatusType_Value_Stop
	case acctstack.On:
		return rfc2866.AcctStatusType_Value_AccountingOn
	case acctstack.Off:
		return rfc2866.AcctStatusType_Value_AccountingOff
	}
	return rfc2866.AcctStatusType_Value_InterimUpdate
}

// call is the call in standard attributes.
func (w *writer) call(kind acctstack.Kind, r *cdr.Record) {
	w.attributes.Integer(rfc2865.ServiceType_Type, uint32(rfc2865.ServiceType_Value_LoginUser))
	w.attributes.Text(rfc2866.AcctSessionID_Type, r.SessionID)
	user := w.fixedUser
	if user == "" {
		user = r.UserName()
	}
	w.attributes.Text(rfc2865.UserName_Type, user)
	if caller := r.Caller.Address.Addr().Unmap(); caller.Is4() { // RFC 2865 5.8: four octets
		w.attributes.Address(rfc2865.FramedIPAddress_Type, 0, caller)
	}
	if kind != acctstack.Start {
		w.attributes.Integer(rfc2866.AcctSessionTime_Type, uint32(min(r.Duration(), math.MaxUint32)))
	}
	w.attributes.Text(rfc2865.CallingStationID_Type, r.CallingStationID())
	called := r.CalledStationID()
	if w.dialedNumber {
		called = r.DialedNumber()
	}
	w.attributes.Text(rfc2865.CalledStationID_Type, called)
}

func (w *writer) identity(r *cdr.Record, name string) {
	w.vsa(cisco.H323ConfID, r.ConfID.AppendWords(w.begin("h323-conf-id=")))
	w.vsa(cisco.H323GwID, append(w.begin("h323-gw-id="), name...))
	w.vsa(cisco.H323CallOrigin, w.begin("h323-call-origin=proxy"))
	w.vsa(cisco.H323CallType, w.begin("h323-call-type=VoIP"))
}

// moments are the call's times as far as they have come.
func (w *writer) moments(kind acctstack.Kind, r *cdr.Record) {
	w.time(cisco.H323SetupTime, "h323-setup-time=", r.Setup)
	if kind != acctstack.Start {
		w.time(cisco.H323ConnectTime, "h323-connect-time=", r.Connected)
	}
	if kind == acctstack.Stop {
		w.time(cisco.H323DisconnectTime, "h323-disconnect-time=", r.Disconnected)
	}
}

func (w *writer) time(t byte, name string, at time.Time) {
	if !at.IsZero() {
		w.vsa(t, w.times.Append(w.begin(name), at))
	}
}

// ending is how the call ended and what it was like.
func (w *writer) ending(r *cdr.Record) {
	w.text = strconv.AppendInt(w.begin("h323-disconnect-cause="), int64(r.Cause), 16)
	upper(w.text[len("h323-disconnect-cause="):])
	w.vsa(cisco.H323DisconnectCause, w.text)
	if r.EndEstimated {
		w.number(cisco.AVPair, "end-estimated=", 1) // nobody saw the end; the time is when the call was last known to be up
	}
	w.number(cisco.ReleaseSource, "release-source=", int64(r.Released))
	w.vsa(cisco.PreferredCodec, r.Caller.Audio.AppendCodec(w.begin("preferred-codec=")))
	w.vsa(cisco.RewrittenE164Num, append(w.begin("rewritten-e164-num="), r.CalledStation...))
	w.number(cisco.AVPair, "h323pddtime=", r.PostDialDelay())
	w.number(cisco.AVPair, "h323ringtime=", r.RingTime())
	w.number(cisco.AVPair, "h323routeattempts=", int64(r.Attempts))
	w.number(cisco.AVPair, "h323_rtp_proxy=", 0)
	w.vsa(cisco.AVPair, appendMedia(w.begin("RTP_source_IP="), r.Caller.Audio.Address))
	w.vsa(cisco.AVPair, appendMedia(w.begin("RTP_destination_IP="), r.Callee.Audio.Address))
}

func upper(hex []byte) {
	for i, c := range hex {
		if c >= 'a' {
			hex[i] = c - 'a' + 'A'
		}
	}
}

// appendMedia writes where a party receives media, 0.0.0.0 if that is not known.
func appendMedia(dst []byte, addr netip.AddrPort) []byte {
	if !addr.Addr().IsValid() {
		return append(dst, "0.0.0.0"...)
	}
	return cdr.AppendAddr(dst, addr.Addr())
}

func (w *writer) peer(r *cdr.Record) {
	if callee := r.Callee.Address.Addr(); callee.IsValid() {
		w.vsa(cisco.H323RemoteAddress, cdr.AppendAddr(w.begin("h323-remote-address="), callee))
	}
	w.vsa(cisco.AVPair, r.CallID.AppendWords(w.begin("h323-ivr-out=h323-call-id:")))
}

// begin starts a value with the text of its name.
func (w *writer) begin(name string) []byte { return append(w.text[:0], name...) }

// vsa adds a value that began with begin as an attribute of Cisco, vendor 9.
func (w *writer) vsa(t byte, value []byte) {
	w.attributes.Vendor(cisco.VendorID, t, value)
	w.text = value
}

func (w *writer) number(t byte, name string, n int64) {
	w.vsa(t, strconv.AppendInt(w.begin(name), n, 10))
}
