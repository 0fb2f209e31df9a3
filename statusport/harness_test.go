package statusport

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"

	"tollgate/cdr"
	"tollgate/config"
	"tollgate/gatekeeper"
)

// patience bounds every wait of the tests.
const patience = 10 * time.Second

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// gatekeeperDouble stands in for the call table and the program.
type gatekeeperDouble struct {
	mu         sync.Mutex
	calls      []*cdr.Record
	problems   config.Problems // what Reload answers
	onReload   func()
	onShutdown func()
	stops      int
	maintained bool
}

// locked changes or reads the double while sessions use it.
func (g *gatekeeperDouble) locked(f func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	f()
}

func (g *gatekeeperDouble) stopped() (n int) {
	g.locked(func() { n = g.stops })
	return n
}

func (g *gatekeeperDouble) Calls() []*cdr.Record {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.calls)
}

func (g *gatekeeperDouble) Disconnect(number uint64) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	before := len(g.calls)
	g.calls = slices.DeleteFunc(g.calls, func(r *cdr.Record) bool { return r.Number == number })
	return len(g.calls) < before
}

func (g *gatekeeperDouble) Reload() config.Problems {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.onReload != nil {
		g.onReload()
	}
	return g.problems
}

func (g *gatekeeperDouble) Shutdown() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.stops++
	if g.onShutdown != nil {
		g.onShutdown()
	}
}

func (g *gatekeeperDouble) Maintain(on bool) { g.locked(func() { g.maintained = on }) }

func (g *gatekeeperDouble) Maintained() (on bool) {
	g.locked(func() { on = g.maintained })
	return on
}

func (g *gatekeeperDouble) Stats() gatekeeper.Stats {
	started := time.Date(2026, 11, 22, 0, 40, 37, 0, time.UTC)
	return gatekeeper.Stats{
		Started: started, Current: 3, Active: 2, Total: 7, Successful: 5, Peak: 4, PeakAt: started.Add(90 * time.Second),
	}
}

// start runs a server on a free port; edit may change its settings before.
func start(t testing.TB, g *gatekeeperDouble, edit func(*Server, *Settings)) *Server {
	t.Helper()
	auth, problems := parseAuthText(t, "")
	if problems != nil {
		t.Fatal(problems)
	}
	settings := Settings{Auth: auth, MaxClients: 20, TraceLevel: 2, MaxQueue: 1 << 20}
	s, err := New(Options{
		Addresses: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")},
		Version:   "1.2.3",
		Calls:     g, Stats: g.Stats, Control: g, Maintenance: g,
		Log: zap.NewNop(),
	}, settings)
	if err != nil {
		t.Fatal(err)
	}
	if edit != nil {
		edit(s, &settings)
		s.Reconfigure(settings)
	}
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// user is a client as a test sees it.
type user struct {
	t    testing.TB
	conn net.Conn
	r    *bufio.Reader
}

// dial connects without reading anything.
func dial(t testing.TB, s *Server) *user {
	t.Helper()
	conn, err := net.Dial("tcp", s.Addrs()[0].String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return &user{t, conn, bufio.NewReader(conn)}
}

// connect connects and reads the greeting.
func connect(t testing.TB, s *Server) *user {
	t.Helper()
	u := dial(t, s)
	got := make([]byte, len(negotiation))
	if _, err := io.ReadFull(u.r, got); err != nil || string(got) != negotiation {
		t.Fatalf("telnet negotiation: %q, %v", got, err)
	}
	for u.line() != ";" {
	}
	return u
}

// line reads a line and checks that it ends with CR LF.
func (u *user) line() string {
	u.t.Helper()
	text, err := u.r.ReadString('\n')
	if err != nil {
		u.t.Fatalf("reading a line: %v (got %q)", err, text)
	}
	text, ok := strings.CutSuffix(text, "\r\n")
	if !ok {
		u.t.Fatalf("the line %q does not end with CR LF", text)
	}
	return text
}

func (u *user) send(text string) {
	u.t.Helper()
	if _, err := io.WriteString(u.conn, text); err != nil {
		u.t.Fatal(err)
	}
}

// expect reads lines and compares them.
func (u *user) expect(lines ...string) {
	u.t.Helper()
	for _, want := range lines {
		if got := u.line(); got != want {
			u.t.Fatalf("got line %q, want %q", got, want)
		}
	}
}

// expectEnd checks that the server closes the connection without sending anything more.
func (u *user) expectEnd() {
	u.t.Helper()
	rest, err := io.ReadAll(u.r)
	if err != nil && !errors.Is(err, net.ErrClosed) || len(rest) > 0 {
		u.t.Fatalf("got %q and %v, want the end of the connection", rest, err)
	}
}

// eventually polls until ok holds.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("still not so: %s", what)
		}
	}
}

func (s *Server) clientCount() int { return len(*s.clients.Load()) }

// parseAuthText checks and parses the lines of a [GkStatus::Auth] section.
func parseAuthText(t testing.TB, lines string) (*Auth, config.Problems) {
	t.Helper()
	f, err := config.Parse("test.ini", []byte("["+AuthSection+"]\n"+lines))
	if err != nil {
		t.Fatal(err)
	}
	schema := config.Schema{AuthDecl()}
	problems := schema.Check(f, false)
	sec := schema.Section(f, AuthSection)
	auth, more := ParseAuth(sec)
	if m := sec.Undeclared(); len(m) > 0 {
		t.Errorf("undeclared keys: %v", m)
	}
	return auth, append(problems, more...)
}
