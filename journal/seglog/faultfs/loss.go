package faultfs

import (
	"io/fs"
	"maps"
	"slices"
)

// PowerLoss gives the file system as it would be found after a loss of power at this moment: without what is not
// synced. keep, if it is not nil, is asked for each sector and each change of a name that is not synced whether it
// reached the disk all the same; names change in order, up to the first that did not. Faults stay behind.
func (f *FS) PowerLoss(keep func() bool) *FS {
	if keep == nil {
		keep = func() bool { return false }
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	names := maps.Clone(f.synced)
	for _, c := range f.changes {
		if !keep() {
			break
		}
		c.to(names)
	}
	return f.with(names, func(n *inode) []byte { return n.durable(keep) })
}

// Killed gives a copy of the file system as the end of the process leaves it: with all that was written.
func (f *FS) Killed() *FS {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.with(f.names, func(n *inode) []byte { return slices.Clone(n.data) })
}

func (f *FS) with(names map[string]*inode, contents func(*inode) []byte) *FS {
	next := New()
	maps.Copy(next.dirs, f.dirs)
	for _, path := range slices.Sorted(maps.Keys(names)) {
		next.put(path, contents(names[path]))
	}
	return next
}

func (f *FS) put(path string, data []byte) {
	node := &inode{data: data, unsynced: map[int64][]byte{}, lost: map[int64][]byte{}, syncedSize: len(data)}
	f.names[path], f.synced[path] = node, node
}

// durable is what of the file is on the disk.
func (n *inode) durable(keep func() bool) []byte {
	data := slices.Clone(n.data)
	for _, sectors := range []map[int64][]byte{n.lost, n.unsynced} {
		for _, s := range slices.Sorted(maps.Keys(sectors)) {
			at := s * sector
			if at >= int64(len(data)) || keep() {
				continue
			}
			end := min(at+sector, int64(len(data)))
			clear(data[at:end])
			copy(data[at:end], sectors[s])
		}
	}
	if n.syncedSize < len(data) && !keep() {
		data = data[:n.syncedSize]
	}
	return data
}

// ReadFile gives a copy of what is seen of a file.
func (f *FS) ReadFile(path string) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	node := f.names[path]
	if node == nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	}
	return slices.Clone(node.data), nil
}

// WriteFile makes a durable file, whatever stood there.
func (f *FS) WriteFile(path string, data []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.put(path, slices.Clone(data))
}
