package fileacct

import (
	"bytes"
	"io"
)

// searchStep is how much of a file is looked at in one piece.
const searchStep = 64 << 10

// search looks for a line from an offset to the end of a file. It may be run again when the file has grown.
type search struct {
	file   io.ReaderAt
	at     int64  // the first beginning of a line that is not ruled out
	inside bool   // at is in the middle of a line instead
	line   []byte // as it is made now
	length int    // as it was noted, if it was made in another way then
	sum    uint32
	torn   int64 // where a part of the line begins with which the file ends; -1 for none

	buf []byte
}

func newSearch(f io.ReaderAt, n *note, line []byte) *search {
	return &search{file: f, at: n.offset, line: line, length: n.length, sum: n.sum,
		buf: make([]byte, searchStep+max(len(line), n.length))}
}

// run goes to the end of the file. found tells that the whole line is there.
func (s *search) run() (found bool, err error) {
	s.torn = -1
	for {
		n, err := s.file.ReadAt(s.buf, s.at)
		if err != nil && err != io.EOF {
			return false, err
		}
		used, found := s.window(s.buf[:n], err == io.EOF)
		if found || err == io.EOF {
			s.at += int64(used)
			return found, nil
		}
		s.at += int64(used)
	}
}

// window looks at each line that begins in the window, which is the last one if it ends with the file. used tells how
// much of it is ruled out.
func (s *search) window(window []byte, last bool) (used int, found bool) {
	need := max(len(s.line), s.length)
	from := 0
	if s.inside {
		if from = bytes.IndexByte(window, '\n') + 1; from == 0 {
			return len(window), false
		}
		s.inside = false
	}
	for used = -1; ; {
		rest := window[from:]
		if len(rest) < need && used < 0 {
			used = from
		}
		if len(rest) < need && !last {
			return used, false
		}
		if s.is(rest) {
			return from, true
		}
		if last && s.torn < 0 && s.isPart(rest) {
			s.torn = s.at + int64(from)
		}
		next := bytes.IndexByte(rest, '\n') + 1
		if next == 0 && used < 0 {
			s.inside = true
			return len(window), false
		}
		if next == 0 {
			return used, false
		}
		from += next
	}
}

// is tells whether rest begins with the line, as it is made now or as it was noted.
func (s *search) is(rest []byte) bool {
	if bytes.HasPrefix(rest, s.line) {
		return true
	}
	return len(rest) >= s.length && rest[s.length-1] == '\n' && checksum(rest[:s.length]) == s.sum
}

// isPart tells whether rest, the end of the file, is a part of the line and no whole line of anything.
func (s *search) isPart(rest []byte) bool {
	return len(rest) > 0 && len(rest) < len(s.line) && rest[len(rest)-1] != '\n' && bytes.HasPrefix(s.line, rest)
}
