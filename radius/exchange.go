package radius

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"tollgate/crashpoint"
)

// state is how far one server's part of an exchange has come.
type state uint8

const (
	fresh    state = iota // nothing was tried yet
	waiting               // sent
	failed                // could not be sent, or nobody listens there
	accepted              // the server has the record
	rejected              // the server answered that it doesn't take it
)

// attempt is one server's part of an exchange. state and reason belong to the server's mutex, the rest to the exchange.
type attempt struct {
	server *server
	wake   chan<- struct{} // of the exchange
	state  state
	reason error // of failed and rejected

	sock    *socket // nil before the first transmission
	id      uint8
	packet  []byte
	inside  bool // it holds a place in the server's window
	sent    int
	began   time.Time
	lastOne time.Time // the last transmission
}

// exchange is one request on its way. Exchanges are used again and again, with their buffers and timer.
type exchange struct {
	client   *Client
	wake     chan struct{} // some attempt's state has changed
	timer    *time.Timer   // of the turn
	attempts []attempt     // in the order of their turns
	req      Request
}

func newExchange(c *Client) *exchange {
	ex := &exchange{client: c, wake: make(chan struct{}, 1), timer: time.NewTimer(time.Hour)}
	ex.timer.Stop()
	ex.attempts = make([]attempt, len(c.servers))
	return ex
}

// begin puts the servers in order: the healthy ones first, each group as in the list.
func (ex *exchange) begin(req Request) {
	ex.req = req
	now := time.Now()
	first, last := 0, len(ex.attempts)
	for i := len(ex.attempts) - 1; i >= 0; i-- {
		if s := ex.client.servers[i]; !s.takesItsTurn(now) {
			last--
			ex.set(last, s)
		}
	}
	for i := 0; first < last; i++ {
		if s := ex.client.servers[i]; !ex.has(s, last) {
			ex.set(first, s)
			first++
		}
	}
}

func (ex *exchange) set(i int, s *server) {
	ex.attempts[i] = attempt{server: s, wake: ex.wake, packet: ex.attempts[i].packet}
}

func (ex *exchange) has(s *server, from int) bool {
	for i := from; i < len(ex.attempts); i++ {
		if ex.attempts[i].server == s {
			return true
		}
	}
	return false
}

// end gives back what the attempts hold. No reader touches them afterwards.
func (ex *exchange) end() {
	for i := range ex.attempts {
		ex.attempts[i].server.release(&ex.attempts[i])
	}
	ex.timer.Stop()
	select {
	case <-ex.wake:
	default:
	}
	ex.req = Request{}
}

// at is the attempt whose turn it is, nil past the last turn.
func (ex *exchange) at(turn int) *attempt {
	n, each := len(ex.attempts), ex.client.config.Transmissions
	switch {
	case turn >= n*each:
		return nil
	case ex.client.config.RoundRobin:
		return &ex.attempts[turn%n]
	}
	return &ex.attempts[turn/each]
}

// next is the turn after this one, without the servers that have refused the record.
func (ex *exchange) next(turn int) int {
	for turn++; ; turn++ {
		if at := ex.at(turn); at == nil || at.now() != rejected {
			return turn
		}
	}
}

// run takes turn after turn until the record is accepted.
func (ex *exchange) run(ctx context.Context) error {
	err := ctx.Err()
	for turn := 0; err == nil && ex.at(turn) != nil; turn = ex.next(turn) {
		err = ex.take(ctx, turn)
		if ex.accepted() {
			crashpoint.Hit("radius.acknowledged.after")
			return nil
		}
	}
	if err != nil {
		return fmt.Errorf("%w%s", err, ex.reasons("; "))
	}
	return errors.New(ex.reasons(""))
}

// take is one turn. An error says that there shall be no further one.
func (ex *exchange) take(ctx context.Context, turn int) error {
	at := ex.at(turn)
	ex.timer.Reset(ex.client.config.Timeout)
	if inside, err := ex.enter(ctx, at); !inside {
		return err
	}
	at.transmit(ex.req)
	ex.timer.Reset(ex.client.config.Timeout)
	return ex.wait(ctx, turn)
}

