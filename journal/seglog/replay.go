package seglog

import (
	"errors"
	"fmt"
	"io/fs"
)

// Damage is a stretch of a segment that holds no sound record.
type Damage struct {
	Segment        uint64
	Offset, Length int64
	File           string // its copy in quarantine; "" if there is none
	Err            error  // why it could not be read or copied
}

// Report is what was found in a directory.
type Report struct {
	Segments int      // that hold records
	Records  int64    // sound ones
	Bytes    int64    // of their payloads
	Torn     []Damage // at the end of the newest segments: what a crash has left of records that nobody was told of
	Corrupt  []Damage // elsewhere: records may be lost
	Missing  []uint64 // segments that later ones know of
	Leftover int      // files of unfinished segments, void and empty segments that were removed
}

// Scan reads a directory's records without locking or changing anything, also beside the process that appends to it; then
// a record that is being written may show as torn.
func Scan(fsys FS, dir string, visit func(p Position, record []byte) error) (Report, error) {
	if fsys == nil {
		fsys = OS{}
	}
	s := surveyor{fs: fsys, dir: dir}
	segments, _, err := s.survey()
	if err != nil {
		return Report{}, err
	}
	r := replayer{fs: fsys, visit: visit, keep: func(*found, *Damage) {}}
	r.report.Missing = limits(segments)
	return r.report, r.all(segments)
}

// replayer visits the records of segments, one after the other.
type replayer struct {
	fs     FS
	visit  func(p Position, record []byte) error
	keep   func(f *found, d *Damage) // copies the damage to quarantine
	report Report
	w      window
	work   int64 // bytes that the search may still check in the segment
}

func (r *replayer) all(segments []*found) error {
	for _, f := range segments {
		if f.void {
			continue
		}
		if err := r.open(f); errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return err
		}
		if f.records > 0 {
			r.report.Segments++
		}
	}
	return nil
}

func (r *replayer) open(f *found) error {
	file, err := r.fs.Open(f.path)
	if err != nil {
		return fmt.Errorf("seglog: opening %s: %w", f.path, err)
	}
	defer file.Close()
	r.w.open(file, min(f.size, maxSegment))
	r.work = searchWork
	if err := r.segment(f); err != nil {
		return err
	}
	for _, d := range r.w.lost {
		d.Segment = f.number
		r.report.Corrupt = append(r.report.Corrupt, d)
	}
	return nil
}

// segment visits the sound records of a segment and reports what lies between and behind them.
func (r *replayer) segment(f *found) error {
	limit := min(f.size, maxSegment)
	if f.limit >= 0 {
		limit = min(limit, f.limit)
	}
	if !f.sound {
		r.damaged(f, 0, min(headerSize, f.size), &r.report.Corrupt)
	}
	limit = min(limit, r.w.data)
	for at := int64(headerSize); at < limit; {
		rec, ok := r.w.record(f.number, at, limit)
		if !ok {
			next := r.search(f, at+8, limit)
			if next < 0 {
				break
			}
			r.damaged(f, at, next, &r.report.Corrupt)
			at = next
			continue
		}
		n := len(rec.payload)
		if err := r.take(f, at, rec); err != nil {
			return err
		}
		at += Cost(n)
		f.end = at
	}
	r.behind(f)
	return nil
}

func (r *replayer) take(f *found, at int64, rec record) error {
	if rec.kind != typeData {
		return nil
	}
	f.records++
	r.report.Records++
	r.report.Bytes += int64(len(rec.payload))
	p := Position{Segment: f.number, Offset: uint32(at + frameSize), Length: uint32(len(rec.payload))}
	return r.visit(p, rec.payload)
}

// behind reports what is wrong behind the last sound record of a segment: there the next segment begins, or all is zero.
func (r *replayer) behind(f *found) {
	at := max(f.end, headerSize)
	if f.limit >= 0 {
		if at < f.limit {
			r.damaged(f, at, f.limit, &r.report.Corrupt)
		}
		return
	}
	last := r.w.lastNonZero(at, r.w.size)
	if last > at {
		r.damaged(f, at, last, &r.report.Torn)
	}
	if f.size < f.declared {
		r.damaged(f, max(last, f.size), f.declared, &r.report.Torn)
	}
	f.empty = f.end == 0 && last == at && f.size >= f.declared
}

func (r *replayer) damaged(f *found, from, to int64, list *[]Damage) {
	d := Damage{Segment: f.number, Offset: from, Length: to - from}
	r.keep(f, &d)
	*list = append(*list, d)
}

const (
	searchWork  = 4 << 30  // bytes of large records that a search may check in one segment
	searchSmall = 64 << 10 // what is no large record
)

// search gives the offset of the next sound record from an offset on, at steps of 8 bytes; -1 if there is none. It does
// not go by the length of the record that is not sound: that may be what is wrong, and would lead past sound ones. What
// looks like many overlapping large records, which no accident makes, is not checked without end.
func (r *replayer) search(f *found, from, limit int64) int64 {
	for at := from; at+frameSize <= limit; at += 8 {
		_, n, ok := r.w.plausible(at, limit)
		if !ok || n > searchSmall && r.work <= 0 {
			continue
		}
		r.work -= int64(n)
		if _, ok := r.w.record(f.number, at, limit); ok {
			return at
		}
	}
	return -1
}
