package faultfs

import (
	"io"
	"io/fs"
	"maps"
	"slices"
	"syscall"
)

// sector is what a disk writes whole or not at all.
const sector = 512

// inode is a file, whatever its name.
type inode struct {
	data       []byte           // what is seen
	unsynced   map[int64][]byte // by number of the sector: what the disk has instead
	lost       map[int64][]byte // the same, for what a failed fsync has left: no later fsync writes it
	syncedSize int
}

// change notes that the bytes [from, to) are about to change.
func (n *inode) change(from, to int64) {
	for s := from / sector; s*sector < to; s++ {
		if _, known := n.unsynced[s]; known {
			continue
		}
		old, lost := n.lost[s]
		if !lost {
			old = slices.Clone(n.data[min(s*sector, int64(len(n.data))):min((s+1)*sector, int64(len(n.data)))])
		}
		delete(n.lost, s)
		n.unsynced[s] = old
	}
}

func (n *inode) grow(size int64) {
	if size > int64(len(n.data)) {
		n.data = append(n.data, make([]byte, size-int64(len(n.data)))...)
	}
}

// sync makes all of it durable, or, if only half of it, every second sector.
func (n *inode) sync(half bool) {
	n.syncedSize = len(n.data)
	for s := range n.unsynced {
		if !half || s%2 == 0 {
			delete(n.unsynced, s)
		}
	}
}

// fail forgets what is not synced: a later fsync will not write it.
func (n *inode) fail() {
	maps.Copy(n.lost, n.unsynced)
	clear(n.unsynced)
}

// file is an open inode.
type file struct {
	fs     *FS
	node   *inode
	path   string
	closed bool
}

func (f *file) errorOf(op Op, err error) error {
	return &fs.PathError{Op: string(op), Path: f.path, Err: err}
}

// ReadAt reads what is seen, written or not.
func (f *file) ReadAt(b []byte, offset int64) (int, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if f.closed {
		return 0, f.errorOf("read", fs.ErrClosed)
	}
	if offset >= int64(len(f.node.data)) {
		return 0, io.EOF
	}
	n := copy(b, f.node.data[offset:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// WriteAt writes; torn, it writes half.
func (f *file) WriteAt(b []byte, offset int64) (int, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if f.closed {
		return 0, f.errorOf(Write, fs.ErrClosed)
	}
	torn, err := f.fs.step(Write)
	switch {
	case err != nil && !torn:
		return 0, f.errorOf(Write, err)
	case torn:
		b = b[:len(b)/2]
	}
	end := offset + int64(len(b))
	if full := f.fs.room(end - int64(len(f.node.data))); full != nil {
		return 0, f.errorOf(Write, full)
	}
	f.node.change(offset, end)
	f.node.grow(end)
	copy(f.node.data[offset:], b)
	if err != nil {
		return len(b), f.errorOf(Write, err)
	}
	return len(b), nil
}

// Sync makes the contents durable.
func (f *file) Sync() error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if f.closed {
		return f.errorOf(Sync, fs.ErrClosed)
	}
	torn, err := f.fs.step(Sync)
	if err == nil || torn {
		f.node.sync(torn)
	}
	if err != nil {
		f.node.fail()
		return f.errorOf(Sync, err)
	}
	return nil
}

// Allocate takes room and makes the file that long.
func (f *file) Allocate(size int64) error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	torn, err := f.fs.step(Allocate)
	if err != nil && !torn {
		return f.errorOf(Allocate, err)
	}
	if torn {
		size /= 2
	}
	if f.fs.room(size-int64(len(f.node.data))) != nil {
		return f.errorOf(Allocate, syscall.ENOSPC)
	}
	f.node.grow(size)
	if err != nil {
		return f.errorOf(Allocate, err)
	}
	return nil
}

// Size is the length of the file.
func (f *file) Size() (int64, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	return int64(len(f.node.data)), nil
}

// Close closes the file.
func (f *file) Close() error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	f.closed = true
	return nil
}
