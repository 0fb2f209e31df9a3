package call

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
)

// caller places calls.
type caller struct {
	*phone
	*options
	dialogs   *sipgo.DialogClientCache
	report    *report
	target    sip.Uri
	handlers  sync.WaitGroup
	closeOnce sync.Once
}

// outcome is what became of a call.
type outcome struct {
	state outcomeState
	setup time.Duration // INVITE to answer
	why   string        // of refused and failed
}

type outcomeState uint8

const (
	answered outcomeState = iota
	refused               // a final answer of 300 or more
	failed                // no final answer, or none that could be used
	given                 // given up, because ctx was done
)

func newCaller(o *options, rep *report) (*caller, error) {
	host, err := sourceAddress(o.gatekeeper)
	if err != nil {
		return nil, fmt.Errorf("call: %w", err)
	}
	p, err := newPhone(o.from, net.JoinHostPort(host, "0"))
	if err != nil {
		return nil, err
	}
	c := &caller{phone: p, options: o, report: rep, dialogs: sipgo.NewDialogClientCache(p.client, p.contact)}
	if err := sip.ParseUri("sip:"+o.to+"@"+o.gatekeeper, &c.target); err != nil {
		p.conn.Close()
		return nil, fmt.Errorf("call: -gatekeeper %q: %w", o.gatekeeper, err)
	}
	p.server.OnBye(func(req *sip.Request, tx sip.ServerTransaction) {
		c.handlers.Add(1)
		defer c.handlers.Done()
		if err := c.dialogs.ReadBye(req, tx); err != nil {
			respond(tx, req, 481, "Call/Transaction Does Not Exist")
		}
	})
	p.serve()
	return c, nil
}

// sourceAddress is the address of this host from which the gatekeeper is reached.
func sourceAddress(gatekeeper string) (string, error) {
	conn, err := net.Dial("udp", gatekeeper) // sends nothing
	if err != nil {
		return "", err
	}
	defer conn.Close()
	host, _, err := net.SplitHostPort(conn.LocalAddr().String())
	return host, err
}

// close ends what still runs. The answer to a BYE goes out first: the dialog ends before it is sent.
func (c *caller) close() {
	c.closeOnce.Do(func() {
		c.handlers.Wait()
		c.phone.close()
	})
}

// place makes one call from INVITE to BYE. When ctx is done it cancels or hangs up.
func (c *caller) place(ctx context.Context, number int) outcome {
	start := time.Now()
	c.report.placed()
	dialog, err := c.dialogs.WriteInvite(context.WithoutCancel(ctx), c.invite())
	if err != nil {
		return outcome{state: failed, why: err.Error()}
	}
	defer dialog.Close()
	waitCtx, cancel := context.WithTimeout(ctx, c.wait)
	defer cancel()
	err = dialog.WaitAnswer(waitCtx, sipgo.AnswerOptions{
		Username: c.from, Password: c.password,
		OnResponse: func(res *sip.Response) error {
			if res.StatusCode > 100 && res.IsProvisional() {
				c.report.call(number, "%s after %s", phrase(res), seconds(time.Since(start)))
			}
			return nil
		},
	})
	if err != nil {
		return c.unanswered(ctx, dialog, err)
	}
	setup := time.Since(start)
	if err := dialog.Ack(ctx); err != nil {
		return outcome{state: failed, why: "sending ACK: " + err.Error()}
	}
	c.report.up(number, setup)
	return c.talk(ctx, dialog, number, setup)
}

// talk holds the call and hangs up, unless the other side does.
func (c *caller) talk(ctx context.Context, dialog *sipgo.DialogClientSession, number int, setup time.Duration) outcome {
	defer c.report.down()
	begin := time.Now()
	timer := time.NewTimer(c.hold)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	case <-dialog.Context().Done():
		c.report.call(number, "the other side hung up after %s", seconds(time.Since(begin)))
		return outcome{state: answered, setup: setup}
	}
	lasted := time.Since(begin)
	if err := c.hangUp(ctx, dialog); err != nil {
		return outcome{state: failed, why: "hanging up: " + err.Error()}
	}
	c.report.call(number, "hung up after %s", seconds(lasted))
	return outcome{state: answered, setup: setup}
}

func (c *caller) hangUp(ctx context.Context, dialog *sipgo.DialogClientSession) error {
	limit := 64 * sip.T1 // RFC 3261 17.1.2.2, Timer F
	if ctx.Err() != nil {
		limit = graceTime
	}
	byeCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	contact := dialog.InviteResponse.Contact()
	if contact == nil {
		contact = &sip.ContactHeader{Address: dialog.InviteRequest.Recipient} // an answer without one is against RFC 3261 12.1.1
	}
	return dialog.WriteBye(byeCtx, c.bye(contact))
}

// unanswered sorts out why WaitAnswer gave no answer.
func (c *caller) unanswered(ctx context.Context, dialog *sipgo.DialogClientSession, err error) outcome {
	var refusal *sipgo.ErrDialogResponse
	if errors.As(err, &refusal) {
		return outcome{state: refused, why: refusalText(refusal.Res)}
	}
	if res := dialog.InviteResponse; res != nil && res.IsSuccess() {
		// The answer crossed the CANCEL: it stands, and has to be hung up (RFC 3261 15).
		if err := errors.Join(dialog.Ack(ctx), c.hangUp(ctx, dialog)); err != nil {
			return outcome{state: failed, why: "hanging up an answer that crossed the CANCEL: " + err.Error()}
		}
	}
	switch {
	case ctx.Err() != nil:
		return outcome{state: given}
	case errors.Is(err, context.DeadlineExceeded):
		return outcome{state: failed, why: "no answer within " + c.wait.String() + ", cancelled"}
	case errors.Is(err, sip.ErrTransactionTimeout):
		return outcome{state: failed, why: "no reply from " + c.gatekeeper}
	}
	return outcome{state: failed, why: err.Error()}
}

// invite is a new INVITE. sipgo adds Via, To, Call-ID, CSeq and Max-Forwards.
func (c *caller) invite() *sip.Request {
	req := sip.NewRequest(sip.INVITE, *c.target.Clone())
	from := sip.FromHeader{Address: sip.Uri{Scheme: "sip", User: c.from, Host: c.target.Host}, Params: sip.NewParams()}
	from.Params.Add("tag", sip.GenerateTagN(16))
	req.AppendHeader(&from)
	req.AppendHeader(sip.NewHeader("User-Agent", "tollgate call"))
	req.AppendHeader(sip.NewHeader("Content-Type", "application/sdp"))
	req.SetBody(mediaDescription(c.phone))
	return req
}

// refusalText is the status line of a refusal with its Reason (RFC 3326), made safe for a terminal.
func refusalText(res *sip.Response) string {
	text := phrase(res)
	if reason := res.GetHeader("Reason"); reason != nil {
		text += "; Reason: " + reason.Value()
	}
	return printable(text)
}

func phrase(res *sip.Response) string {
	return printable(strconv.Itoa(res.StatusCode) + " " + res.Reason)
}

// printable takes out what a terminal would obey, and ends a text that is too long.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if !strconv.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
	if r := []rune(s); len(r) > 200 {
		return string(r[:200]) + "…"
	}
	return s
}

func seconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 2, 64) + " s" }
