package fileacct

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// file is what the appender needs of an *os.File that was opened for appending.
type file interface {
	io.WriteCloser
	io.ReaderAt
	Stat() (fs.FileInfo, error)
	Size() (int64, error) // Stat without garbage
	Truncate(size int64) error
	Sync() error
	// TryLock takes the lock that all who write to the file share, in this program and in others, unless somebody has it.
	TryLock() (bool, error)
	Unlock() error
}

// disk is a file as the system gives it.
type disk struct {
	*os.File
	fd int // once it was needed, else -1: a pipe is left alone by asking for it
}

// number is the file's descriptor.
func (d *disk) number() int {
	if d.fd < 0 {
		d.fd = int(d.Fd())
	}
	return d.fd
}

// Size is the length of the file at this moment.
func (d *disk) Size() (int64, error) {
	var st syscall.Stat_t
	if err := syscall.Fstat(d.number(), &st); err != nil {
		return 0, d.wrap("looking at", err)
	}
	return st.Size, nil
}

// TryLock is flock(2), whose owner is the opening of the file: two appenders of one program exclude each other, too.
func (d *disk) TryLock() (bool, error) {
	err := d.flock(syscall.LOCK_EX | syscall.LOCK_NB)
	if err == syscall.EWOULDBLOCK {
		return false, nil
	}
	return err == nil, d.wrap("locking", err)
}

// Unlock gives the lock back.
func (d *disk) Unlock() error { return d.wrap("unlocking", d.flock(syscall.LOCK_UN)) }

func (d *disk) flock(how int) error {
	for {
		err := syscall.Flock(d.number(), how)
		if errors.Is(err, errors.ErrUnsupported) {
			return nil // a file system without locks: writers of other programs are not seen
		}
		if err != syscall.EINTR {
			return err
		}
	}
}

func (d *disk) wrap(op string, err error) error {
	if err == nil {
		return nil
	}
	return &os.PathError{Op: op, Path: d.Name(), Err: err}
}

// lock waits for the file's lock until ctx ends.
func lock(ctx context.Context, f file) error {
	for wait := 50 * time.Microsecond; ; wait = min(2*wait, 10*time.Millisecond) {
		if locked, err := f.TryLock(); locked || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("another program has locked the file: %w", ctx.Err())
		case <-time.After(wait):
		}
	}
}

// device is a pipe or device, which knows no fsync, and where nothing is taken back.
type device struct{ file }

func (device) Sync() error            { return nil }
func (device) TryLock() (bool, error) { return true, nil }
func (device) Unlock() error          { return nil }

// openFile opens path for appending. A file that it creates gets mode 0600, as GnuGk's, and its name is forced to the
// disk at once.
func openFile(path string) (file, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND, 0)
	if errors.Is(err, fs.ErrNotExist) {
		if f, err = os.OpenFile(path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600); err == nil {
			err = syncDir(filepath.Dir(path))
		}
	}
	if err != nil {
		if f != nil {
			f.Close()
		}
		return nil, err
	}
	return &disk{f, -1}, nil
}

// openWritten opens a file that was written before.
func openWritten(path string) (file, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		f, err = os.Open(path) // an archive: it can be looked at
	}
	if err != nil {
		return nil, err
	}
	return &disk{f, -1}, nil
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

// endsInsideLine tells whether the last byte of f is something else than a line feed.
func endsInsideLine(f file, size int64) (bool, error) {
	if size == 0 {
		return false, nil
	}
	var last [1]byte
	if _, err := f.ReadAt(last[:], size-1); err != nil {
		return false, err
	}
	return last[0] != '\n', nil
}
