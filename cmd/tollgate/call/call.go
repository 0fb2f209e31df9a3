package call

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"
)

// graceTime is how long Run waits, after its context is done, for calls to be hung up or cancelled.
const graceTime = 5 * time.Second

// Run places calls as the arguments say, answers them, and writes to out what becomes of them. When ctx is done it
// places no more and hangs up what is up. The error is flag.ErrHelp, an error in the arguments, an address that cannot
// be listened on, or the news that not every call was answered.
func Run(ctx context.Context, args []string, out io.Writer) error {
	prepare()
	return run(ctx, args, out)
}

// prepare changes settings of the SIP library, which has them for the whole process: by itself it refuses datagrams that
// are longer than an Ethernet frame, and logs every message that it cannot read.
func prepare() {
	sip.UDPMTUSize = 65535
	sip.SetDefaultLogger(slog.New(slog.DiscardHandler))
}

// run is Run without prepare.
func run(ctx context.Context, args []string, out io.Writer) error {
	o, err := parse(args, out)
	if err != nil {
		return err
	}
	rep := newReport(out, o.calls)
	if o.answers() {
		callee, err := newCallee(o, rep)
		if err != nil {
			return err
		}
		defer callee.close()
	}
	if o.calls == 0 {
		rep.printf("answering calls on %s; Ctrl-C ends it", o.callee)
		<-ctx.Done()
		return nil
	}
	caller, err := newCaller(o, rep)
	if err != nil {
		return err
	}
	defer caller.close()
	rep.printf("%s from %s to %s through %s", plural(o.calls), o.from, o.to, o.gatekeeper)
	caller.placeAll(ctx)
	return rep.summary(ctx.Err() != nil)
}

// placeAll places the calls at their rate and waits until all have ended.
func (c *caller) placeAll(ctx context.Context) {
	stopProgress := c.report.progress()
	defer stopProgress()
	var calls sync.WaitGroup
	start := time.Now()
	for i := range c.calls {
		due := start.Add(time.Duration(float64(i) / c.rate * float64(time.Second)))
		if !sleepUntil(ctx, due) {
			break
		}
		calls.Go(func() { c.report.ended(i+1, c.place(ctx, i+1)) })
	}
	ended := make(chan struct{})
	var waiter sync.WaitGroup
	defer waiter.Wait()
	waiter.Go(func() {
		calls.Wait()
		close(ended)
	})
	select {
	case <-ended:
		return
	case <-ctx.Done():
	}
	select {
	case <-ended:
	case <-time.After(graceTime):
		c.close() // ends the transactions, and with them the calls
		<-ended
	}
}

// sleepUntil waits; false means that ctx was done first.
func sleepUntil(ctx context.Context, due time.Time) bool {
	timer := time.NewTimer(time.Until(due))
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// errUnanswered tells the shell that calls failed; the summary has said why.
var errUnanswered = errors.New("not answered")

func unanswered(n, placed int) error {
	if n == 0 {
		return nil
	}
	return fmt.Errorf("call: %d of %d calls %w", n, placed, errUnanswered)
}
