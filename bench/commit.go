package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"tollgate/config"
	"tollgate/journal/seglog"
)

// The load of the part commit.
const (
	commitWriters = 64
	commitRecord  = 400      // bytes
	commitSegment = 64 << 20 // bytes of a file of the log
	commitBare    = 1 << 30  // bytes of the bare loop's file, which it does not fill: to write again where data lies is cheaper
)

// commitRun is a run of group commit and one of the bare loop.
type commitRun struct {
	Group        float64 `json:"group_bytes_per_s"`
	Bare         float64 `json:"bare_bytes_per_s"`
	BytesPerSync float64 `json:"bytes_per_sync"` // of both
	GroupSyncs   float64 `json:"group_syncs_per_s"`
	BareSyncs    float64 `json:"bare_syncs_per_s"`
	Before       load    `json:"load_before"`
}

// commit has 64 writers append to a log of the journal's kind, each waiting for its record to be durable before the next,
// and then a loop of append and fdatasync with as many bytes for each sync, in turns.
func (b *bench) commit(ctx context.Context, res *result, span time.Duration, rounds int) error {
	b.logf("group commit of %d writers with records of %d bytes, against a bare loop of append and fdatasync, %v each", commitWriters, commitRecord, span)
	for range rounds {
		before, err := b.awaitQuiet(ctx)
		if err != nil {
			return err
		}
		r, err := commitOnce(ctx, span)
		if err != nil {
			return fmt.Errorf("part commit: %w", err)
		}
		r.Before = before
		b.logf("group commit %.2f MB/s, %.0f syncs/s; bare loop %.2f MB/s, %.0f syncs/s; %.0f bytes a sync; others used %.2f cores before; load %s",
			r.Group/1e6, r.GroupSyncs, r.Bare/1e6, r.BareSyncs, r.BytesPerSync, before.Busy, before.Average)
		res.CommitRuns = append(res.CommitRuns, r)
	}
	return nil
}

func commitOnce(ctx context.Context, span time.Duration) (r commitRun, err error) {
	dir, err := os.MkdirTemp("", "tgbench")
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	group, err := groupCommit(ctx, filepath.Join(dir, "log"), span)
	if err != nil {
		return r, err
	}
	r.BytesPerSync = float64(group.bytes) / float64(max(group.syncs, 1))
	bare, err := bareLoop(ctx, filepath.Join(dir, "bare"), span, int(r.BytesPerSync))
	r.Group, r.GroupSyncs = group.rates()
	r.Bare, r.BareSyncs = bare.rates()
	return r, err
}

// written is what one of both has done.
type written struct {
	bytes, syncs int64
	took         time.Duration
}

func (w written) rates() (bytes, syncs float64) {
	return float64(w.bytes) / w.took.Seconds(), float64(w.syncs) / w.took.Seconds()
}

// groupCommit has the writers go round for a while. The log is as the gatekeeper has it, but for the size of its files:
// both sides are to write to prepared ones.
func groupCommit(ctx context.Context, dir string, span time.Duration) (written, error) {
	l, _, err := seglog.Open(seglog.Options{Dir: dir, SegmentSize: commitSegment, Sync: config.Sync{Always: true}}, nil)
	if err != nil {
		return written{}, err
	}
	before, start := l.Stats(), time.Now()
	errs := make([]error, commitWriters)
	var writers sync.WaitGroup
	for w := range commitWriters {
		writers.Go(func() {
			record, told := make([]byte, commitRecord), make(chan error, 1)
			done := func(err error) { told <- err }
			for errs[w] == nil && time.Since(start) < span && ctx.Err() == nil {
				if _, errs[w] = l.Append(record, done); errs[w] == nil {
					errs[w] = <-told
				}
			}
		})
	}
	writers.Wait()
	took, after := time.Since(start), l.Stats()
	err = errors.Join(errors.Join(errs...), l.Close(), ctx.Err())
	return written{bytes: after.Bytes - before.Bytes, syncs: after.Syncs - before.Syncs, took: took}, err
}

// bareLoop writes pieces of that many bytes, each followed by fdatasync, into a preallocated file, for a while.
func bareLoop(ctx context.Context, path string, span time.Duration, size int) (w written, err error) {
	f, err := os.Create(path)
	if err != nil {
		return w, err
	}
	defer f.Close()
	if err := errors.Join(unix.Fallocate(int(f.Fd()), 0, 0, commitBare), f.Sync()); err != nil {
		return w, err
	}
	piece, start := make([]byte, size), time.Now()
	for at := int64(0); w.took < span && ctx.Err() == nil; at += int64(size) {
		if at+int64(size) > commitBare {
			at = 0
		}
		if _, err := f.WriteAt(piece, at); err != nil {
			return w, err
		}
		if err := unix.Fdatasync(int(f.Fd())); err != nil {
			return w, err
		}
		w.bytes, w.syncs, w.took = w.bytes+int64(size), w.syncs+1, time.Since(start)
	}
	return w, ctx.Err()
}
