package peer

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// FreeRADIUS is a real accounting server that writes every Accounting-Request to a detail file before it answers.
type FreeRADIUS struct {
	Port   int    // of accounting, on 127.0.0.1
	Secret string // of every client on 127.0.0.1
	// Policy is unlang that the server obeys before it stores a record, so that it may refuse some of them or not answer them; "" is
	// none. A change counts from the next Restart.
	Policy string

	t       testing.TB
	dir     string // its configuration, its detail file and what it printed
	process *Process

	size    int64    // of the detail file when it was last read
	records []Record // in it
}

// radiusConfig is all that the server needs. Its folder, its port, its secret and its policy are filled in.
const radiusConfig = `
prefix = %[1]s
name = radius
libdir = /usr/lib/freeradius
run_dir = %[1]s
max_request_time = 30
cleanup_delay = 5
max_requests = 16384
hostname_lookups = no
log {
	destination = stdout
}
security {
	max_attributes = 200
	status_server = yes
}
thread pool {
	start_servers = 2
	max_servers = 4
	min_spare_servers = 1
	max_spare_servers = 4
	max_requests_per_server = 0
}
client test {
	ipaddr = 127.0.0.1
	secret = %[3]s
}
modules {
	always ok {
		rcode = ok
	}
	detail {
		filename = %[1]s/detail
		permissions = 0600
		locking = yes
		header = "%%t"
	}
}
server default {
	listen {
		type = acct
		ipaddr = 127.0.0.1
		port = %[2]d
	}
	accounting {
		%[4]s
		detail
	}
}
`

// StartFreeRADIUS starts the server on a free port with a configuration of its own and ends it with the test.
func StartFreeRADIUS(t testing.TB) *FreeRADIUS {
	t.Helper()
	r := &FreeRADIUS{Port: FreePort(t, "udp"), Secret: "the secret of the test peer", t: t, dir: t.TempDir()}
	t.Cleanup(func() {
		if t.Failed() && r.process != nil {
			out := r.process.Output()
			t.Logf("freeradius printed: %s", out[max(0, len(out)-2000):])
		}
		r.Kill()
	})
	r.Restart()
	return r
}

// Address is HOST:PORT of accounting.
func (r *FreeRADIUS) Address() string { return fmt.Sprintf("%s:%d", Loopback, r.Port) }

// DetailFile is where the server writes its records, for a reader of its own: Records keeps them all in memory.
func (r *FreeRADIUS) DetailFile() string { return filepath.Join(r.dir, "detail") }

// Restart starts the server anew on the same port, with the records that it has.
func (r *FreeRADIUS) Restart() {
	r.t.Helper()
	r.Stop()
	text := fmt.Sprintf(radiusConfig, r.dir, r.Port, `"`+r.Secret+`"`, r.Policy)
	for name, content := range map[string]string{"radiusd.conf": text, "dictionary": ""} {
		if err := os.WriteFile(filepath.Join(r.dir, name), []byte(content), 0o600); err != nil {
			r.t.Fatal(err)
		}
	}
	process, err := Start(r.dir, "freeradius", "-f", "-d", r.dir)
	if err != nil {
		r.t.Fatal(err)
	}
	r.process = process
	if err := process.WaitReady(context.Background(), func() bool { return Listening("udp", r.Port) }); err != nil {
		r.t.Fatal(err)
	}
}

// Stop ends the server in good order. Its port refuses from then on: the system answers with ICMP port unreachable.
func (r *FreeRADIUS) Stop() {
	if r.process != nil {
		r.Resume() // a paused process would not hear the signal
		r.process.Stop(syscall.SIGTERM)
		r.process = nil
	}
}

// Kill ends the server at once.
func (r *FreeRADIUS) Kill() {
	if r.process != nil {
		r.process.Kill()
		r.process = nil
	}
}

// Pause makes the server silent: requests queue in its socket, and no answer comes.
func (r *FreeRADIUS) Pause() { r.signal(syscall.SIGSTOP) }

// Resume ends a pause; the server handles what has queued.
func (r *FreeRADIUS) Resume() { r.signal(syscall.SIGCONT) }

func (r *FreeRADIUS) signal(s syscall.Signal) {
	r.t.Helper()
	if err := r.process.Signal(s); err != nil {
		r.t.Fatalf("freeradius: sending %v: %v", s, err)
	}
}

// Record is one accounting record: the values of each attribute, without quotes, in their order.
type Record map[string][]string

// Get is the first value of the attribute, "" without one.
func (r Record) Get(attribute string) string {
	if values := r[attribute]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// Records are all records that the server has stored, in their order. They are not to be changed, and Records is for
// one goroutine at a time: what was read stays in memory until the file grows.
func (r *FreeRADIUS) Records(t testing.TB) []Record {
	t.Helper()
	path := r.DetailFile()
	info, err := os.Stat(path)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() != r.size {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		r.size, r.records = int64(len(content)), ParseDetail(string(content))
	}
	return r.records
}

// ParseDetail reads a detail file: a line of header, then indented lines NAME = VALUE, then an empty line. A record that
// is not complete yet is left out.
func ParseDetail(content string) []Record {
	var records []Record
	var record Record
	for lines := bufio.NewScanner(strings.NewReader(content)); lines.Scan(); {
		line := lines.Text()
		name, value, pair := strings.Cut(strings.TrimSpace(line), " = ")
		switch {
		case line == "" && record != nil:
			records = append(records, record)
			record = nil
		case !strings.HasPrefix(line, "\t"):
			record = Record{}
		case pair && record != nil:
			record[name] = append(record[name], unquote(value))
		}
	}
	return records
}

// unquote takes the quotes from a text and the backslashes from what they protect; a number stays as it is.
func unquote(value string) string {
	inner, ok := strings.CutPrefix(value, `"`)
	if !ok {
		return value
	}
	inner = strings.TrimSuffix(inner, `"`)
	return strings.NewReplacer(`\\`, `\`, `\"`, `"`, `\n`, "\n", `\r`, "\r", `\t`, "\t").Replace(inner)
}
