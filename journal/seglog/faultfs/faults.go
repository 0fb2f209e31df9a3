package faultfs

import "syscall"

// Op is a kind of operation that can be counted and made to fail.
type Op string

// The kinds of operations. Any is each of them.
const (
	Create   Op = "create"
	Write    Op = "write"
	Sync     Op = "fsync"
	Allocate Op = "fallocate"
	Rename   Op = "rename"
	Remove   Op = "remove"
	SyncDir  Op = "directory fsync"
	Any      Op = "any"
)

// Fault says which operation fails and how.
type Fault struct {
	Op   Op
	N    int   // the N-th of its kind from now on, 1 being the next
	Err  error // nil: EIO
	Torn bool  // the operation is done in part: half of a write, half of a sync; others are done and fail all the same
	On   bool  // all of its kind fail from the N-th on, until Heal
}

// Fail adds a fault.
func (f *FS) Fail(fault Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if fault.Err == nil {
		fault.Err = syscall.EIO
	}
	f.faults = append(f.faults, &fault)
}

// Heal takes all faults away.
func (f *FS) Heal() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults = nil
}

// Count is how many operations of a kind there were, failed ones included.
func (f *FS) Count(op Op) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.counts[op]
}

// Limit sets the room of the file system in bytes of file sizes; past it there is ENOSPC. 0 is no limit.
func (f *FS) Limit(room int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.limit = room
}

// step counts an operation and tells whether it fails, and whether it is done in part. The caller holds mu.
func (f *FS) step(op Op) (torn bool, err error) {
	f.counts[op]++
	f.counts[Any]++
	for _, fault := range f.faults {
		if fault.Op != op && fault.Op != Any {
			continue
		}
		fault.N--
		if err == nil && (fault.N == 0 || fault.On && fault.N < 0) {
			torn, err = fault.Torn, fault.Err
		}
	}
	return torn, err
}
