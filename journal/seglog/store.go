package seglog

import (
	"fmt"
	"io"

	"tollgate/crashpoint"
)

// store writes a group and, if asked, syncs it and all that was written before.
//
// Of a group that was laid out again the very first record comes last: it voids what the failed segment may hold, which
// must not happen before all of it is on the disk a second time.
func (l *Log) store(g *group, sync bool) error {
	for i, c := range g.chunks {
		if i > 0 && sync {
			if err := l.syncDirty(); err != nil {
				return err
			}
		}
		if g.moved && i == 0 {
			c.start, c.offset = c.start+startSize, c.offset+startSize
		}
		if err := l.write(g, c); err != nil {
			return err
		}
	}
	if sync {
		if err := l.syncDirty(); err != nil {
			return err
		}
	}
	if !g.moved {
		return nil
	}
	c := g.chunks[0]
	c.end = c.start + startSize
	if err := l.write(g, c); err != nil || !sync {
		return err
	}
	return l.syncDirty()
}

func (l *Log) write(g *group, c chunk) error {
	s, err := l.writable(c.segment)
	if err != nil {
		return err
	}
	if n := len(l.dirty); n == 0 || l.dirty[n-1] != s {
		l.dirty = append(l.dirty, s)
	}
	crashpoint.Hit("seglog.write.before")
	n, err := s.file.WriteAt(g.buf[c.start:c.end], c.offset)
	if err == nil && n < c.end-c.start {
		err = io.ErrShortWrite
	}
	crashpoint.Hit("seglog.write.after")
	if err != nil {
		return fmt.Errorf("writing segment %s: %w", segmentName(s.number), err)
	}
	return nil
}

// syncDirty syncs the segments that were written to since the last time.
func (l *Log) syncDirty() error {
	for _, s := range l.dirty {
		if !l.has(s) { // removed, and closed
			continue
		}
		crashpoint.Hit("seglog.sync.before")
		if err := s.file.Sync(); err != nil {
			return fmt.Errorf("syncing segment %s: %w", segmentName(s.number), err)
		}
		l.syncs.Add(1)
		crashpoint.Hit("seglog.sync.after")
	}
	clear(l.dirty)
	l.dirty = l.dirty[:0]
	return nil
}

func (l *Log) has(s *segment) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.find(s.number) == s
}

// writable is the segment of a number once its file is there.
func (l *Log) writable(number uint64) (*segment, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.find(number)
	if s == nil {
		return nil, fmt.Errorf("segment %s is not in the log", segmentName(number))
	}
	for s.file == nil {
		if err := l.awaitSegment(); err != nil && s.file == nil {
			return nil, err
		}
	}
	return s, nil
}

// find gives the segment of a number, or nil. The caller holds mu.
func (l *Log) find(number uint64) *segment {
	for i := len(l.segments) - 1; i >= 0 && l.segments[i].number >= number; i-- {
		if l.segments[i].number == number {
			return l.segments[i]
		}
	}
	return nil
}
