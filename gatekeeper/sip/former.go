package sip

import "tollgate/packed"

// What former versions of the program have written of a call that was not answered: each step was one target, of which the
// host was known, and the branches carried no mark.
const (
	formerInvite  byte = 'I'
	formerAttempt byte = 'A'
)

func (c *savedCall) readFormerInvite(r *packed.Reader) {
	c.from, c.listener, c.branch = r.AddrPort(), r.AddrPort(), readBranch(r)
	for n := r.Uint(); n > 0 && r.Err() == nil; n-- {
		c.steps = append(c.steps, readFormerTarget(r))
	}
	c.invite = r.Bytes()
	for i := range c.steps {
		c.complete(c.steps[i])
	}
}

func (c *savedCall) readFormerAttempt(r *packed.Reader) {
	a := attempt{branch: readBranch(r), step: readFormerTarget(r)}
	c.complete(a.step)
	c.attempts = append(c.attempts, a)
}

// readFormerTarget reads a step whose Request-URI is its host only.
func readFormerTarget(r *packed.Reader) []target {
	return []target{{uri: r.Text(), addr: r.AddrPort()}}
}

// complete makes a Request-URI of a step's host: its user was the dialled one.
func (c *savedCall) complete(step []target) {
	var m message
	if m.parse(c.invite) != nil {
		return
	}
	prefix := "sip:"
	if user := userOf(m.uri); user != "" {
		prefix += user + "@"
	}
	step[0].uri = prefix + step[0].uri
}
