package sip

import (
	"bytes"
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"

	"tollgate/acctstack"
	"tollgate/gatekeeper"
)

// serve answers whatever a called side is asked, until the socket closes.
func (a *agent) serve() {
	buffer := make([]byte, 65536)
	for {
		n, err := a.conn.Read(buffer)
		if err != nil {
			return
		}
		var m message
		if m.parse(bytes.Clone(buffer[:n])) != nil || !m.request || m.method == methodAck {
			continue
		}
		_, _ = a.conn.WriteToUDPAddrPort([]byte(a.answerText(&m, "200 OK")), a.r.address())
	}
}

// await takes datagrams until that answer comes; others, and repetitions, are passed over.
func (a *agent) await(status int, cseqMethod string) *message {
	for {
		m := a.receive()
		if !m.request && m.status == status && string(m.cseqMethod) == cseqMethod {
			return m
		}
	}
}

// Many calls over several shards, with the operator at work: for the race detector, and for what is left in the end.
func TestCrowd(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	const callers, calls = 4, 40
	r := &rig{t: t, books: newBooks()}
	r.callee = r.newAgent("bob")
	settings := &Settings{Trusted: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, RefuseStatus: 503, FailoverOn: []int{408, 503}, Routes: routesTo(t, r.callee.target())}
	table := &gatekeeper.Settings{SignalTimeout: 30 * time.Second, AlertingTimeout: time.Minute, MaxPending: 1000, UpdateInterval: 10 * time.Second}
	r.gk = gatekeeper.New(gatekeeper.Identity{Name: "t"}, table, gatekeeper.Surroundings{Accounting: r.books, Sink: noSink{}}, 4, zap.NewNop())
	r.front = New(r.gk, settings, "t", zap.NewNop())
	if err := r.front.Listen([]netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")}); err != nil {
		t.Fatal(err)
	}
	r.front.Start()
	var served, crowd sync.WaitGroup
	served.Go(r.callee.serve)
	for i := range callers {
		a := r.newAgent(fmt.Sprint("alice", i))
		crowd.Go(func() {
			defer a.conn.Close()
			for n := range calls {
				a.send(a.invite(fmt.Sprintf("crowd-%d-%d", i, n)))
				l := a.callerLeg(a.await(200, "INVITE"))
				l.send("ACK")
				l.send("BYE")
				a.await(200, "BYE")
			}
		})
	}
	stop := make(chan struct{})
	served.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
				r.gk.Calls()
				r.gk.Stats()
				r.gk.Configure(table)
				r.front.Configure(settings)
				r.front.Counters()
			}
		}
	})
	crowd.Wait()
	close(stop)
	r.gk.Shutdown(t.Context(), gatekeeper.Drain{})
	r.front.Close()
	r.books.work.Wait()
	_ = r.callee.conn.Close()
	served.Wait()
	r.books.balance(t)
	if st := r.gk.Stats(); st.Total != callers*calls || st.Successful != callers*calls || st.Current != 0 {
		t.Errorf("%+v", st)
	}
	later := time.Now()
	for _, s := range r.front.shards {
		s.Tick(later.Add(100 * time.Second))
		if len(s.servers)+len(s.clients)+len(s.sessions) != 0 {
			t.Errorf("left: %d server and %d client transactions, %d sessions", len(s.servers), len(s.clients), len(s.sessions))
		}
	}
}

// A route that leads straight back to us is a loop, and makes one call.
func TestRouteToOurselves(t *testing.T) {
	r := newRig(t)
	self := "sip:" + r.address().String()
	r.front.Configure(&Settings{Trusted: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Routes: routesTo(t, self+","+self)})
	q := r.caller.send(r.caller.invite("loop"))
	r.caller.expect("482")
	r.caller.send(q.sibling("ACK"))
	r.books.expect(t, acctstack.Start, acctstack.Stop)
}
