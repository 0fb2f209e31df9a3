package sip

import (
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"tollgate/acctstack"
	"tollgate/cdr"
	"tollgate/gatekeeper"
)

// soup is what FuzzSteps makes its datagrams of: by the low bits of a byte, so that sequences that mean something are
// found soon. Calls, tags and branches are few, so that they meet.
type soup struct {
	front  *Front
	books  *books
	caller netip.AddrPort
	callee netip.AddrPort
	sink   *agent
	now    time.Time
	sent   []string // requests that the front has sent, as the called side got them
}

func newSoup(t *testing.T) *soup {
	r := &rig{t: t}
	s := &soup{books: newBooks(), caller: netip.MustParseAddrPort("127.0.0.1:9"), now: time.Now()}
	s.sink = r.newAgent("sink")
	s.callee = s.sink.addr
	settings := &Settings{Trusted: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, RefuseStatus: 503, FailoverOn: []int{408, 503}, Routes: routesTo(t, s.sink.target()+","+s.sink.target())}
	gk := gatekeeper.New(gatekeeper.Identity{Name: "t"}, &gatekeeper.Settings{SignalTimeout: 30 * time.Second, AlertingTimeout: 60 * time.Second, MaxPending: 50}, gatekeeper.Surroundings{Accounting: s.books, Sink: noSink{}}, 1, zap.NewNop())
	s.front = New(gk, settings, "t", zap.NewNop())
	if err := s.front.Listen([]netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")}); err != nil {
		t.Fatal(err)
	}
	return s
}

// take reads what the front has sent to its target so far. Over loopback it is there at once.
func (s *soup) take(t *testing.T) {
	buffer := make([]byte, 65536)
	for {
		_ = s.sink.conn.SetReadDeadline(time.Now().Add(500 * time.Microsecond))
		n, err := s.sink.conn.Read(buffer)
		if err != nil {
			return
		}
		if m := (&message{}); m.parse(buffer[:n]) != nil {
			t.Fatalf("the front sent %q", buffer[:n])
		} else if m.request {
			s.sent = append(s.sent, string(m.raw))
		}
	}
}

func (s *soup) step(t *testing.T, op, arg byte) {
	var m message
	l := s.front.listeners[0]
	deliver := func(text string, from netip.AddrPort) { s.front.datagram(&m, []byte(text), from, l) }
	switch op % 8 {
	case 0, 1: // a request
		methods := []string{"INVITE", "ACK", "CANCEL", "BYE", "INFO", "INVITE", "OPTIONS", "UPDATE"}
		method := methods[arg%8]
		q := &req{method: method, uri: "sip:1@" + l.hostPort, branch: "z9hG4bKx" + string('a'+arg>>3&3), from: "<sip:a@b>;tag=f", to: "<sip:c@d>", callID: "c" + string('0'+arg>>5&1), cseq: 1 + int(arg>>6), contact: "<sip:a@127.0.0.1:9>"}
		if op&8 != 0 {
			q.to += ";tag=t" + string('0'+op>>4&1)
		}
		if op&32 != 0 {
			q.from, q.to = q.to, q.from
		}
		if op&64 != 0 {
			q.extra = []string{"Route: <sip:" + l.hostPort + ";lr>"}
		}
		deliver(q.text(&agent{addr: s.caller}), s.caller)
	case 2, 3, 4: // an answer to something that was sent
		s.take(t)
		if len(s.sent) == 0 {
			return
		}
		statuses := []string{"100 Trying", "180 Ringing", "200 OK", "200 OK", "487 Request Terminated", "503 Service Unavailable", "603 Decline", "408 Request Timeout"}
		to := parsed(t, s.sent[int(arg>>3)%len(s.sent)])
		text := s.sink.answerText(to, statuses[arg%8])
		deliver(strings.ReplaceAll(text, "tag=tag-sink", "tag=t"+string('0'+op>>4&1)), s.callee)
	case 5:
		s.now = s.now.Add(time.Duration(arg) * 40 * time.Millisecond)
		s.front.shards[0].Tick(s.now)
	case 6:
		s.books.mu.Lock()
		s.books.holds, s.books.fails = 0, 0
		if arg%8 == 1 {
			s.books.holds = acctstack.KindsOf(acctstack.Start)
		}
		if arg%8 == 2 {
			s.books.fails = acctstack.KindsOf(acctstack.Start)
		}
		s.books.mu.Unlock()
	case 7:
		s.books.settle()
		if arg%8 == 7 {
			s.front.gk.Disconnect(uint64(arg >> 3))
		}
	}
}