// enter takes a place in the server's window, in the order of arrival. Without one by the end of the turn the attempt
// has failed for now.
func (ex *exchange) enter(ctx context.Context, at *attempt) (inside bool, err error) {
	for !at.inside {
		select {
		case at.server.window <- struct{}{}:
			at.inside = true
		case <-ex.wake:
			if ex.accepted() {
				return false, nil
			}
		case <-ex.timer.C:
			at.fail(fmt.Errorf("no place among %d waiting requests", cap(at.server.window)))
			return false, nil
		case <-ctx.Done():
			return false, ctx.Err()
		case <-ex.client.closed:
			return false, ErrClosed
		}
	}
	return true, nil
}

// wait ends with the turn: when its time is over, when the record is accepted, or when waiting makes no sense.
func (ex *exchange) wait(ctx context.Context, turn int) error {
	for !ex.accepted() && !ex.pointless(turn) {
		select {
		case <-ex.wake:
		case <-ex.timer.C:
			ex.at(turn).silent()
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-ex.client.closed:
			return ErrClosed
		}
	}
	return nil
}

// pointless says that the turn need not be waited out: its server is out, and the next one isn't, or there is no next
// one and no answer can come.
func (ex *exchange) pointless(turn int) bool {
	if !ex.at(turn).out() {
		return false
	}
	if next := ex.at(ex.next(turn)); next != nil {
		return !next.out()
	}
	for i := range ex.attempts {
		if ex.attempts[i].now() == waiting {
			return false
		}
	}
	return true
}

func (ex *exchange) accepted() bool {
	for i := range ex.attempts {
		if ex.attempts[i].now() == accepted {
			return true
		}
	}
	return false
}

// reasons tells what each server that had a turn did, in the order of their turns, prefix before the first.
func (ex *exchange) reasons(prefix string) string {
	var b strings.Builder
	for i := range ex.attempts {
		if text := ex.attempts[i].outcome(); text != "" {
			b.WriteString(prefix + ex.attempts[i].server.name + ": " + text)
			prefix = "; "
		}
	}
	return b.String()
}

// now is the attempt's state.
func (at *attempt) now() state {
	at.server.mu.Lock()
	defer at.server.mu.Unlock()
	return at.state
}

// out says that no answer is to be expected from this server.
func (at *attempt) out() bool {
	s := at.now()
	return s == failed || s == rejected
}

// fail notes why the attempt comes to nothing for now. An answer that has come meanwhile stands.
func (at *attempt) fail(reason error) {
	at.server.mu.Lock()
	defer at.server.mu.Unlock()
	if !at.answered() {
		at.state, at.reason = failed, reason
	}
}

// answered says that the server has said its last word; the caller holds the mutex.
func (at *attempt) answered() bool { return at.state == accepted || at.state == rejected }

// silent notes that the turn has passed without an answer.
func (at *attempt) silent() {
	if at.now() == waiting {
		at.server.unanswered(at.lastOne)
	}
}

// transmit sends the request, the first time with a new identifier. What goes wrong is in the attempt's state.
func (at *attempt) transmit(req Request) {
	now := time.Now()
	if at.sock == nil {
		if !at.server.reserve(at, now) {
			return
		}
		at.packet = appendRequest(at.packet, at.id, req.Attributes.Wire(), delaySince(req.Time, now), at.server.secret)
		at.began = now
		at.server.requests.Add(1)
	} else {
		at.server.retransmissions.Add(1)
	}
	at.sent++
	at.lastOne = now
	crashpoint.Hit("radius.send.before")
	at.server.send(at)
	crashpoint.Hit("radius.send.after")
}

// outcome says in words what became of the attempt, "" if it had no turn.
func (at *attempt) outcome() string {
	at.server.mu.Lock()
	state, reason := at.state, at.reason
	at.server.mu.Unlock()
	switch state {
	case fresh, accepted:
		return ""
	case failed, rejected:
		return reason.Error()
	}
	requests := "1 request"
	if at.sent > 1 {
		requests = fmt.Sprintf("%d requests", at.sent)
	}
	return fmt.Sprintf("no answer to %s in %s", requests, time.Since(at.began).Round(10*time.Millisecond))
}
