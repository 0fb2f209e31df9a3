package test

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"tollgate/test/peer"
)

// hostileCall is a call with a text in one of the places that a caller fills.
type hostileCall struct {
	name   string
	call   *call
	sent   string   // the INVITE
	legal  bool     // it must be taken; else refused, and nothing recorded
	fields []string // what must be recorded: Call-ID, user, called, agent
}

// TestHostileValues puts each text of 09-hostile/values.txt into each place, and compares what every backend has with what was
// sent, byte for byte.
func TestHostileValues(t *testing.T) {
	p := &play{T: t, folder: "09-hostile"}
	p.setRADIUS("up")
	callee := newBusyCallee(t)
	p.gk.routeTo(callee.address())
	p.gk.start()
	p.watch = p.gk.watch()
	caller := newPhone(t, p.gk.address())
	var taken []hostileCall
	for _, h := range hostileCalls(t, caller, callee) {
		caller.send(h.sent)
		status := caller.final(h.call, 500*time.Millisecond)
		if h.legal != (status == 486) || !h.legal && status/100 != 4 && status != 0 {
			t.Errorf("%s: it was answered %d; taken: want %v", h.name, status, h.legal)
		}
		if status == 486 {
			taken = append(taken, h)
		}
	}
	p.gk.stop()
	compareTaken(t, "SQL", taken, p.records("sql:events"), "start", "stop")
	compareTaken(t, "the file", taken, split(p.records("file")), "stop")
	compareTaken(t, "the status port", taken, split(p.records("status")), "start", "stop")
	p.syslog.WaitLines(t, 2*len(taken), "FORM|")
	compareTaken(t, "syslog", taken, split(unquoted(p.records("syslog"))), "start", "stop")
	compareRADIUS(t, taken, p.radius.Records(t))
}

// hostileCalls reads the values. Each line is a Go string and the places in which it is legal, of callid, user (in From),
// called, agent; PLACE=STRING is what is to be recorded, where the grammar cuts the value.
func hostileCalls(t *testing.T, caller, callee *phone) []hostileCall {
	t.Helper()
	var calls []hostileCall
	for n, line := range readLines(t, "09-hostile/values.txt") {
		if line == "" || line[0] == '#' {
			continue
		}
		texts := goStrings(t, line)
		for i, place := range []string{"callid", "user", "called", "agent"} {
			h := hostileCall{name: fmt.Sprintf("%q in %s", texts[""], place), call: caller.newCall(fmt.Sprintf("%d-%s", n, place))}
			h.fields = []string{h.call.id, "alice", h.call.user, h.call.agent}
			switch place {
			case "callid":
				h.call.id = texts[""]
			case "user":
				h.call.from = "<sip:" + texts[""] + "@" + caller.address() + ">"
			case "called":
				h.call.user = texts[""]
			case "agent":
				h.call.agent = texts[""]
			}
			h.fields[i], h.legal = texts[place]
			h.fields[i] = strings.ReplaceAll(h.fields[i], "CALLEE", callee.address())
			h.sent = caller.request(h.call, "INVITE", 1)
			calls = append(calls, h)
		}
	}
	return calls
}

// goStrings reads a line of values.txt: the value under "", and what each place is to record.
func goStrings(t *testing.T, line string) map[string]string {
	t.Helper()
	texts, place := map[string]string{}, ""
	for rest := line; rest != ""; rest = strings.TrimLeft(rest, " ") {
		if rest[0] != '"' {
			var word string
			word, rest, _ = strings.Cut(rest, " ")
			if name, after, ok := strings.Cut(word, "="); ok {
				place, rest = name, after+" "+rest
			} else {
				texts[word] = texts[""]
			}
			continue
		}
		quoted, err := strconv.QuotedPrefix(rest)
		if err != nil {
			t.Fatalf("values.txt: %s: %v", line, err)
		}
		texts[place], _ = strconv.Unquote(quoted)
		rest = rest[len(quoted):]
	}
	return texts
}

// split takes records apart at their bars and gives each as KIND|CALLID|USER|CALLED|AGENT with the values decoded. A line that
// holds no record, such as a greeting, is left out; one that holds anything but exactly one is given as it is.
func split(lines []string) []string {
	var records []string
	for _, line := range lines {
		start := strings.Index(line, "FORM|")
		if start < 0 {
			continue
		}
		fields := strings.Split(line[start:], "|")
		if len(fields) != 8 || fields[7] != "END" || strings.Count(line, "FORM|") != 1 {
			records = append(records, line)
			continue
		}
		for i := range fields {
			if decoded, err := url.PathUnescape(fields[i]); err == nil {
				fields[i] = decoded
			}
		}
		records = append(records, fields[1]+"|"+strings.Join(fields[3:7], "|"))
	}
	return records
}

// compareTaken wants a record of each of the kinds for each call, and no other.
func compareTaken(t *testing.T, where string, taken []hostileCall, records []string, kinds ...string) {
	t.Helper()
	got := map[string]int{}
	for _, r := range records {
		got[r]++
	}
	for _, h := range taken {
		for _, kind := range kinds {
			record := kind + "|" + strings.Join(h.fields, "|")
			if got[record] != 1 {
				t.Errorf("%s: %s: %d records %q, want 1", where, h.name, got[record], record)
			}
			delete(got, record)
		}
	}
	for record, n := range got {
		t.Errorf("%s has %d records that belong to no call: %q", where, n, record)
	}
}

// compareRADIUS compares the attributes, as FreeRADIUS writes them.
func compareRADIUS(t *testing.T, taken []hostileCall, records []peer.Record) {
	t.Helper()
	if len(records) != 2*len(taken) {
		t.Errorf("RADIUS has %d records, want %d", len(records), 2*len(taken))
	}
	got := map[string]int{}
	for _, r := range records {
		got[r.Get("Acct-Status-Type")+"|"+octal(r.Get("User-Name"))+"|"+octal(r.Get("Called-Station-Id"))]++
	}
	want := map[string]int{}
	for _, h := range taken {
		f := h.fields
		want["Start|"+f[1]+"|"+f[2]]++
		want["Stop|"+f[1]+"|"+f[2]]++
	}
	for record, n := range want {
		if got[record] != n {
			t.Errorf("RADIUS: %d records %q, want %d", got[record], record, n)
		}
	}
}

// octal takes back FreeRADIUS's \ooo.
func octal(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// newBusyCallee is a callee that answers each INVITE with 486, whatever stands in it.
func newBusyCallee(t *testing.T) *phone {
	t.Helper()
	callee := newPhone(t, "127.0.0.1:9")
	done := make(chan struct{})
	go func() {
		defer close(done)
		buffer := make([]byte, 65536)
		for {
			n, from, err := callee.conn.ReadFromUDP(buffer)
			if err != nil {
				return
			}
			if request := string(buffer[:n]); strings.HasPrefix(request, "INVITE ") {
				_, _ = callee.conn.WriteToUDP([]byte(busy(request)), from)
			}
		}
	}()
	t.Cleanup(func() {
		callee.conn.Close()
		<-done
	})
	return callee
}

// busy is the answer 486 to a request.
func busy(request string) string {
	answer := "SIP/2.0 486 Busy Here\r\n"
	for line := range strings.SplitSeq(request, "\r\n") {
		switch name, _, _ := strings.Cut(line, ":"); name {
		case "Via", "From", "Call-ID", "CSeq":
			answer += line + "\r\n"
		case "To":
			answer += line + ";tag=busy\r\n"
		}
	}
	return answer + "Content-Length: 0\r\n\r\n"
}
