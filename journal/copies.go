package journal

import "slices"

// copySet is the list of the instances that an event is kept for. It never changes: a backlog of a million events for one
// instance has a million pointers to the same set.
type copySet struct{ copies []eventCopy }

// copySets gives the sets. Those that have nothing in quarantine are shared.
type copySets map[string]*copySet

func (s *copySet) list() []eventCopy {
	if s == nil {
		return nil
	}
	return s.copies
}

func (s *copySet) find(instance string) (eventCopy, bool) {
	for _, c := range s.list() {
		if c.instance == instance {
			return c, true
		}
	}
	return eventCopy{}, false
}

// of gives the set with these copies; nil for none.
func (sets copySets) of(copies []eventCopy) *copySet {
	if len(copies) == 0 {
		return nil
	}
	var key []byte
	for _, c := range copies {
		if c.aside {
			return &copySet{copies: slices.Clone(copies)}
		}
		key = append(append(key, c.instance...), 0)
	}
	if set := sets[string(key)]; set != nil {
		return set
	}
	set := &copySet{copies: slices.Clone(copies)}
	sets[string(key)] = set
	return set
}

// with gives the set in which c stands, in the place of the instance's copy if there is one.
func (sets copySets) with(s *copySet, c eventCopy) *copySet {
	copies := make([]eventCopy, 0, len(s.list())+1)
	found := false
	for _, old := range s.list() {
		if old.instance == c.instance {
			old, found = c, true
		}
		copies = append(copies, old)
	}
	if !found {
		copies = append(copies, c)
	}
	return sets.of(copies)
}

// adding gives the set in which all of these stand.
func (sets copySets) adding(s *copySet, copies []eventCopy) *copySet {
	for _, c := range copies {
		s = sets.with(s, c)
	}
	return s
}

// without gives the set without the instance's copy.
func (sets copySets) without(s *copySet, instance string) *copySet {
	copies := make([]eventCopy, 0, len(s.list()))
	for _, old := range s.list() {
		if old.instance != instance {
			copies = append(copies, old)
		}
	}
	return sets.of(copies)
}
