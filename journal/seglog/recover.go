package seglog

import (
	"errors"
	"fmt"
	"path/filepath"

	"go.uber.org/zap"
)

// recover reads what former runs have left and makes the log ready to go on behind it.
func (l *Log) recover(visit func(p Position, record []byte) error) (Report, error) {
	s := surveyor{fs: l.fs, dir: l.o.Dir, kind: &l.o.Kind}
	segments, leftovers, err := s.survey()
	if err != nil {
		return Report{}, err
	}
	r := replayer{fs: l.fs, visit: visit, keep: l.quarantine}
	r.report.Missing = limits(segments)
	if err := r.all(segments); err != nil {
		return r.report, err
	}
	useless := l.adopt(segments)
	for _, path := range append(leftovers, useless...) {
		if err := l.fs.Remove(path); err != nil {
			l.o.Log.Warn("seglog: removing leftover", zap.String("file", path), zap.Error(err))
			continue
		}
		r.report.Leftover++
	}
	l.logReport(r.report)
	return r.report, nil
}

// adopt takes over the segments that hold records and the spare ones that are as new, and names the files that are of no
// use: void and empty segments.
func (l *Log) adopt(segments []*found) (useless []string) {
	for _, f := range segments {
		switch {
		case f.void || f.records == 0 && !f.dirty && !(f.empty && f.sound):
			useless = append(useless, f.path)
		case f.records > 0 || f.dirty:
			l.segments = append(l.segments, &segment{number: f.number, created: f.created, used: max(f.end, headerSize), old: true})
			l.trusted = mark{f.number, max(f.end, headerSize)}
		}
		if !f.empty {
			l.tail.segment = f.number
		}
	}
	for _, f := range segments {
		if !f.empty || f.void || !f.sound {
			continue
		}
		if !l.reuse(f) {
			useless = append(useless, f.path)
		}
	}
	l.last, l.writtenTo = l.trusted, l.trusted
	l.tail.offset = l.o.SegmentSize
	return useless
}

// reuse makes a spare segment of a former run one of this, if it is the next in the row and of the right size.
func (l *Log) reuse(f *found) bool {
	if f.number != l.tail.segment+uint64(len(l.spares))+1 || f.size != l.o.SegmentSize {
		return false
	}
	file, err := l.fs.Reopen(f.path)
	if err != nil {
		return false
	}
	l.spares = append(l.spares, &segment{number: f.number, created: f.created, used: headerSize, file: file})
	return true
}

// quarantine copies a damage, without the zeros at its end, to a file of its own. A damage that cannot be copied stays where
// it is: its segment is not removed.
func (l *Log) quarantine(f *found, d *Damage) {
	file, err := l.copyDamage(f, *d)
	if err != nil {
		f.dirty = true
		d.Err = fmt.Errorf("seglog: copying %d bytes at %d of %s to quarantine: %w", d.Length, d.Offset, f.path, err)
		return
	}
	d.File = file
}

func (l *Log) copyDamage(f *found, d Damage) (string, error) {
	in, err := l.fs.Open(f.path)
	if err != nil {
		return "", err
	}
	defer in.Close()
	var w window
	w.open(in, min(f.size, maxSegment))
	end := w.lastNonZero(d.Offset, d.Offset+d.Length)
	if end == d.Offset {
		return "", nil
	}
	dir := l.path("quarantine")
	if err := l.fs.MkdirAll(dir); err != nil {
		return "", err
	}
	path := filepath.Join(dir, fmt.Sprintf("%016x-%08x.bin", f.number, d.Offset))
	if l.sameSize(path, end-d.Offset) {
		return path, nil // copied by a former run
	}
	out, err := l.fs.Create(path)
	if err != nil {
		return "", err
	}
	err = copyRange(out, &w, d.Offset, end)
	if err == nil {
		err = out.Sync()
	}
	return path, errors.Join(err, out.Close(), l.fs.SyncDir(dir))
}

func copyRange(out File, w *window, from, to int64) error {
	for at := from; at < to; {
		b := w.at(at, int(min(windowSize, to-at)))
		if len(b) == 0 {
			return nil
		}
		if _, err := out.WriteAt(b, at-from); err != nil {
			return err
		}
		at += int64(len(b))
	}
	return nil
}

func (l *Log) sameSize(path string, size int64) bool {
	f, err := l.fs.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	n, err := f.Size()
	return err == nil && n == size
}

func (l *Log) logReport(r Report) {
	log := l.o.Log.With(zap.String("dir", l.o.Dir))
	for _, d := range r.Torn {
		log.Warn("seglog: torn tail", damageFields(d)...)
	}
	for _, d := range r.Corrupt {
		log.Error("seglog: damage, records may be lost", damageFields(d)...)
	}
	for _, number := range r.Missing {
		log.Error("seglog: segment is missing", zap.String("segment", segmentName(number)))
	}
}

func damageFields(d Damage) []zap.Field {
	return []zap.Field{zap.String("segment", segmentName(d.Segment)), zap.Int64("offset", d.Offset),
		zap.Int64("length", d.Length), zap.String("copy", d.File), zap.Error(d.Err)}
}
