package cdr

import (
	"encoding/binary"
	"fmt"

	"tollgate/packed"
)

// The binary forms of this package are frames: a version byte, the length of the body in 4 bytes (little endian), the body.

const frameHead = 5

func openFrame(dst []byte, version byte) []byte { return append(dst, version, 0, 0, 0, 0) }

// closeFrame enters the length of the frame that begins at from and ends with dst.
func closeFrame(dst []byte, from int) []byte {
	binary.LittleEndian.PutUint32(dst[from+1:], uint32(len(dst)-from-frameHead))
	return dst
}

// unpacker reads the body of a frame.
type unpacker struct {
	packed.Reader
	version byte
}

// unpack opens the frame that src begins with, if it has a version from 1 to newest, and gives what follows it.
func unpack(src []byte, newest byte) (u unpacker, rest []byte) {
	if len(src) > 0 && (src[0] < 1 || src[0] > newest) {
		u.Fail(fmt.Errorf("unknown version %d, the newest known is %d", src[0], newest))
		return u, nil
	}
	if len(src) < frameHead {
		u.Fail(packed.ErrShort)
		return u, nil
	}
	n := uint64(binary.LittleEndian.Uint32(src[1:]))
	if n > uint64(len(src)-frameHead) {
		u.Fail(packed.ErrShort)
		return u, nil
	}
	end := frameHead + int(n)
	return unpacker{*packed.NewReader(src[frameHead:end]), src[0]}, src[end:]
}
