package call

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
)

// callee answers whatever rings, and hangs up at the end what the caller has not.
type callee struct {
	*phone
	ring     time.Duration
	dialogs  *sipgo.DialogServerCache
	report   *report
	closing  chan struct{}
	handlers sync.WaitGroup

	mu sync.Mutex
	up map[string]*sipgo.DialogServerSession
}

func newCallee(o *options, rep *report) (*callee, error) {
	p, err := newPhone(o.to, o.callee)
	if err != nil {
		return nil, fmt.Errorf("%w (where the callee answers; -callee chooses another address or none)", err)
	}
	c := &callee{
		phone: p, ring: o.ring, report: rep, closing: make(chan struct{}),
		up: make(map[string]*sipgo.DialogServerSession),
	}
	c.dialogs = sipgo.NewDialogServerCache(p.client, p.contact)
	p.server.OnInvite(c.onInvite)
	p.server.OnAck(func(req *sip.Request, tx sip.ServerTransaction) {
		_ = c.dialogs.ReadAck(req, tx) // a stray ACK is nobody's
	})
	p.server.OnBye(c.onBye)
	p.serve()
	return c, nil
}

func (c *callee) onInvite(req *sip.Request, tx sip.ServerTransaction) {
	c.handlers.Add(1)
	defer c.handlers.Done()
	if to := req.To(); to != nil && to.Params.Has("tag") {
		c.onReinvite(req, tx)
		return
	}
	dialog, err := c.dialogs.ReadInvite(req, tx)
	if err != nil {
		respond(tx, req, 400, "Bad Request")
		return
	}
	if err := c.answer(dialog); err != nil {
		_ = dialog.Close() // forgets it; there is nothing else to go wrong
		c.report.callee("a call was not answered: %v", err)
	}
}

// answer rings, then answers, and returns when the ACK has come.
func (c *callee) answer(dialog *sipgo.DialogServerSession) error {
	if err := dialog.Respond(180, "Ringing", nil); err != nil {
		return err
	}
	timer := time.NewTimer(c.ring)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-dialog.Context().Done():
		return context.Cause(dialog.Context())
	case <-c.closing:
		return dialog.Respond(480, "Temporarily Unavailable", nil)
	}
	c.track(dialog, true)
	if err := dialog.RespondSDP(mediaDescription(c.phone)); err != nil {
		c.track(dialog, false)
		return err
	}
	c.report.callee("answered a call")
	return nil
}

func (c *callee) onReinvite(req *sip.Request, tx sip.ServerTransaction) {
	dialog, err := c.dialogs.MatchDialogRequest(req)
	if err != nil {
		respond(tx, req, 481, "Call/Transaction Does Not Exist")
		return
	}
	if err := dialog.ReadRequest(req, tx); err != nil {
		respond(tx, req, 500, "Server Internal Error") // RFC 3261 12.2.2
		return
	}
	res := sip.NewSDPResponseFromRequest(req, mediaDescription(c.phone))
	res.AppendHeader(sip.HeaderClone(&c.contact))
	_ = tx.Respond(res) // the caller asks again if it is lost
}

func (c *callee) onBye(req *sip.Request, tx sip.ServerTransaction) {
	dialog, err := c.dialogs.MatchDialogRequest(req)
	if err != nil {
		respond(tx, req, 481, "Call/Transaction Does Not Exist")
		return
	}
	c.track(dialog, false)
	if err := dialog.ReadBye(req, tx); err != nil {
		respond(tx, req, 500, "Server Internal Error")
	}
}

func (c *callee) track(dialog *sipgo.DialogServerSession, up bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if up {
		c.up[dialog.ID] = dialog
	} else {
		delete(c.up, dialog.ID)
	}
}

// close refuses what rings, hangs up what is up, and waits for both.
func (c *callee) close() {
	close(c.closing)
	c.mu.Lock()
	left := make([]*sipgo.DialogServerSession, 0, len(c.up))
	for _, dialog := range c.up {
		left = append(left, dialog)
	}
	c.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), graceTime/2)
	defer cancel()
	var byes sync.WaitGroup
	for _, dialog := range left {
		byes.Go(func() { _ = dialog.WriteBye(ctx, c.bye(dialog.InviteRequest.Contact())) }) // the caller is gone, then
	}
	byes.Wait()
	c.phone.close()
	c.handlers.Wait()
}
