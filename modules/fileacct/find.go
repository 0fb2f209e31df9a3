package fileacct

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

var errRenamed = errors.New("the file was renamed while it was being opened")

// openNoted opens the file of the note under whatever name it has now; nil if it is gone.
func (a *appender) openNoted(n *note) (file, error) {
	path, err := n.find()
	if err != nil || path == "" {
		return nil, err
	}
	f, err := a.reopens(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !n.is(info, path) {
		err = fmt.Errorf("%s: %w", path, errRenamed)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// find is the present path of the noted file, "" if it is gone: logrotate renames in the same folder.
func (n *note) find() (string, error) {
	info, err := os.Stat(n.path)
	if err == nil && n.is(info, n.path) {
		return n.path, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	dir, err := os.Open(filepath.Dir(n.path))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer dir.Close()
	for {
		entries, err := dir.ReadDir(256)
		for _, entry := range entries {
			path := filepath.Join(filepath.Dir(n.path), entry.Name())
			if info, err := entry.Info(); err == nil && n.is(info, path) {
				return path, nil
			}
		}
		if err == io.EOF {
			return "", nil
		}
		if err != nil {
			return "", err
		}
	}
}

// is tells whether info is of the noted file. The number of a device may change with each boot: a file that has the same
// inode under the same name is looked into all the same, since what decides is what stands in it.
func (n *note) is(info fs.FileInfo, path string) bool {
	if !info.Mode().IsRegular() {
		return false
	}
	device, inode := identity(info)
	return inode == n.inode && (device == n.device || path == n.path)
}
