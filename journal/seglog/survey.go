package seglog

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// found is a segment in a directory that is being read.
type found struct {
	number   uint64
	path     string
	size     int64
	sound    bool  // its header
	declared int64 // the size that the header gives
	created  time.Time
	start    *mark // the end of the log before it, if its first record is sound
	limit    int64 // the end of what is valid in it; -1 if no later segment says
	void     bool  // a later segment says so

	end     int64 // behind its last sound record; 0 if there is none
	records int
	empty   bool // nothing is behind the header
	dirty   bool // a damage could not be copied to quarantine
}

// surveyor looks at a directory before anything in it is touched.
type surveyor struct {
	fs   FS
	dir  string
	kind *string // nil: any
	w    window
}

// survey lists the segments, oldest first, and the leftovers of segments in the making. A segment of another version or
// kind is an error.
func (s *surveyor) survey() (segments []*found, leftovers []string, err error) {
	names, err := s.fs.List(s.dir)
	if err != nil {
		return nil, nil, fmt.Errorf("seglog: listing %s: %w", s.dir, err)
	}
	for _, name := range names {
		path := filepath.Join(s.dir, name)
		if strings.HasSuffix(name, segmentSuffix+tempSuffix) {
			leftovers = append(leftovers, path)
		}
		number, ok := parseName(name)
		if !ok {
			continue
		}
		f := &found{number: number, path: path, limit: -1}
		if err := s.look(f); errors.Is(err, fs.ErrNotExist) {
			continue // removed meanwhile, beside a running daemon
		} else if err != nil {
			return nil, nil, err
		}
		segments = append(segments, f)
	}
	slices.SortFunc(segments, func(a, b *found) int { return compare(a.number, b.number) })
	return segments, leftovers, nil
}

func compare(a, b uint64) int {
	if a < b {
		return -1
	}
	return 1
}

// look reads the header and the first record of a segment.
func (s *surveyor) look(f *found) error {
	file, err := s.fs.Open(f.path)
	if err != nil {
		return fmt.Errorf("seglog: opening %s: %w", f.path, err)
	}
	defer file.Close()
	if f.size, err = file.Size(); err != nil {
		return fmt.Errorf("seglog: %s: %w", f.path, err)
	}
	s.w.open(file, min(f.size, maxSegment))
	h, sound := decodeHeader(s.w.at(0, headerSize))
	switch {
	case !sound:
	case h.version != version:
		return fmt.Errorf("seglog: %s has format version %d, this program knows version %d", f.path, h.version, version)
	case s.kind != nil && h.kind != *s.kind:
		return fmt.Errorf("seglog: %s is of kind %q, not %q", f.path, h.kind, *s.kind)
	default:
		f.sound, f.created, f.declared = h.number == f.number, h.created, min(h.size, maxSegment)
	}
	if r, ok := s.w.record(f.number, headerSize, f.size); ok && r.kind == typeStart {
		if before, ok := decodeStart(r.payload); ok && before.segment < f.number {
			f.start = &before
		}
	}
	return nil
}

// limits finds what is valid of each segment, from what the later ones say, and which segments are missing.
func limits(segments []*found) (missing []uint64) {
	var before *mark
	for i := len(segments) - 1; i >= 0; i-- {
		f := segments[i]
		if before != nil {
			if f.number > before.segment {
				f.void = true
				continue
			}
			if f.number < before.segment {
				missing = append(missing, before.segment)
			} else {
				f.limit = before.offset
			}
		}
		before = f.start
	}
	slices.Reverse(missing)
	return missing
}
