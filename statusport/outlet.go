package statusport

import (
	"bufio"
	"net"
	"sync"
	"time"
)

const (
	writeBuffer = 16 << 10 // lines are collected up to this before a write
	writeChunk  = 64 << 10 // the most that one write deadline covers
	lineCost    = 64       // what a queued line costs beside its bytes
	spareBlocks = 1024     // a queue that grew beyond this is not kept for reuse
)

// block is something to be written as one piece. done, if not nil, is closed when it has been.
type block struct {
	data []byte
	done chan struct{}
}

type outletState uint8

const (
	outletOpen    outletState = iota
	outletClosing             // takes nothing more; what is queued is still written
	outletDead                // given up
)

// outlet is the way out to one client: a bounded queue of lines, and the goroutine that writes them.
type outlet struct {
	conn    net.Conn
	limit   int           // bytes that may wait
	timeout time.Duration // for a write without progress
	wake    chan struct{} // holds one signal to the writer
	gone    chan struct{} // closed when the writer has ended

	mu      sync.Mutex // also held while deadlines are set, so that they follow the state
	state   outletState
	slow    bool // given up because the queue was full
	queued  []block
	size    int       // of the lines that are queued or being written
	closeBy time.Time // the last moment for writing once closing
}

func newOutlet(conn net.Conn, limit int, timeout time.Duration) *outlet {
	return &outlet{
		conn: conn, limit: limit, timeout: timeout,
		wake: make(chan struct{}, 1), gone: make(chan struct{}),
	}
}

// offer queues a line without waiting. A client whose queue is full is given up: that call, and only that one, returns
// false. The line is shared with other clients and must not change.
func (o *outlet) offer(line []byte) bool {
	o.mu.Lock()
	if o.state != outletOpen {
		o.mu.Unlock()
		return true
	}
	if o.size+len(line)+lineCost > o.limit {
		o.state, o.slow, o.queued = outletDead, true, nil
		_ = o.conn.SetDeadline(time.Unix(1, 0)) // wakes the reader and the writer; unlike Close it waits for neither
		o.mu.Unlock()
		return false
	}
	o.size += len(line) + lineCost
	o.queued = append(o.queued, block{data: line})
	o.mu.Unlock()
	o.signal()
	return true
}

// send queues a reply and waits until it, and all that was queued before it, is written. It returns false if the client
// is gone. Replies do not count towards the limit: a client has only one at a time.
func (o *outlet) send(reply []byte) bool {
	done := make(chan struct{})
	o.mu.Lock()
	if o.state != outletOpen {
		o.mu.Unlock()
		return false
	}
	o.queued = append(o.queued, block{reply, done})
	o.mu.Unlock()
	o.signal()
	select {
	case <-done:
		return true
	case <-o.gone:
		return false
	}
}

// close lets the writer end once everything queued is written, and at the given time in any case.
func (o *outlet) close(by time.Time) {
	o.mu.Lock()
	if o.state == outletOpen {
		o.state, o.closeBy = outletClosing, by
		_ = o.conn.SetWriteDeadline(by)
	}
	o.mu.Unlock()
	o.signal()
}

func (o *outlet) signal() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// wasSlow tells whether the client was given up because its queue was full.
func (o *outlet) wasSlow() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.slow
}

// write is the writer goroutine. When it ends early the connection is of no use any more and the reader is woken.
func (o *outlet) write() {
	defer close(o.gone)
	w := bufio.NewWriterSize(chunkWriter{o}, writeBuffer)
	var spare []block
	for {
		batch, ok := o.take(spare)
		if !ok {
			return
		}
		if writeBlocks(w, batch) != nil {
			o.abandon()
			return
		}
		spare = o.written(batch)
	}
}

func writeBlocks(w *bufio.Writer, batch []block) error {
	for _, b := range batch {
		if _, err := w.Write(b.data); err != nil {
			return err
		}
	}
	return w.Flush()
}

// take waits for blocks and gives all that are queued; spare becomes the new, empty queue. It returns false when there
// is nothing more to write.
func (o *outlet) take(spare []block) ([]block, bool) {
	for {
		o.mu.Lock()
		batch, state := o.queued, o.state
		if state != outletDead && len(batch) > 0 {
			o.queued = spare
			o.mu.Unlock()
			return batch, true
		}
		o.mu.Unlock()
		if state != outletOpen {
			return nil, false
		}
		<-o.wake
	}
}

// written accounts for a batch and gives its memory back for the next one.
func (o *outlet) written(batch []block) []block {
	size := 0
	for _, b := range batch {
		if b.done != nil {
			close(b.done)
			continue
		}
		size += len(b.data) + lineCost
	}
	o.mu.Lock()
	o.size -= size
	o.mu.Unlock()
	if cap(batch) > spareBlocks {
		return nil
	}
	clear(batch)
	return batch[:0]
}

func (o *outlet) abandon() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.state, o.queued = outletDead, nil
	_ = o.conn.SetDeadline(time.Unix(1, 0))
}

// arm sets the deadline of the next write. It returns false if the client was given up.
func (o *outlet) arm() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	by := time.Now().Add(o.timeout)
	if o.state == outletClosing && o.closeBy.Before(by) {
		by = o.closeBy
	}
	return o.state != outletDead && o.conn.SetWriteDeadline(by) == nil
}

// chunkWriter writes to the client in pieces with a deadline each, so that a long reply may take its time as long as it
// makes progress.
type chunkWriter struct{ *outlet }

func (w chunkWriter) Write(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		if !w.arm() {
			return n, net.ErrClosed
		}
		m, err := w.conn.Write(p[n:min(n+writeChunk, len(p))])
		n += m
		if err != nil {
			return n, err
		}
	}
	return n, nil
}
