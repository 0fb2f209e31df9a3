package acctstack

import (
	"slices"
	"strings"
)

// Fate is what becomes of an event at one rule once its walk has ended.
type Fate uint8

// The fates. Those from FateNext on say why nothing is kept of an event that the instance has not stored.
const (
	FateStored        Fate = iota // the instance has it, or no module was asked
	FateKept                      // it is kept for the instance
	FateQuarantined               // it is kept and set aside: no further try can mend the error
	FateNext                      // the instance said next
	FateRefused                   // the call is refused, and its start is kept nowhere
	FateStranger                  // the stop of a refused call whose start the instance does not have
	FateSpoolNone                 // Spool=none
	FateNoSpool                   // it would be kept, but there is no spool or it does not take the event
	FateElsewhere                 // another instance has it, and one copy was asked for
	FateStart                     // the start of a call, under alternative or sufficient
	FateKeptElsewhere             // it is kept for another one, which failed first
)

// Fate tells what becomes of the event at the rule of step i, now that the walk has ended:
//
//   - required and optional, and each instance of Kamailio's kinds, wanted a copy of their own: it is kept.
//   - alternative and sufficient ask for one copy of several. If any module has stored the event nothing is kept; otherwise
//     it is kept for the first of them that failed and could keep it, unless it is a start.
//   - Kinds that Spool= names are kept whenever they fail there, as if the instance were required; the others follow the
//     control. Realtime=GRANT_AND_STORE keeps what it counts as ok.
//   - The start of a refused call is kept nowhere, its stop only where its start is.
//   - An event that the instance was not asked about, as earlier events of the call are kept for it, is kept behind them, whatever
//     the control, Spool= or other instances say: the instance has, or will have, the beginning of the call.
//   - A permanent error is not kept but quarantined, where it would have been kept; GRANT_AND_STORE does not count it as ok
//     and so asks for no copy of it.
func (v *Verdict) Fate(i int) Fate {
	step := &v.Steps[i]
	rule := &v.Rules[step.Rule]
	switch {
	case rule.Fixed || step.stored():
		return FateStored
	case step.Result == Next:
		return FateNext
	case v.Kind == Start && !v.OK:
		return FateRefused
	case step.Err == ErrQueued:
		if v.NoSpool && !step.spooled {
			return FateNoSpool
		}
		return FateKept
	case rule.NoSpool:
		return FateSpoolNone
	case strange(v.Kind, v.Trail, rule):
		return FateStranger
	}
	permanent := IsPermanent(step.Err)
	if !rule.keepsOwn(v.Kind) && (permanent || v.NoSpool && !step.spooled || !rule.stores(v.Kind)) {
		switch {
		case v.Stored():
			return FateElsewhere
		case v.Kind == Start:
			return FateStart
		case !v.firstToKeep(i):
			return FateKeptElsewhere
		}
	}
	switch {
	case v.NoSpool && !step.spooled:
		return FateNoSpool
	case permanent:
		return FateQuarantined
	}
	return FateKept
}

// Kept tells whether the event is kept for anybody, be it in quarantine.
func (v *Verdict) Kept() bool {
	for i := range v.Steps {
		if fate := v.Fate(i); fate == FateKept || fate == FateQuarantined {
			return true
		}
	}
	return false
}

// firstToKeep tells whether no alternative or sufficient step before i could keep the event.
func (v *Verdict) firstToKeep(i int) bool {
	for j := range i {
		step := &v.Steps[j]
		rule := &v.Rules[step.Rule]
		if rule.Fixed || !rule.Control.terminal() || step.Result != Fail || step.stored() {
			continue
		}
		if step.Err == ErrQueued || !rule.NoSpool && !strange(v.Kind, v.Trail, rule) {
			return false
		}
	}
	return true
}

// strange tells of the stop of a refused call at an instance that has nothing of that call.
func strange(kind Kind, trail *Trail, rule *Rule) bool {
	return kind == Stop && trail != nil && trail.Refused && !slices.Contains(trail.Has, rule.Name)
}

// keepsOwn tells whether the instance wants its own copy of the kind, whatever others have.
func (r *Rule) keepsOwn(kind Kind) bool {
	return !r.Control.terminal() || kind.transactional() || r.Spool.Has(kind)
}

// stores tells whether the rule counts a kept event of that kind as ok: Realtime=GRANT_AND_STORE, for kinds that are kept
// there for certain. Without a list in Spool= all are.
func (r *Rule) stores(kind Kind) bool {
	return r.Storing && !r.NoSpool && (r.Spool == 0 || r.keepsOwn(kind))
}

// Keeps says in words which events are kept for the module when they fail there.
func (r *Rule) Keeps() string {
	switch {
	case r.Fixed:
		return ""
	case r.NoSpool:
		return "keeps nothing (Spool=none)"
	case r.Storing && r.Spool == 0:
		return "keeps what fails here, and counts it as ok (Realtime=GRANT_AND_STORE)"
	}
	own, rest := r.Kinds, r.Kinds
	if r.Control.terminal() {
		own &= r.Spool | ^gnugkKinds
	}
	rest &^= own
	var parts []string
	if own != 0 {
		text := "keeps " + own.String() + " when they fail here"
		if r.Storing {
			text += ", and counts them as ok (Realtime=GRANT_AND_STORE)"
		}
		parts = append(parts, text)
	}
	if others := rest &^ KindsOf(Start); others != 0 {
		parts = append(parts, "keeps "+others.String()+" when no module has them and this was the first to fail")
	}
	if rest.Has(Start) {
		parts = append(parts, "keeps no start")
	}
	return strings.Join(parts, "; ")
}

// Tell says in words what becomes of the event at the rule of step i; "" if it is stored.
func (v *Verdict) Tell(i int) string {
	switch v.Fate(i) {
	case FateKept:
		return "kept for it"
	case FateQuarantined:
		return "quarantined"
	case FateNext:
		return "not kept: it said next"
	case FateRefused:
		return "not kept: the call is refused"
	case FateStranger:
		return "not kept: the call is refused, and it does not have its start"
	case FateSpoolNone:
		return "not kept: Spool=none"
	case FateNoSpool:
		return "not kept: there is no journal to take it"
	case FateElsewhere:
		return "not kept: " + v.holder() + " has it"
	case FateStart:
		return "not kept: " + v.Rules[v.Steps[i].Rule].Control.String() + " keeps no start"
	case FateKeptElsewhere:
		return "not kept: another one that failed before keeps it"
	}
	return ""
}

// holder is the first instance that has stored the event.
func (v *Verdict) holder() string {
	for i := range v.Steps {
		if rule := &v.Rules[v.Steps[i].Rule]; !rule.Fixed && v.Steps[i].stored() {
			return rule.Name
		}
	}
	return ""
}
