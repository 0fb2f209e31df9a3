package call

import (
	"fmt"
	"io"
	"slices"
	"sync"
	"time"
)

const (
	// fewCalls is the number up to which each event of each call is a line; above, there is a line of counts each second.
	fewCalls = 10
	// maxReasons bounds how many different reasons the summary lists: the texts come from the network.
	maxReasons = 20
)

// report writes progress and the summary. It is safe for concurrent use.
type report struct {
	out   io.Writer
	total int // calls to place

	mu      sync.Mutex
	begun   int
	running int
	counts  [given + 1]int
	setup   time.Duration // sum over the answered calls
	reasons map[string]int
}

func newReport(out io.Writer, total int) *report {
	return &report{out: out, total: total, reasons: make(map[string]int)}
}

func (r *report) printf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Fprintf(r.out, format+"\n", args...)
}

// call tells of an event of one call, if there are few.
func (r *report) call(number int, format string, args ...any) {
	if r.total > fewCalls {
		return
	}
	r.printf("call %d: "+format, append([]any{number}, args...)...)
}

// callee tells what the callee does if nothing else would.
func (r *report) callee(format string, args ...any) {
	if r.total == 0 {
		r.printf(format, args...)
	}
}

func (r *report) placed() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.begun++
}

// up and down count the calls that are connected.
func (r *report) up(number int, setup time.Duration) {
	r.call(number, "answered after %s", seconds(setup))
	r.mu.Lock()
	defer r.mu.Unlock()
	r.running++
}

func (r *report) down() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.running--
}

// ended counts a call.
func (r *report) ended(number int, o outcome) {
	switch o.state {
	case refused:
		r.call(number, "refused: %s", o.why)
	case failed:
		r.call(number, "failed: %s", printable(o.why))
	case given:
		r.call(number, "cancelled")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counts[o.state]++
	r.setup += o.setup
	if o.state != refused && o.state != failed {
		return
	}
	why := "refused: " + o.why
	if o.state == failed {
		why = "failed: " + printable(o.why)
	}
	if _, known := r.reasons[why]; !known && len(r.reasons) >= maxReasons {
		why = "for other reasons"
	}
	r.reasons[why]++
}

// progress prints the counts each second, if there are many calls, until the function that it returns is called.
func (r *report) progress() (stop func()) {
	if r.total <= fewCalls {
		return func() {}
	}
	done := make(chan struct{})
	var printer sync.WaitGroup
	printer.Go(func() {
		ticker := time.NewTicker(time.Second)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				r.mu.Lock()
				fmt.Fprintf(r.out, "%d of %d placed, %d up; %s\n", r.begun, r.total, r.running, r.countsText())
				r.mu.Unlock()
			case <-done:
				return
			}
		}
	})
	return func() {
		close(done)
		printer.Wait()
	}
}

func (r *report) countsText() string {
	text := fmt.Sprintf("%d answered, %d refused, %d failed", r.counts[answered], r.counts[refused], r.counts[failed])
	if n := r.counts[given]; n > 0 {
		text += fmt.Sprintf(", %d cancelled", n)
	}
	return text
}

// summary prints the end. The error says how many of the calls were refused or failed.
func (r *report) summary(interrupted bool) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if interrupted {
		fmt.Fprintf(r.out, "interrupted; %d of %d calls were placed\n", r.begun, r.total)
	}
	fmt.Fprintf(r.out, "%s: %s", plural(r.begun), r.countsText())
	if n := r.counts[answered]; n > 0 {
		fmt.Fprintf(r.out, "; setup took %.3f s on average", (r.setup / time.Duration(n)).Seconds())
	}
	fmt.Fprintln(r.out)
	texts := make([]string, 0, len(r.reasons))
	for why := range r.reasons {
		texts = append(texts, why)
	}
	slices.SortFunc(texts, func(a, b string) int { return r.reasons[b] - r.reasons[a] })
	for _, why := range texts {
		fmt.Fprintf(r.out, "%6d %s\n", r.reasons[why], why)
	}
	return unanswered(r.counts[refused]+r.counts[failed], r.begun)
}

func plural(calls int) string {
	if calls == 1 {
		return "1 call"
	}
	return fmt.Sprintf("%d calls", calls)
}
