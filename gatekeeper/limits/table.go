package limits

// What a table remembers of parties without calls, and how much of that each Enter forgets at most, so that no call waits
// for a sweep. It is more than one, because each Enter can leave one such party behind.
const (
	maxIdle = 65536
	sweep   = 2
)

// maxFree is how many entries are kept for the next party, so that short calls cost no allocation.
const maxFree = 1024

// table counts the calls of each party: of each source, or of each user.
type table struct {
	policy
	known map[uint64]*entry
	idle  []*entry // those with no call up, as a heap: the smallest tat is in front
	free  []*entry
	most  int // how many may be idle
}

// entry is what is known of one party. It goes when its last call has gone and its rate is as if there had been none.
type entry struct {
	key   uint64
	calls int64
	tat   int64
	place int // in idle, if calls is 0
}

func newTable() *table { return &table{known: map[uint64]*entry{}, most: maxIdle} }

// configure changes the policy. It does not lose the order of the heap, as clamp keeps the order of any two.
func (t *table) configure(p policy, now int64) {
	if t.policy != p {
		for _, e := range t.known {
			e.tat = p.clamp(e.tat, now)
		}
	}
	t.policy = p
	t.forget(now, len(t.idle))
}

// enter counts a call of the party.
func (t *table) enter(key uint64) *entry {
	e := t.known[key]
	switch {
	case e == nil:
		e = t.make()
		e.key = key
		t.known[key] = e
	case e.calls == 0:
		t.remove(e.place)
	}
	e.calls++
	return e
}

// leave ends a call of the party.
func (t *table) leave(e *entry, now int64) {
	if e.calls--; e.calls > 0 {
		return
	}
	if e.tat <= now {
		t.drop(e)
		return
	}
	e.place = len(t.idle)
	t.idle = append(t.idle, e)
	t.rise(e.place)
	if len(t.idle) > t.most {
		t.dropFirst()
	}
}

// forget drops at most that many parties of which nothing is left to remember.
func (t *table) forget(now int64, most int) {
	for ; most > 0 && len(t.idle) > 0 && t.idle[0].tat <= now; most-- {
		t.dropFirst()
	}
}

func (t *table) dropFirst() {
	e := t.idle[0]
	t.remove(0)
	t.drop(e)
}

func (t *table) drop(e *entry) {
	delete(t.known, e.key)
	if len(t.free) < maxFree {
		t.free = append(t.free, e)
	}
}

func (t *table) make() *entry {
	last := len(t.free) - 1
	if last < 0 {
		return &entry{}
	}
	e := t.free[last]
	t.free = t.free[:last]
	*e = entry{}
	return e
}

// remove takes an entry out of the heap. container/heap would do the same with an allocation for each entry that comes.
func (t *table) remove(place int) {
	last := len(t.idle) - 1
	moved := t.idle[last]
	t.idle[last] = nil
	t.idle = t.idle[:last]
	if place == last {
		return
	}
	t.put(moved, place)
	t.sink(place)
	t.rise(moved.place)
}

func (t *table) put(e *entry, place int) {
	t.idle[place] = e
	e.place = place
}

func (t *table) rise(place int) {
	e := t.idle[place]
	for place > 0 {
		above := (place - 1) / 2
		if t.idle[above].tat <= e.tat {
			break
		}
		t.put(t.idle[above], place)
		place = above
	}
	t.put(e, place)
}

func (t *table) sink(place int) {
	e := t.idle[place]
	for {
		below := 2*place + 1
		if below >= len(t.idle) {
			break
		}
		if below+1 < len(t.idle) && t.idle[below+1].tat < t.idle[below].tat {
			below++
		}
		if e.tat <= t.idle[below].tat {
			break
		}
		t.put(t.idle[below], place)
		place = below
	}
	t.put(e, place)
}
