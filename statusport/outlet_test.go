package statusport

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// The bound counts lines that are queued and lines that the writer has taken but not got rid of.
func TestOutletBound(t *testing.T) {
	for _, writing := range []bool{false, true} {
		here, there := net.Pipe() // a pipe has no buffer: nothing is written unless the other end reads
		o := newOutlet(here, 10*(100+lineCost), time.Minute)
		var writer sync.WaitGroup
		text := make([]byte, 100)
		if !o.offer(text) {
			t.Fatal("the first line did not fit")
		}
		if writing {
			writer.Go(o.write)
			eventually(t, "the writer has taken the line", func() bool {
				o.mu.Lock()
				defer o.mu.Unlock()
				return len(o.queued) == 0
			})
		}
		for i := 2; i <= 10; i++ {
			if !o.offer(text) {
				t.Fatalf("writing %v: line %d of 10 did not fit", writing, i)
			}
		}
		if o.offer(nil) {
			t.Errorf("writing %v: one line too many was taken", writing)
		}
		if !o.offer(text) {
			t.Errorf("writing %v: the client was given up twice", writing)
		}
		if !o.wasSlow() || o.queued != nil || o.send(text) {
			t.Errorf("writing %v: the outlet is still in use", writing)
		}
		writer.Wait()
		_, _ = here.Close(), there.Close()
	}
}

func TestOutletMakesRoomAgain(t *testing.T) {
	here, there := net.Pipe()
	o := newOutlet(here, 2*(100+lineCost), time.Minute)
	var both sync.WaitGroup
	both.Go(o.write)
	both.Go(func() { _, _ = io.Copy(io.Discard, there) })
	for range 100 {
		if !o.offer(make([]byte, 100)) || !o.send([]byte("a reply of any length, which is not counted, and waits for the line before it")) {
			t.Fatal("a client that reads was given up")
		}
		eventually(t, "the line is accounted for", func() bool {
			o.mu.Lock()
			defer o.mu.Unlock()
			return o.size == 0
		})
	}
	o.close(time.Now().Add(patience))
	<-o.gone
	_, _ = here.Close(), there.Close()
	both.Wait()
}
