package sip

import (
	"bytes"
	"net/netip"
	"slices"

	"tollgate/gatekeeper/sip/routes"
)

// target is where a request can be sent.
type target struct {
	addr netip.AddrPort
	uri  string // the Request-URI that it is to have there
}

// fork is the response context of a request that may go to several targets (RFC 3261 16.5 to 16.7).
type fork struct {
	steps      [][]target   // still to be tried: one after the other, those of a step at once
	routes     [][]byte     // the Route set that is left of a preloaded one
	loop       uint32       // the mark that our branches carry (RFC 5393 4.2)
	breadth    int          // how many branches may be out at once (RFC 5393 5)
	counted    bool         // the request has a Max-Breadth
	best       *finalAnswer // of those that came; nil: none
	challenges []byte       // header lines of 401s and 407s that are not the best answer
	targets    int          // that were ever listed
	followed   bool         // the next step is what a redirection has named
}

// maxTargets bounds the targets of a request, those that redirections name among them.
const maxTargets = 32

// finalAnswer is a final answer that may go up.
type finalAnswer struct {
	status     int
	datagram   []byte
	challenges []byte // its header lines of a 401 or 407
	cause      int    // Q.850
	ours       bool   // nobody sent it
}

// newFork is a response context for these steps.
func (s *shard) newFork(m *message, steps [][]target, routes [][]byte) *fork {
	f := &fork{steps: steps, loop: s.front.loopMark(m), breadth: defaultBreadth}
	for _, r := range routes {
		f.routes = append(f.routes, bytes.Clone(r))
	}
	for _, step := range steps {
		f.targets += len(step)
	}
	if v := m.find(hdrMaxBreadth); v != nil {
		n, _ := decimal(v) // acceptable has read it
		f.breadth, f.counted = int(min(n, maxTargets)), true
	}
	return f
}

// defaultBreadth is what a request without Max-Breadth has (RFC 5393 5.3.3).
const defaultBreadth = 60

// take gives the next step, no broader than may be; what is too much of it comes behind (RFC 5393 5.3.3).
func (f *fork) take() []target {
	step := f.steps[0]
	f.steps, f.followed = f.steps[1:], false
	if n := max(f.breadth, 1); len(step) > n {
		f.steps = append([][]target{step[n:]}, f.steps...)
		step = step[:n]
	}
	return step
}

// add puts further targets in front of those that are left, one after the other.
func (f *fork) add(more []target) {
	steps := make([][]target, 0, len(more)+len(f.steps))
	for i := range more {
		steps = append(steps, more[i:i+1])
	}
	f.steps = append(steps, f.steps...)
	f.targets += len(more)
}

// lists tells whether the targets that are left have that one.
func (f *fork) lists(t target) bool {
	return slices.ContainsFunc(f.steps, func(step []target) bool { return slices.Contains(step, t) })
}

// consider keeps the answer if it is better than those before, and its challenge in any case (RFC 3261 16.7 steps 6 and 7).
func (f *fork) consider(a finalAnswer) {
	if f.best == nil {
		f.best = &a
		return
	}
	other := a.challenges
	if rank(a.status) < rank(f.best.status) {
		other = f.best.challenges
		f.best = &a
	}
	f.challenges = append(f.challenges, other...)
}

// rank orders final answers, the best first (RFC 3261 16.7 step 6): any 6xx, else the lowest class; of a class those that
// tell the caller what to change, and last those that say only that nothing came of it.
func rank(status int) int {
	class := status / 100 * 10
	switch status {
	case 401, 407, 415, 420, 484:
		return class
	case 408, 487, 503:
		return class + 2
	}
	if status >= 600 {
		return 0
	}
	return class + 1
}

// challenges are the header lines of an answer that a proxy joins of several 401s and 407s.
func challenges(m *message) []byte {
	if m.status != 401 && m.status != 407 {
		return nil
	}
	var lines []byte
	for i := range m.headers {
		if id := m.headers[i].id; id == hdrWWWAuthenticate || id == hdrProxyAuthenticate {
			lines = append(append(lines, m.line(&m.headers[i])...), "\r\n"...)
		}
	}
	return lines
}

// withLines is a datagram with further header lines.
func withLines(datagram, lines []byte) []byte {
	end := bytes.Index(datagram, []byte("\r\n\r\n"))
	if end < 0 || len(lines) == 0 {
		return datagram
	}
	return slices.Concat(datagram[:end+2], lines, datagram[end+2:])
}

// planned are the steps of a route for a called user.
func planned(steps []routes.Step, user string) [][]target {
	all := make([][]target, len(steps))
	for i, step := range steps {
		all[i] = make([]target, len(step))
		for j := range step {
			t := &step[j]
			all[i][j] = target{addr: t.Addr, uri: uriOf(user, t)}
		}
	}
	return all
}

// uriOf is the Request-URI for a target: the user as dialled, or as the route changes it, and the target as host.
func uriOf(user string, t *routes.Target) string {
	if t.Strip > 0 || t.Prepend != "" {
		user = escape(t.User(unescape(user)))
	}
	if user == "" {
		return "sip:" + t.Host
	}
	return "sip:" + user + "@" + t.Host
}

// escape writes a user part so that it can stand in a URI (RFC 3261 25.1).
func escape(user string) string {
	const hex = "0123456789ABCDEF"
	legal := func(c byte) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || bytes.IndexByte([]byte("-_.!~*'()&=+$,;?/"), c) >= 0
	}
	out := make([]byte, 0, len(user))
	for i := 0; i < len(user); i++ {
		switch c := user[i]; {
		case legal(c), c == '%' && i+2 < len(user) && isHex(user[i+1]) && isHex(user[i+2]):
			out = append(out, c)
		default:
			out = append(out, '%', hex[c>>4], hex[c&15])
		}
	}
	return string(out)
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f'
}
