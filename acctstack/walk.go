package acctstack

// Walk is the decision over one event as a state machine: Next says whom to ask, Answer takes what they said, and when
// Next has nobody left, Verdict tells the outcome. The running stack, explain, the tests and the table in the docs all
// drive this machine, so they cannot disagree.
//
// It keeps GnuGk's rule: the outcome is good if nothing that had to succeed failed and the last one that was asked
// succeeded. So an optional module that is asked last decides.
//
// The zero Walk is ready for Begin, and a used one may begin again: it keeps its memory.
type Walk struct {
	rules   []Rule
	kind    Kind
	trail   *Trail // of the event's call, if it is known
	noSpool bool   // nothing can be kept
	shaky   bool   // what is kept may not survive a crash, so nothing is granted on the strength of it
	at      int    // the rule that is being asked
	final   bool   // no required or sufficient rule failed
	last    Result
	done    bool
	failed  bool // a module has not stored the event
	steps   []Step
}

// Begin starts the walk of an event of that kind.
func (w *Walk) Begin(rules []Rule, kind Kind) {
	*w = Walk{rules: rules, kind: kind, at: -1, final: true, last: OK, steps: w.steps[:0]}
}

// BeginEvent starts the walk of an event of a call, whose earlier events bear on what is kept of this one.
func (w *Walk) BeginEvent(rules []Rule, ev *Event) {
	w.Begin(rules, ev.Kind)
	w.trail = ev.Trail
}

// Next is the index of the next rule whose module is to be asked; ok is false when the walk has ended. Rules that are
// not eligible, and default, are passed on the way.
func (w *Walk) Next() (index int, ok bool) {
	for !w.done {
		w.at++
		if w.at == len(w.rules) {
			w.done = true
			break
		}
		rule := &w.rules[w.at]
		if !rule.Kinds.Has(w.kind) {
			continue
		}
		if !rule.Fixed {
			return w.at, true
		}
		w.Answer(rule.Answer, nil)
	}
	return 0, false
}

// Answer takes the result of the rule that Next named, and the error behind it for the record.
func (w *Walk) Answer(result Result, err error) {
	rule := &w.rules[w.at]
	counts, granted := result, false
	if result != OK {
		w.failed = w.failed || !rule.Fixed
		if granted = rule.Lossy || result == Fail && w.stores(rule, err); granted {
			counts = OK
		}
	}
	effect := w.effect(rule.Control, counts)
	w.last = counts
	switch effect {
	case Spoils:
		w.final = false
	case Ends:
		w.done = true
	}
	w.steps = append(w.steps, Step{Rule: w.at, Result: result, Err: err, Effect: effect, Granted: granted})
}

// stores tells whether a failure counts as ok because the event will be kept for the rule's module.
func (w *Walk) stores(rule *Rule, err error) bool {
	return rule.stores(w.kind) && !w.noSpool && !w.shaky && !strange(w.kind, w.trail, rule) && !IsPermanent(err)
}

// unspool tells the walk that nothing more can be kept, or if written is true that it can, but not for certain. What counted as ok
// because it would be kept counts as failed then, and rules below it may have to be asked, so Next goes on. It is false if
// nothing counted so.
func (w *Walk) unspool(written bool) bool {
	steps, trail, noSpool, changed := w.steps, w.trail, w.noSpool || !written, false
	w.Begin(w.rules, w.kind)
	w.trail, w.noSpool, w.shaky = trail, noSpool, true
	for _, step := range steps { // each is read before Answer writes it anew
		w.at = step.Rule
		w.Answer(step.Result, step.Err)
		again := &w.steps[len(w.steps)-1]
		again.Late, again.spooled = step.Late, step.spooled
		changed = changed || again.Granted != step.Granted
	}
	return changed
}

// effect is GnuGk's table. Success under sufficient and alternative ends the walk, except for the kinds of Kamailio's
// acc module, which reach every instance.
func (w *Walk) effect(control Control, result Result) Effect {
	terminal := control.terminal()
	forgiving := control == Optional || control == Alternative
	switch {
	case result == OK && terminal && !w.kind.transactional():
		return Ends
	case result != OK && !forgiving:
		return Spoils
	}
	return GoesOn
}

// Verdict is the outcome; it is valid until the walk begins again.
func (w *Walk) Verdict() Verdict {
	return Verdict{OK: w.final && w.last == OK, Rules: w.rules, Kind: w.kind, Steps: w.steps, Trail: w.trail, NoSpool: w.noSpool}
}

// Effect is what one answer does to the walk.
type Effect uint8

// The effects.
const (
	GoesOn Effect = iota // nothing is decided; unless it is the last one, whose result counts
	Ends                 // enough: nobody further is asked
	Spoils               // the event has failed, whatever the others say
)

// Step is one rule that was asked.
type Step struct {
	Rule   int // index in Verdict.Rules
	Result Result
	Err    error // behind a Fail or Next
	Effect Effect
	// Granted tells of a failure that counted as ok: Realtime= says so of kept or of lost events.
	Granted bool
	// Late tells that the module answered ok after its Timeout, and before the walk ended: it has the event after all.
	Late bool

	spooled bool // the spool has a copy, whatever else it does not take
}

// stored tells whether the rule's module has the event.
func (s *Step) stored() bool { return s.Result == OK || s.Late }

// Verdict is the outcome of an event with every step that led to it.
type Verdict struct {
	OK    bool
	Rules []Rule
	Kind  Kind
	Steps []Step
	Trail *Trail // of the event's call; nil if it is not known
	// NoSpool tells that nothing can be kept: there is no spool, or it did not take the event.
	NoSpool bool
}

// Stored tells whether a module has the event.
func (v *Verdict) Stored() bool {
	for i := range v.Steps {
		if step := &v.Steps[i]; step.stored() && !v.Rules[step.Rule].Fixed {
			return true
		}
	}
	return false
}

// Asked tells whether any module was asked, and not only default=.
func (v *Verdict) Asked() bool {
	for i := range v.Steps {
		if !v.Rules[v.Steps[i].Rule].Fixed {
			return true
		}
	}
	return false
}

// Blamed is the step that made the verdict bad: the first that spoiled it, else the last one asked. It is nil if the
// verdict is good.
func (v *Verdict) Blamed() *Step {
	if v.OK {
		return nil
	}
	for i := range v.Steps {
		if v.Steps[i].Effect == Spoils {
			return &v.Steps[i]
		}
	}
	return &v.Steps[len(v.Steps)-1]
}
