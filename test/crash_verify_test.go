package test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"tollgate/test/peer"
)

// How far a recorded duration may be from those that the caller and the callee measured, or from what lies between the two: on a
// machine that is short of time a message may wait for the gatekeeper, or on its way.
const (
	liveError = time.Second     // if the gatekeeper was there for the answer and for the BYE
	lateError = 4 * time.Second // else, above the outage: the longest pause of a sender that repeats its message (RFC 3261 17.1.2.2)
)

// finding is the outcome of a verification.
type finding struct {
	made, answered, refused  int // calls
	untold                   int // answered calls whose end never came to the callee
	unknown                  int // calls that the gatekeeper did not know any more when the caller hung up
	sessions, records        int
	copies                   int // records of RADIUS beyond the first of their event
	incomplete               int // records that are missing
	worst, worstLate         time.Duration
	worstCall, worstLateCall string
	late                     int                 // calls whose answer or end met an outage
	faults                   map[string][]string // by kind, the calls
}

// sight is what the peers and the watch over the gatekeeper saw.
type sight struct {
	calls, called map[string]peer.Call // by the caller and by the callee
	outages       []outage
}

// verify compares what was seen with the records of all places.
func verify(seen sight, sessions sessionTable) *finding {
	calls := seen.calls
	f := &finding{made: len(calls), sessions: len(sessions), faults: map[string][]string{}}
	byCall := map[string][]*sessionRecords{}
	for id, s := range sessions {
		if _, ok := calls[s.call]; !ok {
			f.fault("a session of no call that was made", s.name(id))
		}
		byCall[s.call] = append(byCall[s.call], s)
		f.complete(s, id)
	}
	for id, call := range calls {
		if !call["refused"].IsZero() {
			f.refused++
		}
		if !call["unknown"].IsZero() {
			f.unknown++
		}
		if call["answered"].IsZero() {
			continue
		}
		f.answered++
		if !call["hungup"].IsZero() && seen.called != nil && seen.called[id]["hungup"].IsZero() {
			f.untold++
		}
		switch n := len(byCall[id]); n {
		case 0:
			f.incomplete++
			f.fault("an answered call without any record", id)
		case 1:
			f.duration(id, &seen, byCall[id][0])
		default:
			f.fault("a call with several sessions", id)
		}
	}
	return f
}

// name is how a fault names the session: its Call-ID first, if that is known.
func (s *sessionRecords) name(session string) string {
	if s.call == "" {
		return session
	}
	return s.call + " session " + session
}

func (f *finding) fault(kind, call string) { f.faults[kind] = append(f.faults[kind], call) }

// complete checks that each place has each record of the session once. It holds for every session, answered or not: a start
// has its stop and a stop its start.
func (f *finding) complete(s *sessionRecords, session string) {
	about := s.name(session)
	for at := range places {
		records := s.at[at]
		f.records += len(records)
		if at == radiusStart || at == radiusStop {
			records = f.distinct(records)
		}
		switch {
		case len(records) == 0:
			f.incomplete++
			f.fault(at.String()+" is missing", about)
		case len(records) > 1:
			f.fault(at.String()+" is there more than once", about)
		}
	}
	f.same(s, about, sqlStart, radiusStart)
	f.same(s, about, sqlStop, radiusStop)
	f.same(s, about, sqlStop, fileStop)
}

// distinct leaves one record of each event.
func (f *finding) distinct(records []crashRecord) []crashRecord {
	var list []crashRecord
	for _, r := range records {
		if slices.ContainsFunc(list, func(other crashRecord) bool { return other.id == r.id }) {
			f.copies++
			continue
		}
		list = append(list, r)
	}
	return list
}

// same checks that two places tell of the same event the same thing.
func (f *finding) same(s *sessionRecords, about string, one, other place) {
	if len(s.at[one]) == 0 {
		return
	}
	for _, r := range s.at[other] {
		if first := s.at[one][0]; r.id != first.id || r.seconds != first.seconds {
			f.fault(fmt.Sprintf("%v and %v differ", one, other), about)
			return
		}
	}
}

