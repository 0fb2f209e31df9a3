package seglog

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// MaxRecord is the largest record in bytes. In a log with small segments half a segment is the limit.
const MaxRecord = 1 << 20

const (
	magic      = "TGSEGLOG"
	version    = 1
	headerSize = 64
	frameSize  = 8  // length, type and CRC before a payload
	startSize  = 24 // the first record of a segment
	dataStart  = headerSize + startSize
	minSegment = 4096
	maxSegment = 1 << 30

	typeData  = 1
	typeStart = 2

	segmentSuffix = ".seg"
	tempSuffix    = ".tmp"
)

// Position is where the payload of a record lies.
type Position struct {
	Segment uint64
	Offset  uint32 // of the payload in the segment
	Length  uint32 // of the payload
}

// mark is a place between two records: the end of the log at some moment.
type mark struct {
	segment uint64
	offset  int64
}

// Cost is the number of bytes that a record of n bytes takes in a segment.
func Cost(n int) int64 { return (int64(n) + frameSize + 7) &^ 7 }

func segmentName(number uint64) string { return fmt.Sprintf("%016x%s", number, segmentSuffix) }

func (l *Log) path(name string) string { return filepath.Join(l.o.Dir, name) }

// parseName gives the number of the segment that a file of this name holds.
func parseName(name string) (uint64, bool) {
	digits, found := strings.CutSuffix(name, segmentSuffix)
	if !found || len(digits) != 16 || strings.ToLower(digits) != digits {
		return 0, false
	}
	number, err := strconv.ParseUint(digits, 16, 64)
	return number, err == nil && number > 0
}

// header is what the first bytes of a segment say.
type header struct {
	version uint32
	kind    string
	number  uint64
	created time.Time
	size    int64
}

func (h header) encode() []byte {
	b := make([]byte, headerSize)
	copy(b, magic)
	binary.LittleEndian.PutUint32(b[8:], version)
	copy(b[16:24], h.kind)
	binary.LittleEndian.PutUint64(b[24:], h.number)
	binary.LittleEndian.PutUint64(b[32:], uint64(h.created.UnixNano()))
	binary.LittleEndian.PutUint64(b[40:], uint64(h.size))
	binary.LittleEndian.PutUint32(b[12:], headerCRC(b))
	return b
}

// decodeHeader tells whether b is a sound header, of whatever version.
func decodeHeader(b []byte) (header, bool) {
	if len(b) < headerSize || string(b[:8]) != magic || binary.LittleEndian.Uint32(b[12:]) != headerCRC(b) {
		return header{}, false
	}
	return header{
		version: binary.LittleEndian.Uint32(b[8:]),
		kind:    strings.TrimRight(string(b[16:24]), "\x00"),
		number:  binary.LittleEndian.Uint64(b[24:]),
		created: time.Unix(0, int64(binary.LittleEndian.Uint64(b[32:]))),
		size:    int64(binary.LittleEndian.Uint64(b[40:])),
	}, true
}

func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// headerCRC leaves out the field of the CRC itself.
func headerCRC(b []byte) uint32 {
	sum := crc32.Update(0, castagnoli(), b[:12])
	return crc32.Update(sum, castagnoli(), b[16:headerSize])
}

// recordCRC covers the place of a record as well, so that bytes that a disk or a copy has misplaced are not sound.
// place is memory that it may use.
func recordCRC(place *[16]byte, segment uint64, payloadOffset int64, word uint32, payload []byte) uint32 {
	binary.LittleEndian.PutUint64(place[:], segment)
	binary.LittleEndian.PutUint32(place[8:], uint32(payloadOffset))
	binary.LittleEndian.PutUint32(place[12:], word)
	return crc32.Update(crc32.Update(0, castagnoli(), place[:]), castagnoli(), payload)
}

func frameWord(kind byte, length int) uint32 { return uint32(kind)<<24 | uint32(length) }

// appendFrame adds the record at the offset of a segment to b.
func appendFrame(b []byte, place *[16]byte, at mark, kind byte, payload []byte) []byte {
	word := frameWord(kind, len(payload))
	b = binary.LittleEndian.AppendUint32(b, word)
	b = binary.LittleEndian.AppendUint32(b, recordCRC(place, at.segment, at.offset+frameSize, word, payload))
	b = append(b, payload...)
	var zeros [8]byte
	return append(b, zeros[:Cost(len(payload))-frameSize-int64(len(payload))]...)
}

func encodeStart(before mark) [16]byte {
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:], before.segment)
	binary.LittleEndian.PutUint32(b[8:], uint32(before.offset))
	return b
}

func decodeStart(payload []byte) (mark, bool) {
	if len(payload) != startSize-frameSize {
		return mark{}, false
	}
	return mark{binary.LittleEndian.Uint64(payload), int64(binary.LittleEndian.Uint32(payload[8:]))}, true
}
