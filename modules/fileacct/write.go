package fileacct

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"go.uber.org/zap"

	"tollgate/crashpoint"
)

// errMoved says that a line cannot stand where it was to stand: the file was exchanged or cut shorter meanwhile.
var errMoved = errors.New("the file was exchanged meanwhile")

// place is where a line will stand: in that file, at the offset or behind it.
type place struct {
	info   fs.FileInfo
	offset int64
}

// place is one for the next line. ok is false for a pipe or device, where nothing can be found again.
func (a *appender) place() (at place, ok bool, err error) {
	if err := a.ready(); err != nil {
		return place{}, false, err
	}
	defer a.mu.Unlock()
	at = place{info: a.info, offset: a.size}
	if a.left >= 0 {
		at.offset = a.left
	}
	return at, a.info.Mode().IsRegular(), nil
}

// write puts one line into the file in one system call, or nothing, and tells where. The lock of the file is held from
// the look at its end to the cut, so that what is cut is our own line. The caller holds mu.
func (a *appender) write(ctx context.Context, buf []byte, at *place) (offset int64, err error) {
	if _, is := a.file.(device); is {
		_, err := a.file.Write(buf[1:])
		return 0, err
	}
	if err := lock(ctx, a.file); err != nil {
		return 0, err
	}
	defer a.unlock()
	if err := a.look(); err != nil {
		return 0, err
	}
	if at != nil && (at.offset > a.size || !os.SameFile(at.info, a.info)) {
		return 0, errMoved
	}
	if !a.torn {
		buf = buf[1:]
	}
	crashpoint.Hit("fileacct.write.before")
	offset = a.size
	n, err := a.file.Write(buf)
	crashpoint.Hit("fileacct.write.after")
	if err == nil {
		a.size += int64(n)
		a.torn = false
		a.dirty = true
		return offset, nil
	}
	if n > 0 && !a.cut(offset, offset+int64(n)) {
		a.torn, a.left, a.size = true, offset, offset+int64(n)
	}
	return 0, err
}

func (a *appender) unlock() {
	if err := a.file.Unlock(); err != nil {
		a.log.Error("giving back the lock of the CDR file", zap.String("file", a.path), zap.Error(err))
	}
}

// look learns how the file ends: somebody else may have written to it, or truncated it. A part of a line of ours that
// could not be cut is tried again. The caller holds mu and the file's lock.
func (a *appender) look() error {
	size, err := a.file.Size()
	if err != nil {
		return err
	}
	if size == a.size && !a.torn {
		return nil
	}
	if size != a.size {
		a.foreign++
	} else if a.left >= 0 && a.file.Truncate(a.left) == nil {
		size = a.left
	}
	torn, err := endsInsideLine(a.file, size)
	if err != nil {
		return err
	}
	a.size, a.torn, a.left = size, torn, -1
	return nil
}

// cut shortens the file to the length to, if its length is still what we believe. The caller holds mu and the file's
// lock.
func (a *appender) cut(to, believed int64) bool {
	size, err := a.file.Size()
	if err != nil || size != believed {
		return false
	}
	if err := a.file.Truncate(to); err != nil {
		a.log.Error("cutting an unfinished line", zap.String("file", a.path), zap.Error(err))
		return false
	}
	a.size = to
	return true
}
