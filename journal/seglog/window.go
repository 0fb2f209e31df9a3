package seglog

import (
	"encoding/binary"
	"errors"
	"io"
	"slices"
)

const (
	windowSize = 1 << 20 // read at once, more only for a record that is larger
	diskBlock  = 4096    // read at once where a larger read fails
)

// window reads a segment from front to back in large pieces. Bytes that the disk does not give are zeros.
type window struct {
	file    File
	size    int64 // of the file
	data    int64 // from here to the end of the file all is zero
	buf     []byte
	start   int64 // of buf in the file
	lost    []Damage
	scratch [16]byte
}

// open turns the window to another file.
func (w *window) open(f File, size int64) {
	w.file, w.size, w.data, w.start, w.buf, w.lost = f, size, size, 0, w.buf[:0], nil
	if ender, ok := f.(interface{ DataEnd(size int64) int64 }); ok { // most of a prepared segment need not be read
		w.data = min(ender.DataEnd(size), size)
	}
}

// at gives n bytes at an offset, fewer at the end of the file. They are valid until the next call.
func (w *window) at(offset int64, n int) []byte {
	if offset < w.start || offset+int64(n) > w.start+int64(len(w.buf)) {
		w.fill(offset, max(n, windowSize))
	}
	b := w.buf[min(int64(len(w.buf)), offset-w.start):]
	return b[:min(n, len(b))]
}

func (w *window) fill(offset int64, n int) {
	n = int(max(0, min(int64(n), w.size-offset)))
	w.start = offset
	w.buf = slices.Grow(w.buf[:0], n)[:n]
	read, err := w.file.ReadAt(w.buf, offset)
	if read == n {
		return
	}
	if err == nil || errors.Is(err, io.EOF) {
		w.buf = w.buf[:read] // the file has become shorter
		return
	}
	for at := 0; at < n; at += diskBlock {
		block := w.buf[at:min(at+diskBlock, n)]
		if _, err := w.file.ReadAt(block, offset+int64(at)); err != nil && !errors.Is(err, io.EOF) {
			clear(block)
			w.lose(Damage{Offset: offset + int64(at), Length: int64(len(block)), Err: err})
		}
	}
}

// lose notes a block that cannot be read, once.
func (w *window) lose(d Damage) {
	for _, known := range w.lost {
		if known.Offset == d.Offset {
			return
		}
	}
	w.lost = append(w.lost, d)
}

// record is a sound record at an offset of a segment.
type record struct {
	kind    byte
	payload []byte
}

// plausible gives type and length of what may be a record at offset and ends by limit.
func (w *window) plausible(offset, limit int64) (kind byte, n int, ok bool) {
	b := w.at(offset, frameSize)
	if len(b) < frameSize {
		return 0, 0, false
	}
	word := binary.LittleEndian.Uint32(b)
	kind, n = byte(word>>24), int(word&0xffffff)
	return kind, n, (kind == typeData || kind == typeStart) && n <= MaxRecord && offset+frameSize+int64(n) <= min(limit, w.size)
}

// record gives the record at offset, if there is a sound one that ends by limit.
func (w *window) record(segment uint64, offset, limit int64) (record, bool) {
	kind, n, ok := w.plausible(offset, limit)
	if !ok {
		return record{}, false
	}
	b := w.at(offset, frameSize+n)
	if len(b) < frameSize+n {
		return record{}, false
	}
	payload := b[frameSize:]
	sum := recordCRC(&w.scratch, segment, offset+frameSize, frameWord(kind, n), payload)
	return record{kind, payload}, sum == binary.LittleEndian.Uint32(b[4:])
}

// lastNonZero is the offset behind the last byte of [from, to) that is not zero; from if there is none.
func (w *window) lastNonZero(from, to int64) int64 {
	last := from
	to = min(to, w.data)
	for at := from; at < to; {
		b := w.at(at, int(min(windowSize, to-at)))
		if len(b) == 0 {
			break
		}
		for i := len(b); i > 0; i-- {
			if b[i-1] != 0 {
				last = at + int64(i)
				break
			}
		}
		at += int64(len(b))
	}
	return last
}
