package fileacct

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io/fs"
	"syscall"
)

// note is what is written down before a line is: where it will stand and what it is.
type note struct {
	device, inode uint64
	offset        int64  // the line begins here or behind
	length        int    // with its line feed
	sum           uint32 // CRC-32C, with its line feed
	path          string // absolute
}

const (
	noteVersion = 1
	noteFixed   = 1 + 8 + 8 + 8 + 4 + 4
	// maxLine bounds what a look for a line takes of memory. No call makes a line of that length.
	maxLine = 4 << 20
)

var errNote = errors.New("the note is not of this version")

func checksum(line []byte) uint32 { return crc32.Checksum(line, crc32.MakeTable(crc32.Castagnoli)) }

func noteOf(at *place, path string, line []byte) note {
	n := note{offset: at.offset, length: len(line), sum: checksum(line), path: path}
	n.device, n.inode = identity(at.info)
	return n
}

// identity is how a file is told from another, whatever its name.
func identity(info fs.FileInfo) (device, inode uint64) {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(st.Dev), st.Ino
	}
	return 0, 0
}

func (n *note) append(dst []byte) []byte {
	dst = append(dst, noteVersion)
	dst = binary.BigEndian.AppendUint64(dst, n.device)
	dst = binary.BigEndian.AppendUint64(dst, n.inode)
	dst = binary.BigEndian.AppendUint64(dst, uint64(n.offset))
	dst = binary.BigEndian.AppendUint32(dst, uint32(n.length))
	dst = binary.BigEndian.AppendUint32(dst, n.sum)
	return append(dst, n.path...)
}

func parseNote(text []byte) (note, error) {
	if len(text) <= noteFixed || text[0] != noteVersion {
		return note{}, errNote
	}
	n := note{
		device: binary.BigEndian.Uint64(text[1:]),
		inode:  binary.BigEndian.Uint64(text[9:]),
		offset: int64(binary.BigEndian.Uint64(text[17:])),
		length: int(binary.BigEndian.Uint32(text[25:])),
		sum:    binary.BigEndian.Uint32(text[29:]),
		path:   string(text[noteFixed:]),
	}
	if n.offset < 0 || n.length == 0 || n.length > maxLine {
		return note{}, errNote
	}
	return n, nil
}
