package seglog

import "io"

// FS is what the log asks of a file system. Paths are as in package os, and errors wrap the system's (fs.ErrNotExist,
// syscall.ENOSPC).
type FS interface {
	MkdirAll(dir string) error // mode 0750
	List(dir string) ([]string, error)
	Create(path string) (File, error) // for reading and writing, mode 0640; a file that is there is emptied
	Open(path string) (File, error)   // for reading
	Reopen(path string) (File, error) // for reading and writing
	Rename(from, to string) error
	Remove(path string) error
	SyncDir(dir string) error
	Lock(path string) (io.Closer, error) // for as long as the process lives or until it is closed
}

// File is an open file of an FS.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Size() (int64, error)
	Allocate(size int64) error // makes the file size bytes long and takes the room for them
	Sync() error               // as fdatasync
}
