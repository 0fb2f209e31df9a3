package radacct

import (
	"layeh.com/radius/rfc2866"

	"tollgate/cdr"
)

// The causes of ITU-T Q.850 that decide the Acct-Terminate-Cause.
const (
	unallocatedNumber    = 1
	normalClearing       = 16
	noUserResponding     = 18
	noAnswer             = 19
	destinationOutOf     = 27
	invalidNumber        = 28
	normalUnspecified    = 31
	temporaryFailure     = 41
	resourcesUnavailable = 47
	timerExpiry          = 102
)

// terminateCause says in the words of RFC 2866 5.10 why a call ended: from the Q.850 cause, from who released the call,
// and from whether it was connected. The table is in the module's README.
func terminateCause(r *cdr.Record) rfc2866.AcctTerminateCause {
	if r.Released == cdr.ReleasedByGatekeeper {
		if cause, ok := gatekeeperCause(r); ok {
			return cause
		}
	}
	connected := !r.Connected.IsZero()
	switch r.Cause {
	case normalClearing, normalUnspecified:
		return rfc2866.AcctTerminateCause_Value_UserRequest
	case unallocatedNumber, invalidNumber:
		return rfc2866.AcctTerminateCause_Value_UserError
	case noUserResponding, noAnswer:
		if !connected {
			return rfc2866.AcctTerminateCause_Value_IdleTimeout
		}
		return rfc2866.AcctTerminateCause_Value_LostCarrier
	case destinationOutOf, timerExpiry:
		if connected {
			return rfc2866.AcctTerminateCause_Value_LostCarrier
		}
	}
	if connected {
		return rfc2866.AcctTerminateCause_Value_LostService
	}
	return rfc2866.AcctTerminateCause_Value_ServiceUnavailable
}

// gatekeeperCause is the reason of a release by the gatekeeper itself, where it differs from the same cause of a party.
func gatekeeperCause(r *cdr.Record) (rfc2866.AcctTerminateCause, bool) {
	switch r.Cause {
	case normalClearing, normalUnspecified:
		return rfc2866.AcctTerminateCause_Value_AdminReset, true // by command
	case resourcesUnavailable:
		if !r.Connected.IsZero() {
			return rfc2866.AcctTerminateCause_Value_SessionTimeout, true // the duration limit
		}
	case 0, temporaryFailure:
		return rfc2866.AcctTerminateCause_Value_NASError, true // refused accounting, shutdown
	}
	return 0, false
}
