package seglog

import (
	"encoding/binary"
	"time"
)

// group is what one commit writes: records in the order of their appending, encoded as they will lie in the file.
type group struct {
	buf     []byte
	scratch [16]byte
	chunks  []chunk // of buf; one for each segment that the group reaches into
	entries []entry
	from    []Position // where the caller knows each entry to be, if the group was laid out again
	moved   bool       // laid out again after a failure: its first segment voids what the failed one holds
	waiters int
	first   time.Time      // when its first record came
	flushes []chan<- error // told when all of it is durable
	force   bool           // it is to be synced whatever Sync says
	err     error          // of the commit
	handed  bool           // to the teller: its waiters are not to be told again
	held    bool           // its records may be needed again
	told    bool           // the teller is done with it
}

// entry is one record of a group.
type entry struct {
	at   Position
	done func(error)
}

// chunk is the part of a group that lies in one segment.
type chunk struct {
	segment    uint64
	offset     int64 // in the file
	start, end int   // in group.buf
}

func (g *group) empty() bool { return len(g.buf) == 0 }

// end is the end of the log once the group is written. The group must not be empty.
func (g *group) end() mark {
	c := g.chunks[len(g.chunks)-1]
	return mark{c.segment, c.offset + int64(c.end-c.start)}
}

// add encodes a record that will lie at the place given, which is the end of the one before or the begin of a segment.
func (g *group) add(at mark, kind byte, payload []byte) {
	start := len(g.buf)
	g.buf = appendFrame(g.buf, &g.scratch, at, kind, payload)
	if last := len(g.chunks) - 1; last >= 0 && g.chunks[last].segment == at.segment {
		g.chunks[last].end = len(g.buf)
		return
	}
	g.chunks = append(g.chunks, chunk{segment: at.segment, offset: at.offset, start: start, end: len(g.buf)})
}

// find gives the payload of the record at p, if the group holds it.
func (g *group) find(p Position) ([]byte, bool) {
	for _, c := range g.chunks {
		at := int64(p.Offset) - frameSize - c.offset
		end := at + frameSize + int64(p.Length)
		if c.segment != p.Segment || at < 0 || end > int64(c.end-c.start) {
			continue
		}
		frame := g.buf[c.start+int(at):]
		if binary.LittleEndian.Uint32(frame) != frameWord(typeData, int(p.Length)) {
			return nil, false
		}
		return frame[frameSize : frameSize+p.Length], true
	}
	return nil, false
}

// known is the position of the i-th entry as the caller knows it.
func (g *group) known(i int) Position {
	if g.from != nil {
		return g.from[i]
	}
	return g.entries[i].at
}

// maxIdleBuffer bounds what an idle group keeps for its next use.
const maxIdleBuffer = 4 << 20

// reset makes g an empty group that keeps its memory, if that is not much.
func (g *group) reset() {
	clear(g.entries)
	buf := g.buf[:0]
	if cap(buf) > maxIdleBuffer {
		buf = nil
	}
	*g = group{buf: buf, chunks: g.chunks[:0], entries: g.entries[:0]}
}

// fresh gives an empty group. The caller holds mu.
func (l *Log) fresh() *group {
	if n := len(l.idle); n > 0 {
		g := l.idle[n-1]
		l.idle = l.idle[:n-1]
		return g
	}
	return new(group)
}

// Bounds of what idle groups keep. With Sync=interval a fresh one is taken for each commit until the next sync gives them all
// back, and their buffers would be most of the garbage of a call.
const (
	maxIdle      = 64
	maxIdleBytes = 8 << 20
)

// release keeps g for later use once nobody needs it any more. The caller holds mu.
func (l *Log) release(g *group) {
	if g.held || !g.told || len(l.idle) >= maxIdle {
		return
	}
	kept := 0
	for _, idle := range l.idle {
		kept += cap(idle.buf)
	}
	if kept+cap(g.buf) > maxIdleBytes {
		return
	}
	g.reset()
	l.idle = append(l.idle, g)
}