// finish ends whatever is left, and nothing may remain.
func (s *soup) finish(t *testing.T) {
	s.books.settle()
	s.front.gk.Shutdown(t.Context(), gatekeeper.Drain{})
	for range 8 {
		s.now = s.now.Add(40 * time.Second)
		s.front.shards[0].Tick(s.now)
	}
	s.front.Close()
	_ = s.sink.conn.Close()
	s.books.work.Wait()
	sh := s.front.shards[0]
	if len(sh.servers)+len(sh.clients)+len(sh.sessions) != 0 {
		t.Errorf("left: %d server and %d client transactions, %d sessions", len(sh.servers), len(sh.clients), len(sh.sessions))
	}
	if st := s.front.gk.Stats(); st.Current != 0 || st.Active != 0 {
		t.Errorf("counters are off: %+v", st)
	}
	s.books.balance(t)
}

func (s *soup) run(t *testing.T, script []byte) {
	for i := 0; i+1 < len(script); i += 2 {
		s.step(t, script[i], script[i+1])
	}
	s.finish(t)
}

// FuzzSteps: whatever comes in whatever order, each call has one stop and nothing is left.
func FuzzSteps(f *testing.F) {
	f.Add([]byte{0, 0, 2, 1, 2, 2, 8, 1, 8, 3, 2, 10})
	f.Add([]byte{6, 1, 0, 0, 0, 2, 7, 0})
	f.Add([]byte{0, 0, 2, 0, 0, 2, 2, 2, 7, 3, 5, 255})
	f.Add([]byte{0, 0, 2, 5, 2, 13, 5, 60, 5, 255})
	f.Fuzz(func(t *testing.T, script []byte) {
		if len(script) > 120 {
			return
		}
		newSoup(t).run(t, script)
	})
}

func TestRandomSteps(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	seen := map[string]int{}
	for range 150 {
		script := make([]byte, 2*(5+random.IntN(40)))
		for i := range script {
			script[i] = byte(random.Uint32())
		}
		script[0], script[1], script[2] = 0, 0, 2 // an INVITE and an answer
		s := newSoup(t)
		if s.run(t, script); t.Failed() {
			t.Fatalf("script %v", script)
		}
		for _, kind := range s.books.kinds() {
			seen[kind]++
		}
	}
	if seen["alert"] < 10 || seen["connect"] < 30 {
		t.Errorf("the scripts hardly make calls: %v", seen)
	}
}

// A request that would not fit into a datagram once our Via stands in it is refused at once (RFC 3261 21.5.7).
func TestRequestThatCannotGoOn(t *testing.T) {
	r := newRig(t)
	q := r.caller.invite("huge")
	text := q.text(r.caller)
	// The largest payload of UDP over IPv4, which leaves no room for what we add.
	padding := strings.Repeat("x", 65507-len(text)-len("X-Pad: \r\n"))
	r.caller.sendText(strings.Replace(text, "\r\n\r\n", "\r\nX-Pad: "+padding+"\r\n\r\n", 1))
	r.caller.expect("513")
	r.caller.send(q.sibling("ACK"))
	r.callee.quiet()
	if cause, by := r.endOf(t, acctstack.Start, acctstack.Stop); cause != 127 || by != cdr.ReleasedByGatekeeper {
		t.Errorf("cause %d by %d", cause, by)
	}
}
