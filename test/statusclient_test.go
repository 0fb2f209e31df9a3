package test

import (
	"bufio"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"

	"tollgate/test/peer"
)

// statusClient is somebody who watches the status port.
type statusClient struct {
	conn net.Conn
	done sync.WaitGroup

	mu    sync.Mutex
	lines []string
}

// watch connects to the gatekeeper's status port and collects what comes, until the test ends.
func (g *gatekeeper) watch() *statusClient {
	g.t.Helper()
	conn, err := net.Dial("tcp", net.JoinHostPort(peer.Loopback, strconv.Itoa(g.status)))
	if err != nil {
		g.t.Fatal(err)
	}
	c := &statusClient{conn: conn}
	c.done.Go(c.read)
	g.t.Cleanup(func() {
		conn.Close()
		c.done.Wait()
	})
	return c
}

func (c *statusClient) read() {
	for lines := bufio.NewScanner(c.conn); lines.Scan(); {
		line := lines.Text()
		for strings.HasPrefix(line, "\xff") && len(line) >= 3 { // telnet's options
			line = line[3:]
		}
		c.mu.Lock()
		c.lines = append(c.lines, line)
		c.mu.Unlock()
	}
}

// all are the lines so far.
func (c *statusClient) all() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.lines...)
}

// send gives a command.
func (c *statusClient) send(t testing.TB, command string) {
	t.Helper()
	if _, err := c.conn.Write([]byte(command + "\r\n")); err != nil {
		t.Fatal(err)
	}
}

// wait waits for a line with that text.
func (c *statusClient) wait(t testing.TB, text string) {
	t.Helper()
	if !eventually(func() bool { return strings.Contains(strings.Join(c.all(), "\n"), text) }) {
		t.Fatalf("the status port never said %q; it said:\n%s", text, strings.Join(c.all(), "\n"))
	}
}
