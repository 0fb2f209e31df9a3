package seglog

// layAgain lays everything that is not durable out again, in its order, in a new segment: what earlier commits have left,
// the group g, and what came meanwhile. It leaves the segments behind that could not be written or synced.
func (l *Log) layAgain(g *group) *group {
	l.mu.Lock()
	defer l.mu.Unlock()
	groups := append(append([]*group(nil), l.held...), g, l.cur)
	l.leave()
	l.buffered, l.pending = 0, 0
	l.last = l.trusted
	l.cur = &group{moved: true, from: []Position{}}
	l.begin()
	for _, old := range groups {
		l.again(old)
	}
	moved := l.cur
	l.cur, l.writing = l.fresh(), moved
	for _, old := range groups {
		old.held = false
		if !old.handed {
			old.told = true // nobody else will be
		}
		l.release(old)
	}
	clear(l.held)
	l.held, l.heldBytes = l.held[:0], 0
	return moved
}

// again lays the records of a group out at the end of the log. The caller holds mu.
func (l *Log) again(old *group) {
	l.cur.flushes = append(l.cur.flushes, old.flushesLeft()...)
	for i, e := range old.entries {
		record, _ := old.find(e.at)
		if old.handed {
			e.done = nil
		}
		from := old.known(i)
		to := l.place(record, e.done)
		l.cur.from = append(l.cur.from, from)
		l.forward[from] = to
	}
}

// flushesLeft are those who wait for the group and were not told.
func (g *group) flushesLeft() []chan<- error {
	if g.handed {
		return nil
	}
	return g.flushes
}

// leave takes the segments that hold nothing durable out of the log and closes the last good one. The caller holds mu.
func (l *Log) leave() {
	n := len(l.segments)
	for n > 0 && l.segments[n-1].number > l.trusted.segment {
		n--
		if l.segments[n].file != nil {
			l.void = append(l.void, l.segments[n])
		}
	}
	clear(l.segments[n:])
	l.segments = l.segments[:n]
	if n > 0 && l.segments[n-1].number == l.trusted.segment {
		l.segments[n-1].used = l.trusted.offset
	}
	clear(l.dirty)
	l.dirty = l.dirty[:0]
	if len(l.void) > 0 {
		l.wakePreparer()
	}
}
