package acctstack

import (
	"go.uber.org/zap"

	"tollgate/cdr"
	"tollgate/crashpoint"
)

// settle ends a walk whose rules have all been asked: what is to be kept is kept, before the verdict is told. It is false if the
// spool did not take what the walk had counted on, or cannot say that a crash would not lose it; then the walk goes on without.
//
// The order is: the spool has the event on disk; then the queue delivers it, or the quarantine is noted; then the trail is
// filled in. A crash in between leaves a copy that is delivered, or set aside, after the restart.
func (r *run) settle() bool {
	k, ev := r.stack.keeping, r.event
	if !r.steps.failed {
		if ev.Kind == Start {
			noteTrail(ev, r.steps.Verdict(), nil)
		}
		return true
	}
	open := r.lookAgain()
	v := r.steps.Verdict()
	if keep := v.fated(FateKept, FateQuarantined); len(keep) > 0 && !v.NoSpool {
		err := r.spool(keep)
		written := err == nil || IsNotDurable(err)
		if written {
			v.spooled()
		}
		if err != nil {
			if r.steps.unspool(written) {
				return false
			}
			v = r.steps.Verdict()
		}
	}
	if v.NoSpool {
		k.lost(ev, v.fated(FateNoSpool, FateNoSpool))
	}
	for i := range v.Steps {
		r.dispose(&v, i)
	}
	noteTrail(ev, v, open)
	return true
}

// told is the end of a walk whose verdict has been told: what was noted for the event is of no use any more, and copies of
// those that answered ok after all are not needed. It comes behind the verdict, as whoever is told that writes it down: a
// crash before would have the event walk again, and then the notes are all that keeps it from being stored twice.
func (r *run) told() {
	if r.steps.failed {
		for i := range r.steps.steps {
			in := r.stack.instances[r.steps.steps[i].Rule]
			if in != nil && in.queue.told(r.event.ID) {
				r.late = append(r.late, in.name)
			}
		}
	}
	for _, name := range r.late {
		r.stack.keeping.spool.Done(r.event.ID, name)
	}
	r.late = r.late[:0]
	_ = r.spool(nil) // told; with nothing to keep there is no further consequence
	if r.early {
		r.stack.keeping.walked()
	}
}

// spool settles the event. A failure is counted and told; if nothing was to be kept it has no further consequence.
func (r *run) spool(keep []string) error {
	k := r.stack.keeping
	crashpoint.Hit("acctstack.settle.before")
	err := k.spool.Settle(r.event, keep)
	crashpoint.Hit("acctstack.settle.after")
	if err != nil {
		k.trouble("settling an event", r.event, err)
	}
	return err
}

// trouble tells of what the spool did not take: the first time, and then each power of two.
func (k *Keeping) trouble(what string, ev *Event, err error) {
	if n := k.refusals.Add(1); worthTelling(n) {
		k.log.Error(what, zap.String("event", ev.Kind.String()), zap.Stringer("id", ev.ID), zap.Uint64("refusals", n), zap.Error(err))
	}
}

// lookAgain notes which attempts past their Timeout have ended well meanwhile, and names the instances where one is still
// open.
func (r *run) lookAgain() (open []string) {
	for i := range r.steps.steps {
		step := &r.steps.steps[i]
		if step.Err != errTimeout {
			continue
		}
		in := r.stack.instances[step.Rule]
		stillOpen, ok := in.queue.answered(r.event.ID)
		step.Late = ok
		if stillOpen {
			open = append(open, in.name)
		}
	}
	return open
}

// spooled notes which steps the spool has a copy for.
func (v *Verdict) spooled() {
	for i := range v.Steps {
		if fate := v.Fate(i); fate == FateKept || fate == FateQuarantined {
			v.Steps[i].spooled = true
		}
	}
}

// fated are the instances at which the event has one of two fates.
func (v *Verdict) fated(one, other Fate) (names []string) {
	for i := range v.Steps {
		if fate := v.Fate(i); fate == one || fate == other {
			names = append(names, v.Rules[v.Steps[i].Rule].Name)
		}
	}
	return names
}

// dispose gives a copy that the spool has to its queue, or sets it aside.
func (r *run) dispose(v *Verdict, i int) {
	step, ev := &v.Steps[i], r.event
	in := r.stack.instances[step.Rule]
	if in == nil {
		return
	}
	switch v.Fate(i) {
	case FateKept:
		if in.queue.add(ev, step.Err != ErrQueued) {
			r.late = append(r.late, in.name)
		}
	case FateQuarantined:
		in.queue.addAside(ev, step.Err.Error())
	default:
		if step.spooled { // in the spool before it was known that it is not to be kept
			r.late = append(r.late, in.name)
		}
	}
}

// addAside sets an event aside that the spool keeps now. If that cannot be noted it stays an ordinary copy.
func (q *queue) addAside(ev *Event, reason string) {
	crashpoint.Hit("acctstack.quarantine.before")
	err := q.k.spool.Quarantine(ev, q.name, reason)
	crashpoint.Hit("acctstack.quarantine.after")
	if err != nil {
		q.k.trouble("setting an event aside", ev, err)
		q.add(ev, true)
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.copies[ev.ID] != nil {
		return
	}
	q.copies[ev.ID] = &kept{id: ev.ID, call: ev.Call, seq: ev.Seq, kind: ev.Kind, time: ev.Time, since: ev.Time}
	q.totals.Kept++
	q.quarantine(q.copies[ev.ID], reason)
}

// noteTrail tells the later events of a call what became of its start. An attempt whose end is not known counts as stored:
// the stop of a call that the backend may have must not be missing there.
func noteTrail(ev *Event, v Verdict, open []string) {
	if ev.Kind != Start || ev.Trail == nil {
		return
	}
	ev.Trail.Refused, ev.Trail.Has = !v.OK, nil
	if v.OK {
		return
	}
	for i := range v.Steps {
		if rule := &v.Rules[v.Steps[i].Rule]; !rule.Fixed && v.Steps[i].stored() {
			ev.Trail.Has = append(ev.Trail.Has, rule.Name)
		}
	}
	ev.Trail.Has = append(ev.Trail.Has, open...)
}

// lost writes an event that should have been kept and could not be to the log: the last place where it can be found.
func (k *Keeping) lost(ev *Event, names []string) {
	if len(names) == 0 {
		return
	}
	k.losses.Add(1)
	fields := []zap.Field{zap.Strings("modules", names), zap.String("event", ev.Kind.String()), zap.Stringer("id", ev.ID), zap.Time("time", ev.Time)}
	switch {
	case ev.Record != nil:
		line := cdr.AppendLine(nil, ev.Source(), k.options.Times, cdr.Line)
		fields = append(fields, zap.String("session", ev.Record.SessionID), zap.ByteString("record", line))
	case ev.Endpoint != nil:
		fields = append(fields, zap.String("endpoint", ev.Endpoint.ID), zap.String("user", ev.Endpoint.User), zap.Stringer("address", ev.Endpoint.Address))
	default:
		fields = append(fields, zap.String("session", ev.SessionID))
	}
	k.log.Error("event lost: it could not be kept", fields...)
}

// Losses are how many events could not be kept since the start, and stand in the log.
func (k *Keeping) Losses() uint64 { return k.losses.Load() }