// duration compares the duration with those of the peers.
func (f *finding) duration(id string, seen *sight, s *sessionRecords) {
	call := seen.calls[id]
	if call["hungup"].IsZero() {
		f.fault("an answered call whose end the caller does not tell", id)
		return
	}
	least := call.Duration()
	most := max(least, seen.called[id].Duration()) // 0 if the callee does not know
	var worst, wrong time.Duration
	for _, at := range []place{sqlStop, fileStop, radiusStop} {
		for _, r := range s.at[at] {
			worst = max(worst, r.misses(least, least, at))
			wrong = max(wrong, r.misses(least, most, at))
		}
	}
	lost, late := missed(call, seen.outages)
	allowed := liveError
	if late {
		f.late++
		allowed = lost + lateError
		if worst > f.worstLate {
			f.worstLate, f.worstLateCall = worst, id
		}
	} else if worst > f.worst {
		f.worst, f.worstCall = worst, id
	}
	if wrong > allowed {
		f.fault("a wrong duration", fmt.Sprintf("%s is wrong by %v, %v is allowed", id, wrong, allowed))
	}
}

// misses is how far the record is from a duration between the two. Seconds are rounded down, but not to 0.
func (r *crashRecord) misses(least, most time.Duration, at place) time.Duration {
	from, to := time.Duration(r.seconds)*time.Second, time.Duration(r.seconds+1)*time.Second
	if r.seconds == 1 {
		from = 0
	}
	billed := max(from-most, least-to, 0)
	if at == radiusStop {
		return billed
	}
	return max(billed, r.exact-most, least-r.exact)
}

// missed is how long no gatekeeper was there while the call waited for its answer or its end, and whether that was so.
func missed(call peer.Call, outages []outage) (time.Duration, bool) {
	var sum time.Duration
	for _, o := range outages {
		if overlaps(o, call["sent"], call["answered"]) || overlaps(o, call["hungup"], call["ended"]) {
			sum += o.to.Sub(o.from)
		}
	}
	return sum, sum > 0
}

// overlaps tells whether an outage falls into a time; the zero end is none.
func overlaps(o outage, from, to time.Time) bool {
	return o.to.After(from) && (to.IsZero() || o.from.Before(to))
}

// list is one text for each kind of fault.
func (f *finding) list() []string {
	var texts []string
	for _, kind := range slices.Sorted(maps.Keys(f.faults)) {
		calls := f.faults[kind]
		slices.Sort(calls)
		texts = append(texts, fmt.Sprintf("%d times: %s, such as %s", len(calls), kind, strings.Join(calls[:min(len(calls), 3)], "; ")))
	}
	return texts
}

// broken are the Call-IDs of some faults, one of each kind first.
func (f *finding) broken(n int) []string {
	var ids []string
	for _, kind := range slices.Sorted(maps.Keys(f.faults)) {
		for _, about := range f.faults[kind][:1] {
			id, _, _ := strings.Cut(about, " ")
			if len(ids) < n && !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// summary tells the numbers.
func (f *finding) summary(outages []outage) string {
	var sum, longest time.Duration
	for _, o := range outages {
		d := o.to.Sub(o.from)
		sum, longest = sum+d, max(longest, d)
	}
	return fmt.Sprintf("%d calls made, %d answered, %d refused, %d without a final answer, %d unknown when the caller hung up, "+
		"%d that the callee does not know to have ended; %d sessions, %d records, %d of them RADIUS's repetitions; "+
		"%d outages, %v in all, the longest %v; durations differ from the caller's by %v (%s) at most, and by %v (%s) among the %d calls whose answer or BYE met an outage",
		f.made, f.answered, f.refused, f.made-f.answered-f.refused, f.unknown, f.untold, f.sessions, f.records, f.copies, len(outages),
		sum.Round(time.Millisecond), longest.Round(time.Millisecond), f.worst.Round(time.Millisecond), f.worstCall,
		f.worstLate.Round(time.Millisecond), f.worstLateCall, f.late)
}
