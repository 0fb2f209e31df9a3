package seglog

// tellLoop tells the waiters of each group, in order, while the next is being written.
func (l *Log) tellLoop() {
	defer l.loops.Done()
	for g := range l.tell {
		l.tellGroup(g)
		l.mu.Lock()
		g.told = true
		l.release(g)
		l.mu.Unlock()
	}
}

func (l *Log) tellGroup(g *group) {
	if g.err == nil && l.o.Moved != nil {
		for i, from := range g.from {
			l.o.Moved(from, g.entries[i].at)
		}
	}
	for _, e := range g.entries {
		if e.done != nil {
			e.done(g.err)
		}
	}
	for _, f := range g.flushes {
		f <- g.err
	}
}
