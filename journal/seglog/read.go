package seglog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
)

// ErrNotSound is told of a record whose bytes are not what was appended, or of a position at which no record is.
var ErrNotSound = errors.New("no sound record")

// Read reads a record that was appended, written yet or not, into dst, which grows as needed, and returns it.
func (l *Log) Read(p Position, dst []byte) ([]byte, error) {
	f, p, record, err := l.locate(p, dst[:0])
	if err != nil || f == nil {
		return record, err
	}
	dst = slices.Grow(dst[:0], frameSize+int(p.Length))[:frameSize+int(p.Length)]
	if _, err := f.ReadAt(dst, int64(p.Offset)-frameSize); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("seglog: reading segment %s at %d: %w", segmentName(p.Segment), p.Offset, err)
	}
	word, payload := binary.LittleEndian.Uint32(dst), dst[frameSize:]
	if word != frameWord(typeData, int(p.Length)) ||
		binary.LittleEndian.Uint32(dst[4:]) != recordCRC(new([16]byte), p.Segment, int64(p.Offset), word, payload) {
		return nil, fmt.Errorf("seglog: reading segment %s at %d: %w", segmentName(p.Segment), p.Offset, ErrNotSound)
	}
	return dst[:copy(dst, payload)], nil
}

// locate finds a record in memory, and copies it then, or gives the file that it is in and its place there.
func (l *Log) locate(p Position, dst []byte) (File, Position, []byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if to, moved := l.forward[p]; moved {
		p = to
	}
	for _, g := range append(l.held[:len(l.held):len(l.held)], l.writing, l.cur) {
		if g == nil {
			continue
		}
		if record, found := g.find(p); found {
			return nil, p, append(dst, record...), nil
		}
	}
	s := l.find(p.Segment)
	if s == nil || p.Length > MaxRecord || p.Offset < dataStart {
		return nil, p, nil, fmt.Errorf("seglog: segment %s at %d: %w", segmentName(p.Segment), p.Offset, ErrNotSound)
	}
	if s.file == nil && s.old {
		f, err := l.fs.Open(l.path(segmentName(s.number)))
		if err != nil {
			return nil, p, nil, fmt.Errorf("seglog: opening segment %s: %w", segmentName(s.number), err)
		}
		s.file = f
	}
	if s.file == nil {
		return nil, p, nil, fmt.Errorf("seglog: segment %s at %d: %w", segmentName(p.Segment), p.Offset, ErrNotSound)
	}
	return s.file, p, nil, nil
}
