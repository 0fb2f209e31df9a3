// Package faultfs is a file system in memory for tests of what is built on package seglog: it counts operations, makes
// chosen ones fail or tear, runs full, and knows what a loss of power or the end of the process would leave.
//
// It is as unkind as a real one may be: what a failed fsync should have written is lost even if a later fsync succeeds.
package faultfs

import (
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"sync"
	"syscall"

	"tollgate/journal/seglog"
)

// FS is the file system. Its methods are safe for concurrent use.
type FS struct {
	mu      sync.Mutex
	names   map[string]*inode // what is seen
	synced  map[string]*inode // what a loss of power leaves
	changes []change          // of names, that are not synced, in order
	dirs    map[string]bool
	locks   map[string]bool
	faults  []*Fault
	counts  map[Op]int
	limit   int64
}

// change is one change of names: path means node from now on, or nothing; and gone means nothing.
type change struct {
	path string
	node *inode
	gone string
}

var _ seglog.FS = (*FS)(nil)

// New gives an empty file system.
func New() *FS {
	return &FS{names: map[string]*inode{}, synced: map[string]*inode{}, dirs: map[string]bool{}, locks: map[string]bool{}, counts: map[Op]int{}}
}

// MkdirAll makes a directory; it is durable at once.
func (f *FS) MkdirAll(dir string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dirs[filepath.Clean(dir)] = true
	return nil
}

// List names the files of a directory.
func (f *FS) List(dir string) ([]string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	dir = filepath.Clean(dir)
	if !f.dirs[dir] {
		return nil, &fs.PathError{Op: "list", Path: dir, Err: fs.ErrNotExist}
	}
	var names []string
	for path := range f.names {
		if filepath.Dir(path) == dir {
			names = append(names, filepath.Base(path))
		}
	}
	slices.Sort(names)
	return names, nil
}

// Create makes an empty file, or empties one.
func (f *FS) Create(path string) (seglog.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	torn, err := f.step(Create)
	if err != nil && !torn {
		return nil, &fs.PathError{Op: "create", Path: path, Err: err}
	}
	node := &inode{unsynced: map[int64][]byte{}, lost: map[int64][]byte{}}
	f.apply(change{path: path, node: node})
	if err != nil {
		return nil, &fs.PathError{Op: "create", Path: path, Err: err}
	}
	return &file{fs: f, node: node, path: path}, nil
}

// Open opens a file.
func (f *FS) Open(path string) (seglog.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	node := f.names[path]
	if node == nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	}
	return &file{fs: f, node: node, path: path}, nil
}

// Reopen opens a file.
func (f *FS) Reopen(path string) (seglog.File, error) { return f.Open(path) }

// Rename gives a file another name.
func (f *FS) Rename(from, to string) error {
	return f.rename(Rename, from, change{path: to, gone: from})
}

// Remove removes a name.
func (f *FS) Remove(path string) error { return f.rename(Remove, path, change{gone: path}) }

func (f *FS) rename(op Op, from string, c change) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	torn, err := f.step(op)
	if err != nil && !torn {
		return &fs.PathError{Op: string(op), Path: from, Err: err}
	}
	node := f.names[from]
	if node == nil {
		return &fs.PathError{Op: string(op), Path: from, Err: fs.ErrNotExist}
	}
	if c.path != "" {
		c.node = node
	}
	f.apply(c)
	if err != nil {
		return &fs.PathError{Op: string(op), Path: from, Err: err}
	}
	return nil
}

func (f *FS) apply(c change) {
	c.to(f.names)
	f.changes = append(f.changes, c)
}

func (c change) to(names map[string]*inode) {
	delete(names, c.gone)
	if c.node != nil {
		names[c.path] = c.node
	}
}

func (c change) in(dir string) bool {
	return c.path != "" && filepath.Dir(c.path) == dir || c.gone != "" && filepath.Dir(c.gone) == dir
}

// SyncDir makes the names in a directory durable.
func (f *FS) SyncDir(dir string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	torn, err := f.step(SyncDir)
	if err != nil && !torn {
		return &fs.PathError{Op: "sync", Path: dir, Err: err}
	}
	var rest []change
	for _, c := range f.changes {
		if !c.in(filepath.Clean(dir)) {
			rest = append(rest, c)
			continue
		}
		c.to(f.synced)
	}
	f.changes = rest
	if err != nil {
		return &fs.PathError{Op: "sync", Path: dir, Err: err}
	}
	return nil
}

// Lock takes a path until it is closed.
func (f *FS) Lock(path string) (io.Closer, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.locks[path] {
		return nil, fmt.Errorf("%s is locked", path)
	}
	f.locks[path] = true
	return unlock{f, path}, nil
}

type unlock struct {
	fs   *FS
	path string
}

func (u unlock) Close() error {
	u.fs.mu.Lock()
	defer u.fs.mu.Unlock()
	delete(u.fs.locks, u.path)
	return nil
}

// room tells whether the files may grow by n bytes. The caller holds mu.
func (f *FS) room(n int64) error {
	if f.limit == 0 || n <= 0 {
		return nil
	}
	for _, node := range f.names {
		n += int64(len(node.data))
	}
	if n > f.limit {
		return syscall.ENOSPC
	}
	return nil
}
